"""Requests at once, at two services on one store: exactly as many are granted as may be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest

from download_licensing.domain.policy import Layer, Policies, Policy
from download_licensing.domain.refusals import DownloadRefused
from download_licensing.domain.rule import Rule
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.agreement_concurrent_downloads import (
    AgreementConcurrentDownloads,
)
from download_licensing.domain.rules.device_downloads_per_month import DeviceDownloadsPerMonth
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.device_registrations import DeviceRegistrations
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.renewals_per_license_per_year import RenewalsPerLicensePerYear
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.times import EARLIEST
from download_licensing.service.licensing import AGGREGATES, LicensingService
from helenus import AggregateRepository
from helenus.stores.sqlite import SqliteStore
from tests.integration.download_licensing.member import DAY, START, Member, catalogue, plan
from tests.integration.download_licensing.test_every_rule import under

AT_ONCE = 16
CATALOGUE = catalogue(
    plan("any", 1, 1), *(under("tide", f"tide-{number}") for number in range(AT_ONCE))
)


def policies(rule: Rule) -> Policies:
    layer = Layer.of(rule, LicenseDuration(24))
    return Policies([Policy(version="v", effective_from=EARLIEST, default=layer)])


async def granted(attempts: list[Awaitable[object]]) -> int:
    """How many of them were; each of the others was refused."""
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, DownloadRefused)]
    failed = [o for o in outcomes if isinstance(o, BaseException) and o not in refused]
    assert failed == []
    return len(outcomes) - len(refused)


@pytest.mark.parametrize(
    ("rule", "devices", "titles"),
    [
        (DeviceLimit(3), AT_ONCE, 1),
        (DeviceRegistrations(3, window_days=30), AT_ONCE, 1),
        (ActiveDownloadsPerDevice(3), 1, AT_ONCE),
        (DeviceDownloadsPerMonth(3), 1, AT_ONCE),
        (TitleDownloadsPerYear(3), AT_ONCE, 1),
        (AgreementConcurrentDownloads(3), AT_ONCE, AT_ONCE),
    ],
)
async def test_requests_at_once_pass_no_limit_and_reach_it(
    rule: Rule, devices: int, titles: int, tmp_path: Path
) -> None:
    async with (
        SqliteStore(tmp_path / "s.sqlite3") as one,
        SqliteStore(tmp_path / "s.sqlite3") as other,
        AggregateRepository(one, AGGREGATES) as first,
        AggregateRepository(other, AGGREGATES) as second,
    ):
        members = [
            Member(LicensingService(repository, CATALOGUE, policies=policies(rule)))
            for repository in (first, second)
        ]
        await members[0].open("any")
        attempts: list[Awaitable[object]] = [
            members[number % 2].request(f"device-{number % devices}", f"tide-{number % titles}")
            for number in range(AT_ONCE)
        ]

        assert await granted(attempts) == 3


@pytest.mark.parametrize("rule", [RenewalsPerLicense(3), RenewalsPerLicensePerYear(3)])
async def test_renewals_at_once_pass_no_limit_and_reach_it(rule: Rule, tmp_path: Path) -> None:
    async with (
        SqliteStore(tmp_path / "s.sqlite3") as one,
        SqliteStore(tmp_path / "s.sqlite3") as other,
        AggregateRepository(one, AGGREGATES) as first,
        AggregateRepository(other, AGGREGATES) as second,
    ):
        members = [
            Member(LicensingService(repository, CATALOGUE, policies=policies(rule)))
            for repository in (first, second)
        ]
        await members[0].open("any")
        license_id = (await members[0].request("tv", "tide-0")).license_id
        attempts: list[Awaitable[object]] = [
            members[number % 2].renew(license_id, START + number * DAY // AT_ONCE)
            for number in range(AT_ONCE)
        ]

        assert await granted(attempts) == 3
