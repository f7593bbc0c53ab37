import pytest

from download_licensing.domain.refusals import AccountNotFound, UnknownPlan
from download_licensing.service.commands import (
    BlockAccount,
    ChangePlan,
    SetStanding,
    UnblockAccount,
)
from tests.integration.download_licensing.member import DAY, START, TICK, Member

LEFT = START + 5 * DAY
BACK = START + 9 * DAY


async def _granted(member: Member, plan: str = "family") -> list[str]:
    await member.open(plan)
    devices = ("tv", "phone", "tablet", "laptop")
    return [(await member.request(device, "windowed")).license_id for device in devices]


async def test_a_cancellation_ends_all_downloads_at_once(member: Member) -> None:
    ids = await _granted(member)
    expired = (await member.request("tv", "short")).license_id

    await member.do(SetStanding, LEFT, standing="cancelled")

    for license_id in ids:
        assert (await member.license(license_id, LEFT - TICK)).state == "active"
        ended = await member.license(license_id, LEFT)
        assert (ended.state, ended.cut_reason) == ("expired", "account-cancelled")
    assert (await member.devices(LEFT)).devices_in_use == 0
    assert (await member.license(expired, START + 6 * DAY)).effective_expires_at == LEFT
    assert [name for _, name in await member.recorded()][-5:] == [
        *("standing-changed", *4 * ["downloads-ended"])
    ]


async def test_who_returns_has_what_was_counted_and_nothing_that_ended(member: Member) -> None:
    ids = await _granted(member)
    await member.do(SetStanding, LEFT, standing="cancelled")
    await member.do(SetStanding, BACK, standing="good")

    assert (await member.license(ids[0], BACK)).state == "expired"
    assert [device.device_id for device in (await member.devices(BACK)).devices] == [
        *("tv", "phone", "tablet", "laptop")
    ]
    await member.renew(ids[0], BACK)
    assert (await member.license(ids[0], BACK)).state == "active"
    (fact,) = await member.facts("license-renewed")
    assert fact["refresh"]
    again = await member.do(SetStanding, BACK + DAY, standing="cancelled")
    assert again.standing == "cancelled"
    assert (await member.license(ids[0], BACK + DAY)).effective_expires_at == BACK + DAY
    assert (await member.license(ids[1], BACK + DAY)).effective_expires_at == LEFT


@pytest.mark.parametrize("standing", ["past-due", "blocked"])
async def test_who_is_behind_or_blocked_keeps_what_there_is(member: Member, standing: str) -> None:
    (license_id, *_) = await _granted(member)

    if standing == "blocked":
        await member.do(BlockAccount, LEFT, reason="Abuse.")
    else:
        await member.do(SetStanding, LEFT, standing=standing)

    assert (await member.license(license_id, LEFT)).state == "active"
    assert (await member.license(license_id, LEFT)).cut_reason is None


async def test_past_due_does_not_end_a_cancellation_silently(member: Member) -> None:
    (license_id, *_) = await _granted(member)
    await member.do(SetStanding, LEFT, standing="cancelled")
    await member.do(SetStanding, BACK, standing="past-due")

    ended = await member.license(license_id, BACK)

    assert (ended.state, ended.effective_expires_at) == ("expired", LEFT)
    await member.do(UnblockAccount)


async def test_a_smaller_plan_leaves_what_there_is_and_says_that_it_does_not_fit(
    member: Member,
) -> None:
    ids = await _granted(member)

    changed = await member.do(ChangePlan, LEFT, plan="pair")

    assert changed.account.plan == "pair"
    assert (changed.fits, changed.devices_in_use, changed.devices_max) == (False, 4, 2)
    assert "on 4 devices; the plan allows 2" in changed.message
    for license_id in ids:
        assert (await member.license(license_id, LEFT)).state == "active"
    assert await member.refused(member.request("tv", "free", LEFT)) == ("device-limit",)
    assert await member.refused(member.renew(ids[0], LEFT)) == ("device-limit",)


async def test_it_grants_again_as_soon_as_it_fits(member: Member) -> None:
    ids = await _granted(member)
    await member.do(ChangePlan, LEFT, plan="pair")

    await member.remove("laptop", LEFT)
    assert await member.refused(member.request("tv", "free", LEFT)) == ("device-limit",)
    await member.release(ids[2], LEFT)
    await member.request("tv", "free", LEFT)
    assert await member.refused(member.request("tablet", "free", LEFT)) == ("device-limit",)
    assert (await member.do(ChangePlan, LEFT, plan="pair")).fits


async def test_a_larger_plan_fits_and_is_changed_once(member: Member) -> None:
    await member.open("solo")
    await member.request("tv", "free")

    first = await member.do(ChangePlan, LEFT, plan="family")
    again = await member.do(ChangePlan, LEFT, plan="family")

    assert first == again
    assert (first.fits, first.devices_in_use, first.devices_max) == (True, 1, 6)
    assert len(await member.facts("plan-changed")) == 1
    await member.request("phone", "free", LEFT)


async def test_a_plan_that_is_not_in_the_catalogue_changes_nothing(member: Member) -> None:
    await member.turned_down(AccountNotFound, member.do(ChangePlan, plan="solo"))
    await member.open("solo")

    await member.turned_down(UnknownPlan, member.do(ChangePlan, plan="gold"))
