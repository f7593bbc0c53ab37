from download_licensing.domain.refusals import AccountExists, AccountNotFound, UnknownPlan
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
