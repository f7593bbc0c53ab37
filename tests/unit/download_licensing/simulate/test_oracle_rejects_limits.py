"""Services that decide by other limits, which the oracle must notice in both directions."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from download_licensing.simulate.oracle import Kind
from download_licensing.simulate.oracle.terms import Terms
from tests.unit.download_licensing.simulate.paper_service import terms_with
from tests.unit.download_licensing.simulate.stories import Story

Telling = Callable[[Terms], Story]


def devices(terms: Terms) -> Story:
    return Story(terms).request(0, "tv").request(1, "phone").request(2, "tablet")


def downloads(terms: Terms) -> Story:
    return Story(terms, plan="basic").request(0).request(1).request(2).request(3)


def year(terms: Terms) -> Story:
    return Story(terms).request(0, title="once").request(200, title="once")


def refresh(terms: Terms) -> Story:
    return (
        Story(terms)
        .request(0, title="month")
        .request(1, title="month")
        .request(2, title="month")
        .renew(100, "lic-k2")
    )


@pytest.mark.parametrize(
    ("tell", "lax"),
    [
        (devices, terms_with("device-limit", devices_max=3)),
        (downloads, terms_with("active-downloads-per-device", downloads_max=9)),
        (year, terms_with("title-downloads-per-year", downloads_max=9)),
        (refresh, terms_with("title-downloads-per-year", downloads_max=9)),
    ],
    ids=["devices", "downloads", "year", "refresh"],
)
def test_a_limit_that_was_passed_is_found(tell: Telling, lax: Terms) -> None:
    story = tell(lax)
    assert 403 not in story.statuses()
    limits_passed = [f for f in story.judged() if f.kind is Kind.LIMIT_PASSED]
    assert [finding.position for finding in limits_passed] == [_last_command_at(story)]


@pytest.mark.parametrize(
    ("tell", "strict"),
    [
        (
            lambda terms: Story(terms).request(0, "tv").request(1, "phone"),
            terms_with("device-limit", devices_max=1),
        ),
        (
            lambda terms: Story(terms).request(0).request(1),
            terms_with("active-downloads-per-device", downloads_max=1),
        ),
        (
            lambda terms: Story(terms).request(0, title="month").request(1, title="month"),
            terms_with("title-downloads-per-year", downloads_max=1),
        ),
    ],
    ids=["devices", "downloads", "year"],
)
def test_a_refusal_below_the_limit_is_found(tell: Telling, strict: Terms) -> None:
    story = tell(strict)
    assert story.statuses()[-1] == 403
    assert Kind.REFUSED_BELOW_LIMIT in {finding.kind for finding in story.judged()}


def test_a_renewal_too_many_is_found() -> None:
    story = Story(terms_with("renewals-per-license", renewals_max=9)).request(0, title="short")
    story.renew(1, "lic-k2").renew(2, "lic-k2")
    events = story.spoilt("license-issued", lambda data: data.update(renewals_max=1))
    assert Kind.LIMIT_PASSED in {finding.kind for finding in story.judged(events=events)}


def test_a_renewal_that_was_refused_too_early_is_found() -> None:
    story = (
        Story(terms_with("renewals-per-license", renewals_max=0))
        .request(0, title="short")
        .renew(1, "lic-k2")
    )
    events = story.spoilt("license-issued", lambda data: data.update(renewals_max=1))
    assert Kind.REFUSED_BELOW_LIMIT in {finding.kind for finding in story.judged(events=events)}


def test_a_year_that_is_a_moment_too_short_is_found() -> None:
    story = Story(terms_with("title-downloads-per-year", downloads_max=2))
    story.request(0, title="once").request(365 - 1e-6, title="once")
    assert Kind.LIMIT_PASSED in {finding.kind for finding in story.judged()}


def test_a_download_that_is_still_counted_after_a_year_is_found() -> None:
    story = Story().request(0, title="once").request(364, title="once")
    refused = replace(story.entries[-1], at=story.entries[0].at.replace(year=2027))
    kinds = {finding.kind for finding in story.judged(entries=[*story.entries[:-1], refused])}
    assert kinds == {Kind.REFUSED_BELOW_LIMIT}


def test_a_refusal_after_the_release_that_made_room_was_acknowledged_is_found() -> None:
    story = Story(plan="basic").request(0, "tv").request(1, "phone").release(1, "lic-k2")
    refused, release = story.entries[-2:]
    late = replace(refused, began_ns=release.ended_ns + 1, ended_ns=release.ended_ns + 2)
    kinds = {f.kind for f in story.judged(entries=[*story.entries[:-2], release, late])}
    assert kinds == {Kind.REFUSED_BELOW_LIMIT}


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["unmet"][0].update(used=7),
        lambda body: body["unmet"][0].update(limit=7),
        lambda body: body["unmet"][0].update(resets_at=None),
        lambda body: body["unmet"].pop(),
        lambda body: body["unmet"].reverse(),
        lambda body: body.update(policy_version="v9"),
        lambda body: body.update(at="2026-01-02T00:00:00.000001Z"),
        lambda body: body.update(position=body["position"] - 1),
        lambda body: body.update(position=body["position"] + 1),
    ],
    ids=[
        *("used", "limit", "resets_at", "one left out", "order"),
        *("policy", "time", "position before", "position after"),
    ],
)
def test_a_refusal_that_says_something_wrong_is_found(
    change: Callable[[dict[str, Any]], Any],
) -> None:
    story = Story(plan="basic").request(0, "tv", "once").request(1, "phone", "once")
    assert story.judged() == []
    kinds = {finding.kind for finding in story.judged(entries=story.answered(change))}
    assert kinds == {Kind.REFUSED_BELOW_LIMIT}


def _last_command_at(story: Story) -> int:
    last = story.events[-1].commit_id
    return next(event.position for event in story.events if event.commit_id == last)
