from typing import Any

import pytest

from download_licensing.domain.refusals import (
    AccountExists,
    AccountNotFound,
    UnknownPlan,
    UnknownTimeZone,
)
from download_licensing.service.commands import (
    BlockAccount,
    OpenAccount,
    SetRegion,
    SetStanding,
    UnblockAccount,
)
from tests.integration.download_licensing.member import DAY, START, Member

LICENSE = "lic-" + 32 * "0"


async def test_an_account_opens_with_a_plan(member: Member) -> None:
    opened = await member.open("pair")

    assert opened.created
    assert (opened.account.plan, opened.account.opened_at) == ("pair", START)
    assert await member.recorded() == [("account", "account-opened")]
    assert await member.service.account("ada") == opened.account


async def test_opening_it_again_with_the_same_plan_changes_nothing(member: Member) -> None:
    first = await member.open("pair")

    again = await member.open("pair", START + DAY)

    assert not again.created
    assert again.account == first.account
    assert await member.recorded() == [("account", "account-opened")]


async def test_opening_it_with_another_plan_is_refused(member: Member) -> None:
    await member.open("pair")

    refusal = await member.turned_down(AccountExists, member.open("solo"))

    assert "'pair'" in refusal.detail


async def test_a_plan_outside_the_catalogue_is_refused_and_the_others_named(member: Member) -> None:
    refusal = await member.turned_down(UnknownPlan, member.open("gold"))

    assert refusal.remedy == "Use one of: family, pair, solo."


async def test_without_an_account_every_command_and_query_says_so(member: Member) -> None:
    later = START + DAY
    for attempt in (
        member.request("tv", "free"),
        member.renew(LICENSE, later),
        member.play(LICENSE, later),
        member.release(LICENSE, later),
        member.remove("tv", later),
        member.license(LICENSE, later),
        member.devices(later),
        member.allowance("tv", "free"),
        member.service.account("ada"),
    ):
        await member.turned_down(AccountNotFound, attempt)


LISBON: dict[str, Any] = {"country": "PT", "time_zone": "Europe/Lisbon"}


async def test_an_account_opens_for_a_region(member: Member) -> None:
    opened = await member.do(OpenAccount, plan="pair", **LISBON)
    again = await member.do(OpenAccount, plan="pair", **LISBON)
    silent = await member.open("pair")

    assert (opened.account.country, opened.account.time_zone) == ("PT", "Europe/Lisbon")
    assert opened.account == again.account == silent.account


@pytest.mark.parametrize("other", [{"country": "ES"}, {"time_zone": "UTC"}])
async def test_opening_it_again_for_another_region_is_refused(
    member: Member, other: dict[str, Any]
) -> None:
    await member.do(OpenAccount, plan="pair", **LISBON)

    refusal = await member.turned_down(AccountExists, member.do(OpenAccount, plan="pair", **other))

    assert "country PT, time zone Europe/Lisbon" in refusal.detail


async def test_a_customer_moves(member: Member) -> None:
    await member.open("pair")

    moved = await member.do(SetRegion, **LISBON)
    before = await member.recorded()

    assert await member.do(SetRegion, START + DAY, **LISBON) == moved
    assert await member.recorded() == before
    assert (moved.country, moved.time_zone) == ("PT", "Europe/Lisbon")


async def test_a_time_zone_that_is_none_is_refused(member: Member) -> None:
    nowhere: dict[str, Any] = {"plan": "pair", "time_zone": "Europe/Atlantis"}
    await member.turned_down(UnknownTimeZone, member.do(OpenAccount, **nowhere))
    await member.open("pair")

    attempt = member.do(SetRegion, country="PT", time_zone="Europe/Atlantis")
    refusal = await member.turned_down(UnknownTimeZone, attempt)

    assert "'Europe/Atlantis'" in refusal.detail


async def test_billing_says_how_a_customer_stands(member: Member) -> None:
    await member.open("pair")
    for standing in ("past-due", "past-due", "cancelled", "good"):
        assert (await member.do(SetStanding, standing=standing)).standing == standing

    assert [fact["standing"] for fact in await member.facts("standing-changed")] == [
        "past-due",
        "cancelled",
        "good",
    ]


async def test_an_operator_blocks_and_unblocks(member: Member) -> None:
    await member.open("pair")

    for reason in ("Card reported stolen.", "Card reported stolen.", "Abuse."):
        assert (await member.do(BlockAccount, reason=reason)).blocked == reason
    for _ in range(2):
        assert (await member.do(UnblockAccount)).blocked is None

    assert [name for _, name in await member.recorded()] == [
        *("account-opened", "account-blocked", "account-blocked", "account-unblocked")
    ]


async def test_operators_and_movers_need_an_account(member: Member) -> None:
    for attempt in (
        member.do(SetRegion, **LISBON),
        member.do(SetStanding, standing="good"),
        member.do(BlockAccount, reason="Abuse."),
        member.do(UnblockAccount),
    ):
        await member.turned_down(AccountNotFound, attempt)
