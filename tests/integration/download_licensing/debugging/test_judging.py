"""Decisions judged by a policy, each at its own moment."""

import asyncio
import dataclasses
from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from download_licensing.debugging.judging import Always, Judging
from download_licensing.domain.events import LicenseIssued, LicenseRenewed
from download_licensing.domain.policy import Layer, Policies, Policy
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.service.licensing import AGGREGATES
from helenus import Aggregate
from tests.integration.download_licensing.debugging.random_lives import (
    Life,
    random_life,
)
from tests.integration.download_licensing.member import CATALOGUE, DAY, POLICIES, START

CURRENT = POLICIES.in_force(START)


def changed(**fields: Any) -> Policy:
    """The current policy, with other layers."""
    return dataclasses.replace(CURRENT, version="other", **fields)


def lives(seed: int) -> Life:
    return asyncio.run(random_life(seed))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
@example(908)  # a renewal refused after a cancellation, which ended the licence before it was noted
def test_by_the_policy_of_the_day_every_decision_comes_out_as_it_did(seed: int) -> None:
    life = lives(seed)
    judged = life.judged()
    recorded = [
        event
        for commit in life.commits
        for _, _, event in commit
        if isinstance(event, (LicenseIssued, LicenseRenewed))
    ]
    assert len(judged) == len(recorded) + len(life.refusals)
    for one in judged:
        assert one.judgement is not None
        assert one.judgement.allowed == one.granted, one
        assert one.judgement.reasons == one.reasons
        assert one.judgement.policy_version == one.policy_version
        assert not one.differs
        assert not one.lasts_otherwise


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_judgements_come_with_the_position_and_time_of_their_decision(seed: int) -> None:
    life = lives(seed)
    events = [entry for commit in life.commits for entry in commit]
    judged = life.judged()
    for one in judged:
        if one.granted:
            _, license_id, event = events[one.position - 1]
            assert isinstance(event, (LicenseIssued, LicenseRenewed))
            assert (one.license_id, one.at) == (license_id, event.at)
    assert sorted(one.position for one in judged) == [one.position for one in judged]


async def test_a_stricter_policy_would_have_refused_and_says_why() -> None:
    life = await random_life(3)
    strict = changed(default=Layer.of(TitleDownloadsPerYear(0)), titles={})
    judged = life.judged(Always(strict))
    downloads = [one for one in judged if one.judgement and one.judgement.decision == "download"]
    assert downloads
    for one in downloads:
        assert one.judgement is not None
        assert "title-downloads-per-year" in one.judgement.reasons
        assert one.differs == one.granted
        assert one.judgement.policy_version == "other"


async def test_a_laxer_policy_would_have_granted_what_was_refused() -> None:
    life = await random_life(3)
    assert life.refusals
    lax = changed(default=Layer(), plans={}, titles={})
    refused = [one for one in life.judged(Always(lax)) if not one.granted]
    assert len(refused) == len(life.refusals)
    kept = {"renewals-exhausted"}  # the number of a licence is that of its grant, for good
    for one in refused:
        assert one.judgement is not None
        assert set(one.judgement.reasons) <= kept
        assert one.differs == (not one.judgement.reasons)
    assert any(one.differs for one in refused)


async def test_a_policy_of_other_durations_grants_for_another_time() -> None:
    life = await random_life(3)
    longer = {
        title: Layer({**layer.clauses, LicenseDuration.name: LicenseDuration(17)})
        for title, layer in CURRENT.titles.items()
    }
    judged = life.judged(Always(changed(titles=longer)))
    granted = [one for one in judged if one.granted]
    for one in granted:
        assert one.judgement is not None
        assert one.lasts_otherwise
        assert one.judgement.expires_at == one.at + timedelta(hours=17)


async def test_the_history_stays_as_it_was_whatever_the_policy_says() -> None:
    life = await random_life(3)
    nothing = changed(default=Layer.of(DeviceLimit(0)), plans={})
    strict, usual = life.judged(Always(nothing)), life.judged()
    assert [one.position for one in strict] == [one.position for one in usual]
    for one, other in zip(strict, usual, strict=True):
        assert one.judgement is not None
        assert other.judgement is not None
        assert one.judgement.situation == other.judgement.situation


async def test_a_policy_that_was_not_in_force_yet_cannot_say() -> None:
    life = await random_life(3)
    late = dataclasses.replace(CURRENT, effective_from=START + 20 * DAY)
    judged = life.judged(Policies([late]))
    assert {one.judgement is None for one in judged if one.at < late.effective_from} == {True}
    assert {one.judgement is None for one in judged if one.at >= late.effective_from} == {False}
    assert not any(one.differs for one in judged)


async def test_a_title_that_the_catalogue_does_not_have_cannot_be_judged() -> None:
    life = await random_life(3)
    judging = Judging(AGGREGATES, POLICIES, {}, life.refusals)
    judged = [one for commit in life.commits for one in judging.commit(commit)]
    assert judged
    assert {one.judgement for one in judged} == {None}


async def test_only_decisions_since_a_time_are_judged_on_the_whole_history() -> None:
    life = await random_life(3)
    since = START + 30 * DAY
    judging = Judging(AGGREGATES, POLICIES, CATALOGUE.titles, life.refusals, since=since)
    judged = [one for commit in life.commits for one in judging.commit(commit)]
    judged += judging.finish()
    assert judged == [one for one in life.judged() if one.at >= since]
    assert 0 < len(judged) < len(life.judged())


async def test_several_decisions_of_one_commit_are_each_judged_on_what_came_before() -> None:
    life = await random_life(6)
    renewed = [
        sum(isinstance(event, LicenseRenewed) for _, _, event in commit) for commit in life.commits
    ]
    assert max(renewed) > 1
    together = msgspec.structs.replace(
        life, commits=[[entry for commit in life.commits for entry in commit]], refusals=[]
    )
    apart = msgspec.structs.replace(life, refusals=[])
    assert together.judged() == apart.judged()
    assert len(apart.judged()) > 3


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_folding_leads_to_the_state_that_replay_leads_to(seed: int) -> None:
    life = lives(seed)
    judging = Judging(AGGREGATES, POLICIES, CATALOGUE.titles)
    expected: dict[tuple[str, str], Aggregate] = {}
    types = {one.aggregate_name: one for one in AGGREGATES}
    for commit in life.commits:
        judging.commit(commit)
        for name, aggregate_id, event in commit:
            key = (name, aggregate_id)
            expected.setdefault(key, types[name].empty(aggregate_id)).apply(event)
    assert judging.fold.position == sum(len(commit) for commit in life.commits)
    for (name, aggregate_id), aggregate in expected.items():
        assert judging.fold.get(types[name], aggregate_id) == aggregate
