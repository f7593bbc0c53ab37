"""Every rule through the service: granted below its limit, refused at it, free when it says so.

A rule that has no story here fails the first test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import msgspec
import pytest

from download_licensing.domain.policy import Layer, Policies, Policy
from download_licensing.domain.refusals import DownloadRefused
from download_licensing.domain.rule import Rule
from download_licensing.domain.rules import RULES
from download_licensing.domain.rules.account_standing import AccountStanding
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.agreement_concurrent_downloads import (
    AgreementConcurrentDownloads,
)
from download_licensing.domain.rules.device_downloads_per_month import DeviceDownloadsPerMonth
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.device_registrations import DeviceRegistrations
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.operator_block import OperatorBlock
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.renewals_per_license_per_year import RenewalsPerLicensePerYear
from download_licensing.domain.rules.title_availability import TitleAvailability
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.rules.title_plays_per_year import TitlePlaysPerYear
from download_licensing.domain.terms import Title
from download_licensing.domain.times import EARLIEST
from download_licensing.domain.unmet import Unmet
from download_licensing.service.commands import (
    BlockAccount,
    OpenAccount,
    SetRegion,
    SetStanding,
    UnblockAccount,
)
from download_licensing.service.licensing import AGGREGATES, LicensingService
from helenus import AggregateRepository
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.member import (
    DAY,
    HOUR,
    START,
    TICK,
    YEAR,
    Member,
    catalogue,
    plan,
    title,
)

SECOND = timedelta(seconds=1)
WEEK = 7 * DAY


def under(agreement: str, title_id: str) -> Title:
    return msgspec.structs.replace(title(title_id), agreement=agreement)


CATALOGUE = catalogue(
    plan("any", 1, 1),
    title("one"),
    title("two"),
    under("tide", "tide-1"),
    under("tide", "tide-2"),
    under("peak", "peak-1"),
)


@asynccontextmanager
async def held_to(*rules: Rule, hours: int = 7 * 24) -> AsyncIterator[Member]:
    """A member whose policy has these rules alone, and licences of a week."""
    layer = Layer.of(*rules, LicenseDuration(hours))
    policies = Policies([Policy(version="v", effective_from=EARLIEST, default=layer)])
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        member = Member(LicensingService(repository, CATALOGUE, policies=policies))
        await member.do(OpenAccount, plan="any", country="DE", time_zone="Europe/Berlin")
        yield member


async def refusal(attempt: Awaitable[object]) -> Unmet:
    """The one rule that an attempt does not meet."""
    with pytest.raises(DownloadRefused) as refused:
        await attempt
    (unmet,) = refused.value.unmet
    assert refused.value.policy_version == "v"
    return unmet


async def until(unmet: Unmet, attempt: Callable[[datetime], Awaitable[object]]) -> None:
    """It is refused the second before the time that its refusal told, and granted then."""
    assert unmet.resets_at is not None
    assert await refusal(attempt(unmet.resets_at - SECOND)) == unmet
    assert await refusal(attempt(unmet.resets_at - TICK)) == unmet
    await attempt(unmet.resets_at)


async def operator_block() -> None:
    async with held_to(OperatorBlock()) as member:
        license_id = (await member.request("tv", "one")).license_id
        await member.do(BlockAccount, reason="fraud")

        said = await refusal(member.request("tv", "two"))
        assert (said.limit, said.used, said.resets_at) == (None, None, None)
        assert await refusal(member.renew(license_id, START + DAY)) == said
        assert await refusal(member.renew(license_id, START + YEAR)) == said

        await member.do(UnblockAccount)
        await member.request("tv", "two")


async def account_standing() -> None:
    async with held_to(AccountStanding()) as member:
        license_id = (await member.request("tv", "one")).license_id
        for standing in ("past-due", "cancelled"):
            await member.do(SetStanding, standing=standing)
            await refusal(member.request("tv", "two"))
            await refusal(member.renew(license_id, START + DAY))
        await member.do(SetStanding, standing="good")
        await member.renew(license_id, START + DAY)


async def title_availability() -> None:
    window = TitleAvailability(available_from=START + DAY, available_until=START + 3 * DAY)
    async with held_to(window) as member:
        await until(
            await refusal(member.request("tv", "one")), lambda at: member.request("tv", "one", at)
        )
        last = await member.request("tv", "two", START + 3 * DAY - TICK)
        assert last.expires_at == START + 3 * DAY
        assert (await refusal(member.request("tv", "one", START + 3 * DAY))).resets_at is None
        await refusal(member.renew(last.license_id, START + 3 * DAY))


async def device_limit() -> None:
    async with held_to(DeviceLimit(1)) as member:
        first = await member.request("tv", "one")
        said = await refusal(member.request("phone", "one"))
        assert said.resets_at == first.expires_at
        await until(said, lambda at: member.request("phone", "one", at))


async def device_registrations() -> None:
    async with held_to(DeviceRegistrations(2, window_days=30)) as member:
        await member.request("tv", "one")
        await member.request("phone", "one", START + DAY)
        await member.remove("phone", START + DAY)
        await member.request("tv", "two", START + DAY)  # it has this one

        said = await refusal(member.request("phone", "one", START + 2 * DAY))
        assert said.resets_at == START + 30 * DAY
        await until(said, lambda at: member.request("phone", "one", at))


async def active_downloads_per_device() -> None:
    async with held_to(ActiveDownloadsPerDevice(1)) as member:
        await member.request("tv", "one")
        await member.request("phone", "one")
        said = await refusal(member.request("tv", "two", START + DAY))
        await until(said, lambda at: member.request("tv", "two", at))


async def device_downloads_per_month() -> None:
    async with held_to(DeviceDownloadsPerMonth(2)) as member:
        first = await member.request("tv", "one")
        await member.request("tv", "one", START + DAY)
        await member.release(first.license_id, START + DAY)
        await member.request("phone", "one", START + DAY)

        said = await refusal(member.request("tv", "one", START + 2 * DAY))
        assert said.resets_at == datetime.fromisoformat("2026-02-01T00:00:00+01:00")
        await until(said, lambda at: member.request("tv", "one", at))


async def title_downloads_per_year() -> None:
    async with held_to(TitleDownloadsPerYear(2)) as member:
        await member.request("tv", "one")
        second = await member.request("phone", "one", START + DAY)
        await member.renew(second.license_id, START + 2 * DAY)  # no download

        refresh = await refusal(member.renew(second.license_id, START + 20 * DAY))
        assert refresh.resets_at == START + YEAR
        await until(refresh, lambda at: member.renew(second.license_id, at))


async def title_plays_per_year() -> None:
    async with held_to(TitlePlaysPerYear(2), hours=0) as member:
        license_id = (await member.request("tv", "one")).license_id
        for number in range(2):
            at = START + number * DAY
            await member.session(license_id, f"s{number}", ("start", at), at=at)

        said = await refusal(member.renew(license_id, START + 2 * DAY))
        assert (said.used, said.resets_at) == (2, START + YEAR)
        assert await refusal(member.request("phone", "one", START + 2 * DAY)) == said
        await until(said, lambda at: member.renew(license_id, at))


async def agreement_concurrent_downloads() -> None:
    async with held_to(AgreementConcurrentDownloads(2)) as member:
        first = await member.request("tv", "tide-1")
        await member.request("phone", "tide-2", START + DAY)
        for other in ("peak-1", "one", "two"):
            await member.request("tv", other, START + DAY)
        await member.renew(first.license_id, START + HOUR)  # itself is not another one

        said = await refusal(member.request("tablet", "tide-1", START + 2 * DAY))
        assert (said.limit, said.used, said.resets_at) == (2, 2, START + WEEK + HOUR)
        await until(said, lambda at: member.request("tablet", "tide-1", at))


async def renewals_per_license() -> None:
    async with held_to(RenewalsPerLicense(1)) as member:
        license_id = (await member.request("tv", "one")).license_id
        await member.renew(license_id, START + DAY)
        for later in (2 * DAY, 40 * DAY, 5 * YEAR):
            assert (await refusal(member.renew(license_id, START + later))).resets_at is None


async def renewals_per_license_per_year() -> None:
    async with held_to(RenewalsPerLicensePerYear(2)) as member:
        license_id = (await member.request("tv", "one")).license_id
        other_id = (await member.request("tv", "one")).license_id
        await member.renew(license_id, START + DAY)
        await member.renew(license_id, START + 40 * DAY)  # a refresh counts too

        said = await refusal(member.renew(license_id, START + 41 * DAY))
        assert said.resets_at == START + DAY + YEAR
        await member.renew(other_id, START + 41 * DAY)
        await until(said, lambda at: member.renew(license_id, at))


STORIES: dict[str, Callable[[], Awaitable[None]]] = {
    "operator-block": operator_block,
    "account-standing": account_standing,
    "title-availability": title_availability,
    "device-limit": device_limit,
    "device-registrations": device_registrations,
    "active-downloads-per-device": active_downloads_per_device,
    "device-downloads-per-month": device_downloads_per_month,
    "title-downloads-per-year": title_downloads_per_year,
    "title-plays-per-year": title_plays_per_year,
    "agreement-concurrent-downloads": agreement_concurrent_downloads,
    "renewals-per-license": renewals_per_license,
    "renewals-per-license-per-year": renewals_per_license_per_year,
}


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
async def test_a_rule_refuses_at_its_limit_until_the_time_it_tells(rule: str) -> None:
    await STORIES[rule]()


async def test_a_refusal_names_every_unmet_rule_in_the_order_of_rules() -> None:
    everything: list[Rule] = [
        RenewalsPerLicensePerYear(0),
        RenewalsPerLicense(0),
        AgreementConcurrentDownloads(0),
        TitlePlaysPerYear(0),
        TitleDownloadsPerYear(0),
        DeviceDownloadsPerMonth(0),
        ActiveDownloadsPerDevice(0),
        DeviceRegistrations(0, window_days=1),
        DeviceLimit(0),
        TitleAvailability(offered=False),
        AccountStanding(),
        OperatorBlock(),
    ]
    async with held_to() as free:
        license_id = (await free.request("tv", "tide-1")).license_id
        await free.remove("tv", START)
        await free.do(BlockAccount, reason="fraud")
        await free.do(SetStanding, standing="cancelled")
        layer = Layer.of(*everything, LicenseDuration(1))
        policies = Policies([Policy(version="v", effective_from=EARLIEST, default=layer)])
        strict = Member(LicensingService(free.service.repository, CATALOGUE, policies=policies))

        refused = await strict.refused(strict.request("tv", "tide-1"))

        assert refused == tuple(rule.reason for rule in RULES if "download" in rule.applies_to)
        assert license_id


async def test_a_month_is_counted_where_the_customer_lives_now() -> None:
    new_year_in_berlin = datetime.fromisoformat("2026-02-01T00:00:00+01:00")
    async with held_to(DeviceDownloadsPerMonth(1)) as member:
        await member.request("tv", "one", new_year_in_berlin - HOUR)
        await member.do(SetRegion, new_year_in_berlin, country="US", time_zone="America/New_York")

        said = await refusal(member.request("tv", "one", new_year_in_berlin))

        assert said.resets_at == datetime.fromisoformat("2026-02-01T00:00:00-05:00")
        await until(said, lambda at: member.request("tv", "one", at))


@pytest.mark.parametrize(
    ("first", "free"),
    [
        # 29 February 2028 lies between: the same date comes a day later.
        ("2027-03-01T12:00:00+00:00", "2028-02-29T12:00:00+00:00"),
        ("2028-02-29T12:00:00+00:00", "2029-02-28T12:00:00+00:00"),
        ("2028-02-28T12:00:00+00:00", "2029-02-27T12:00:00+00:00"),
        ("2028-03-01T12:00:00+00:00", "2029-03-01T12:00:00+00:00"),
    ],
)
async def test_a_year_is_365_days_over_29_february(first: str, free: str) -> None:
    async with held_to(TitleDownloadsPerYear(1)) as member:
        await member.request("tv", "one", datetime.fromisoformat(first))

        said = await refusal(member.request("tv", "one", datetime.fromisoformat(first) + DAY))

        assert said.resets_at == datetime.fromisoformat(free)
        await until(said, lambda at: member.request("tv", "one", at))


@pytest.mark.parametrize(
    ("time_zone", "inside", "free"),
    [
        # The clocks of Berlin go forward on 29 March 2026 and back on 25 October.
        ("Europe/Berlin", "2026-03-29T00:59:59+00:00", "2026-03-31T22:00:00+00:00"),
        ("Europe/Berlin", "2026-03-29T01:00:00+00:00", "2026-03-31T22:00:00+00:00"),
        ("Europe/Berlin", "2026-10-25T01:00:00+00:00", "2026-10-31T23:00:00+00:00"),
        # Those of Havana go back from 1:00 to 0:00 on 1 November 2026.
        ("America/Havana", "2026-10-31T12:00:00+00:00", "2026-11-01T04:00:00+00:00"),
        ("America/Havana", "2026-11-01T05:30:00+00:00", "2026-12-01T05:00:00+00:00"),
        ("UTC", "2028-02-29T23:59:59+00:00", "2028-03-01T00:00:00+00:00"),
        ("Pacific/Kiritimati", "2026-01-31T09:59:59+00:00", "2026-01-31T10:00:00+00:00"),
    ],
)
async def test_the_month_is_reset_on_the_1st_by_the_customers_clock(
    time_zone: str, inside: str, free: str
) -> None:
    async with held_to(DeviceDownloadsPerMonth(1)) as member:
        at = datetime.fromisoformat(inside)
        await member.do(SetRegion, at, country="DE", time_zone=time_zone)
        await member.request("tv", "one", at)

        said = await refusal(member.request("tv", "one", at))

        assert said.resets_at == datetime.fromisoformat(free)
        await until(said, lambda moment: member.request("tv", "one", moment))


async def test_a_decision_before_forgotten_downloads_of_a_device_passes_no_limit() -> None:
    async with held_to(DeviceDownloadsPerMonth(1)) as member:
        await member.request("tv", "one", START)
        await member.request("tv", "one", START + 100 * DAY)

        back = await member.request("tv", "one", START + DAY)

        assert back.issued_at == START + 69 * DAY
