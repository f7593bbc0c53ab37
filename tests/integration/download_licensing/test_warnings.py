"""A grant warns of the last one before a date, and what it announces then comes about."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from download_licensing.domain.policy import Layer, Policies, Policy
from download_licensing.domain.rule import Rule
from download_licensing.domain.rules.device_downloads_per_month import DeviceDownloadsPerMonth
from download_licensing.domain.rules.device_registrations import DeviceRegistrations
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.renewals_per_license_per_year import RenewalsPerLicensePerYear
from download_licensing.domain.rules.title_plays_per_year import TitlePlaysPerYear
from download_licensing.domain.times import EARLIEST
from download_licensing.service import answers
from download_licensing.service.commands import OpenAccount
from download_licensing.service.licensing import AGGREGATES, LicensingService
from helenus import AggregateRepository
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.member import (
    DAY,
    START,
    TICK,
    YEAR,
    Member,
    catalogue,
    plan,
    title,
)

CATALOGUE = catalogue(plan("any", 1, 1), title("one"))


@asynccontextmanager
async def held_to(rule: Rule) -> AsyncIterator[Member]:
    """A member in Berlin whose policy has this rule alone, and licences of a week."""
    layer = Layer.of(rule, LicenseDuration(7 * 24))
    policies = Policies([Policy(version="v", effective_from=EARLIEST, default=layer)])
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        member = Member(LicensingService(repository, CATALOGUE, policies=policies))
        await member.do(OpenAccount, plan="any", country="DE", time_zone="Europe/Berlin")
        yield member


def told(grant: answers.Grant) -> list[tuple[str, datetime | None, str]]:
    return [(warning.code, warning.until, warning.message) for warning in grant.warnings]


async def test_the_last_downloads_of_a_month_with_the_day_of_the_customers_calendar() -> None:
    end = datetime(2026, 1, 31, 23, tzinfo=UTC)  # in Berlin, 1 February
    async with held_to(DeviceDownloadsPerMonth(3)) as member:
        grants = [await member.request("tv", "one", START + day * DAY) for day in range(3)]
        assert [told(grant) for grant in grants] == [
            [],
            [("last-download-on-device", end, _only("download on this device", "2026-02-01"))],
            [("no-download-on-device-left", end, _no("download on this device", "2026-02-01"))],
        ]
        await member.refused(member.request("tv", "one", end - TICK))
        assert told(await member.request("tv", "one", end)) == []


async def test_the_last_new_devices() -> None:
    async with held_to(DeviceRegistrations(2, 30)) as member:
        first = await member.request("tv", "one")
        again = await member.request("tv", "one", START + DAY)
        second = await member.request("phone", "one", START + DAY)
        end = START + 30 * DAY
        assert told(first) == told(again)
        assert told(first) == [("last-new-device", end, _only("new device", "2026-01-31"))]
        assert told(second) == [("no-new-device-left", end, _no("new device", "2026-01-31"))]
        await member.refused(member.request("laptop", "one", end - TICK))
        await member.request("laptop", "one", end)


async def test_the_last_renewals_of_a_year() -> None:
    async with held_to(RenewalsPerLicensePerYear(2)) as member:
        license_id = (await member.request("tv", "one")).license_id
        grants = [await member.renew(license_id, START + day * DAY) for day in (1, 2)]
        assert [warning.code for grant in grants for warning in grant.warnings] == [
            "last-renewal-this-year",
            "no-renewal-this-year-left",
        ]
        end = START + DAY + YEAR
        assert {warning.until for grant in grants for warning in grant.warnings} == {end}
        await member.refused(member.renew(license_id, end - TICK))
        await member.renew(license_id, end)


async def test_the_last_plays_of_a_title() -> None:
    async with held_to(TitlePlaysPerYear(2)) as member:
        first = await member.request("tv", "one")
        await member.play(first.license_id, START + DAY)
        assert [code for code, *_ in told(await member.renew(first.license_id, START + DAY))] == [
            "last-play-of-title"
        ]


async def test_what_is_left_now_is_warned_of_as_well() -> None:
    async with held_to(DeviceDownloadsPerMonth(2)) as member:
        assert (await member.allowance("tv", "one")).warnings == ()
        await member.request("tv", "one")
        (warning,) = (await member.allowance("tv", "one", START + DAY)).warnings
        assert warning.code == "last-download-on-device"


def _only(noun: str, day: str) -> str:
    return f"Only 1 more {noun} before {day}."


def _no(noun: str, day: str) -> str:
    return f"No further {noun} before {day}."
