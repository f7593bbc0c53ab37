"""Why something was refused: each rule with its numbers, and the events they came from."""

import dataclasses
from typing import Any

import pytest

from download_licensing.debugging.errors import (
    NoPolicyThen,
    PositionBeyondHead,
    UnknownPolicyVersion,
)
from download_licensing.debugging.why import CAUSES_MAX, Explanation, Question, RuleTold, explain
from download_licensing.domain.policy import Policies
from download_licensing.domain.refusals import (
    AccountNotFound,
    DownloadRefused,
    LicenseNotFound,
    LicenseReleased,
    TitleNotFound,
)
from download_licensing.service.commands import ChangePlan, ReinstateTitle, WithdrawTitle
from helenus import CommandContext
from helenus.errors import InvalidArgument
from tests.integration.download_licensing.debugging.held_policies import Held
from tests.integration.download_licensing.member import (
    CATALOGUE,
    DAY,
    POLICIES,
    START,
    TICK,
    Member,
)

VERSIONS = Held(POLICIES)


async def why(member: Member, **question: Any) -> Explanation:
    return await explain(
        member.service.repository, "ada", Question(**question), VERSIONS, CATALOGUE.titles
    )


def rule(found: Explanation, name: str) -> RuleTold:
    return next(one for one in found.rules if one.rule == name)


async def refusal(attempt: Any) -> DownloadRefused:
    with pytest.raises(DownloadRefused) as refused:
        await attempt
    return refused.value


async def test_a_refusal_is_decided_again_as_it_was(member: Member) -> None:
    await member.open("solo")
    await member.request("tv", "thrice", START + DAY)
    refused = await refusal(member.request("phone", "free", START + 2 * DAY))
    await member.remove("tv", START + 3 * DAY)  # by now it would be granted
    found = await why(
        member,
        device_id="phone",
        title_id="free",
        position=refused.position,
        at=refused.at,
        policy_version=refused.policy_version,
    )
    assert not found.allowed
    assert (found.position, found.at) == (refused.position, refused.at)
    assert found.policy_version == refused.policy_version
    told = rule(found, "device-limit")
    assert (told.met, told.limit, told.used, told.reason) == (False, 1, 1, "device-limit")
    assert (told.detail, told.resets_at) == (
        refused.unmet[0].detail,
        refused.unmet[0].resets_at,
    )
    assert (told.layer, told.parameters) == ("plans.solo", {"devices_max": 1})
    assert (await why(member, device_id="phone", title_id="free")).allowed


async def test_the_numbers_of_a_rule_come_from_the_events_that_moved_them(member: Member) -> None:
    await member.open("family")
    for day, device in enumerate(("tv", "phone", "tv"), start=1):
        await member.request(device, "thrice", START + day * DAY)
        await member.request(device, "free", START + day * DAY)
    refused = await refusal(member.request("tv", "thrice", START + 9 * DAY))
    found = await why(member, device_id="tv", title_id="thrice", position=refused.position)
    counted = [
        position
        for position, (of, name) in enumerate(await member.recorded(), start=1)
        if (of, name) == ("thrice", "download-counted")
    ]
    told = rule(found, "title-downloads-per-year")
    assert [one.position for one in told.events] == counted
    assert [(one.used_before, one.used_after) for one in told.events] == [(0, 1), (1, 2), (2, 3)]
    assert "A download of thrice was counted" in told.events[0].sentence
    assert told.events[0].at == START + DAY


async def test_what_no_longer_counts_is_none_of_them(member: Member) -> None:
    await member.open("family")
    await member.request("tv", "thrice", START)
    await member.request("tv", "thrice", START + 300 * DAY)
    found = await why(member, device_id="tv", title_id="thrice", at=START + 366 * DAY)
    told = rule(found, "title-downloads-per-year")
    assert told.used == 1
    assert [(one.used_before, one.used_after) for one in told.events] == [(0, 1)]
    assert told.events[0].at == START + 300 * DAY


async def test_a_release_is_told_where_it_freed_something(member: Member) -> None:
    await member.open("solo")
    granted = await member.request("tv", "free", START)
    await member.release(granted.license_id, START + DAY)
    found = await why(member, device_id="phone", title_id="free")
    uses = [(one.used_before, one.used_after) for one in rule(found, "device-limit").events]
    assert found.allowed
    assert uses[-2:] == [(0, 1), (1, 0)]


async def test_an_extension_is_explained_by_its_licence(member: Member) -> None:
    await member.open("pair")
    granted = await member.request("tv", "short", START)
    await member.renew(granted.license_id, START + DAY)
    refused = await refusal(member.renew(granted.license_id, START + 2 * DAY))
    found = await why(
        member, license_id=granted.license_id, position=refused.position, at=refused.at
    )
    assert (found.decision, found.device_id, found.title_id) == ("renewal", "tv", "short")
    told = rule(found, "renewals-per-license")
    assert (told.met, told.limit, told.used) == (False, 1, 1)
    assert told.events[-1].sentence.startswith(f"Licence {granted.license_id} was renewed")
    later = await why(member, license_id=granted.license_id, at=START + 90 * DAY)
    assert later.decision == "refresh"


async def test_without_a_time_it_is_that_of_the_last_event_that_counts(member: Member) -> None:
    await member.open("pair", START + DAY)
    assert (await why(member, device_id="tv", title_id="free")).at == START + DAY


async def test_another_version_of_the_policy_may_be_asked(member: Member) -> None:
    await member.open("pair")
    current = POLICIES.in_force(START)
    strict = dataclasses.replace(
        current,
        version="strict",
        effective_from=START + 900 * DAY,
        plans={"pair": current.plans["solo"]},
    )
    both = Held(Policies([current, strict]))
    await member.request("tv", "free", START)
    for version, limit in ((None, 2), ("strict", 1), (current.version, 2)):
        question = Question(device_id="phone", title_id="free", policy_version=version)
        found = await explain(member.service.repository, "ada", question, both, CATALOGUE.titles)
        assert rule(found, "device-limit").limit == limit
        assert found.allowed == (limit == 2)
        assert found.policy_version == (version or current.version)


async def test_of_many_events_the_latest_are_told_and_the_others_counted(member: Member) -> None:
    await member.open("family")
    for day in range(CAUSES_MAX + 5):
        await member.request("tv", "short" if day == 0 else "free", START + day * DAY / 100)
        if day >= 98:
            break
    for number in range(60):
        granted = await member.request("phone", "free", START + 2 * DAY)
        await member.release(granted.license_id, START + 2 * DAY + number * DAY / 1_000)
    found = await why(member, device_id="phone", title_id="free", at=START + 3 * DAY)
    told = rule(found, "active-downloads-per-device")
    assert len(told.events) == CAUSES_MAX
    assert told.events_left_out > 0
    assert told.events[-1].used_after == told.used == 0


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"device_id": "tv"},
        {"title_id": "free"},
        {"device_id": "tv", "title_id": "free", "license_id": "lic-1"},
        {"device_id": "tv", "license_id": "lic-1"},
    ],
)
async def test_a_question_that_asks_nothing_or_two_things_is_refused(
    member: Member, question: dict[str, str]
) -> None:
    await member.open("pair")
    with pytest.raises(InvalidArgument, match="about a device and a title, or about a licence"):
        await why(member, **question)


async def test_what_is_not_there_is_told_as_such(member: Member) -> None:
    with pytest.raises(AccountNotFound):
        await why(member, device_id="tv", title_id="free")
    await member.open("pair")
    granted = await member.request("tv", "free")
    head = len(await member.recorded())
    with pytest.raises(AccountNotFound):
        await why(member, device_id="tv", title_id="free", position=0)
    with pytest.raises(PositionBeyondHead):
        await why(member, device_id="tv", title_id="free", position=head + 1)
    with pytest.raises(TitleNotFound):
        await why(member, device_id="tv", title_id="nowhere")
    with pytest.raises(LicenseNotFound):
        await why(member, license_id=granted.license_id, position=1)
    with pytest.raises(UnknownPolicyVersion, match="Use one of: offered"):
        await why(member, device_id="tv", title_id="free", policy_version="other")
    await member.release(granted.license_id, START + DAY)
    with pytest.raises(LicenseReleased):
        await why(member, license_id=granted.license_id)


async def test_a_time_before_any_policy_is_told_as_such(member: Member) -> None:
    await member.open("pair")
    late = dataclasses.replace(POLICIES.in_force(START), effective_from=START + DAY)
    with pytest.raises(NoPolicyThen, match="Name the version"):
        await explain(
            member.service.repository,
            "ada",
            Question(device_id="tv", title_id="free"),
            Held(Policies([late])),
            CATALOGUE.titles,
        )


async def withdraw(member: Member, title: str, day: int, reason: str = "Claim.") -> None:
    command = WithdrawTitle(title_id=title, reason=reason)
    await member.service.execute(command, CommandContext(at=START + day * DAY))


async def reinstate(member: Member, title: str, day: int) -> None:
    command = ReinstateTitle(title_id=title)
    await member.service.execute(command, CommandContext(at=START + day * DAY))


async def test_what_a_withdrawal_ended_counts_no_more_than_it_did(member: Member) -> None:
    """No event of the customer says that it ended: the refusal recorded nothing."""
    await member.open("family")
    for device, title in (("tv", "free"), ("phone", "free-2"), ("tablet", "free-3")):
        await member.request(device, title, START + DAY)
    await member.do(ChangePlan, START + 2 * DAY, plan="solo")
    await withdraw(member, "free", 3)
    refused = await refusal(member.request("watch", "thrice", START + 4 * DAY))
    (unmet,) = refused.unmet
    assert (unmet.reason, unmet.limit, unmet.used) == ("device-limit", 1, 2)

    asked: Any = {"device_id": "watch", "title_id": "thrice", "position": refused.position}
    found = await why(member, **asked, at=refused.at)
    before = await why(member, **asked, at=START + 3 * DAY - TICK)

    told = rule(found, "device-limit")
    assert (told.limit, told.used, told.resets_at) == (unmet.limit, unmet.used, unmet.resets_at)
    held = {position for position, (of, _) in enumerate(await member.recorded(), 1) if of == "tv"}
    assert held.isdisjoint(one.position for one in told.events)
    assert rule(before, "device-limit").used == 3


async def test_what_a_withdrawal_made_room_for_would_be_granted(member: Member) -> None:
    await member.open("solo")
    await member.request("tv", "free", START)
    await withdraw(member, "free", 2)
    await reinstate(member, "free", 4)  # what ended stays ended
    asked = {"device_id": "phone", "title_id": "free-2"}
    for day, allowed in ((1, False), (2, True), (3, True), (5, True)):
        found = await why(member, **asked, at=START + day * DAY)
        offered = await member.service.allowance("ada", "free-2", "phone", START + day * DAY)
        assert found.allowed == offered.allowed == allowed, day
        assert rule(found, "device-limit").used == int(not allowed)


async def test_a_licence_that_a_withdrawal_ended_is_asked_for_a_refresh(member: Member) -> None:
    await member.open("pair")
    granted = await member.request("tv", "short", START)
    await withdraw(member, "short", 1)
    await reinstate(member, "short", 2)
    found = await why(member, license_id=granted.license_id, at=START + 3 * DAY)
    assert found.decision == "refresh"
    assert rule(found, "title-downloads-per-year").used == 1
    earlier = await why(member, license_id=granted.license_id, at=START + DAY - TICK)
    assert earlier.decision == "renewal"


async def test_a_title_that_is_withdrawn_is_refused_whatever_the_rules_say(member: Member) -> None:
    await member.open("pair")
    license_id = (await member.request("tv", "free", START)).license_id
    await withdraw(member, "free", 2)
    await reinstate(member, "free", 4)
    await withdraw(member, "free", 6, "Once more.")
    asked = {"device_id": "tv", "title_id": "free"}
    before = await why(member, **asked, at=START + 2 * DAY - TICK)
    during = await why(member, **asked, at=START + 2 * DAY)
    between = await why(member, **asked, at=START + 4 * DAY)
    now = await why(member, license_id=license_id, at=START + 7 * DAY)

    assert (before.allowed, before.withdrawal) == (True, None)
    assert (between.allowed, between.withdrawal) == (True, None)
    assert not during.allowed
    assert all(one.met for one in during.rules)
    assert during.withdrawal is not None
    assert (during.withdrawal.position, during.withdrawal.reason) == (1, "Claim.")
    assert during.withdrawal.withdrawn_at == START + 2 * DAY
    assert during.withdrawal.reinstated_at == START + 4 * DAY
    assert "since it was reinstated" in during.withdrawal.remedy
    assert now.withdrawal is not None
    assert (now.withdrawal.position, now.withdrawal.reinstated_at) == (3, None)
    assert (await why(member, device_id="tv", title_id="short")).withdrawal is None
