"""What a decision by a policy costs, for a customer with a long history and much in hand."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.harness import Row, alternate
from download_licensing.catalogue import Catalogue
from download_licensing.domain.account import ACCOUNT_ID, Account
from download_licensing.domain.finding import Finding
from download_licensing.domain.license import License
from download_licensing.domain.policy import Layer, Policies, Policy
from download_licensing.domain.rule import Decision, Rule
from download_licensing.domain.rules import RULES, check_all
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
from download_licensing.domain.rules.playback_window import PlaybackWindow
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.renewals_per_license_per_year import RenewalsPerLicensePerYear
from download_licensing.domain.rules.title_availability import TitleAvailability
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.rules.title_plays_per_year import TitlePlaysPerYear
from download_licensing.domain.situation import Aggregates, survey
from download_licensing.domain.terms import Plan, Title
from download_licensing.domain.times import EARLIEST
from download_licensing.service.commands import (
    OpenAccount,
    RemoveDevice,
    RenewLicense,
    ReportFirstPlay,
    RequestDownload,
)
from download_licensing.service.licensing import AGGREGATES, LicensingService, stream_of
from helenus import AggregateRepository, CommandContext
from helenus.stores.memory import MemoryStore

_EVALUATIONS = 2_000
_CUSTOMER = "ada"
_DEVICES = 6
_TITLES = 60
_AGREEMENTS = 3
_ACTIVE = 300
_DAY = timedelta(days=1)
_YEARS = 5
_START = datetime(2021, 1, 1, tzinfo=UTC)
_NOW = _START + _YEARS * 365 * _DAY
_WANTED = "≤ 50"
_ENOUGH = 1_000
_keys = itertools.count()

_CATALOGUE = Catalogue(
    {"plan": Plan(plan_id="plan", name="Plan")},
    {
        f"title-{number}": Title(
            title_id=f"title-{number}",
            name=f"Title {number}",
            studio="Studio",
            agreement=f"agreement-{number % _AGREEMENTS}",
        )
        for number in range(_TITLES)
    },
)


def run(directory: Path, runs: int) -> list[Row]:
    """All rules on: the policy looked up, its layers combined, the state surveyed, each checked."""
    del directory
    return asyncio.run(_measure(runs))


async def _measure(runs: int) -> list[Row]:
    async with (
        MemoryStore() as store,
        AggregateRepository(store, AGGREGATES) as repository,
    ):
        service = LicensingService(repository, _CATALOGUE, policies=_policies(_ENOUGH, hours=1))
        events, license_id = await _live(service)
        view = await repository.load(stream_of(_CUSTOMER))
    roomy, tight = _policies(_ENOUGH, hours=720), _policies(1, hours=720, offered=False)
    subjects: dict[str, Callable[[], list[Finding]]] = {
        "a download, every rule met": lambda: _decide(view, roomy),
        "a renewal, every rule met": lambda: _decide(view, roomy, license_id),
        "a download, seven rules not met": lambda: _decide(view, tight),
    }
    unmet = [sum(1 for one in subject() if not one.met) for subject in subjects.values()]
    assert unmet == [0, 0, 7], unmet
    case = f"{_ACTIVE} active licences on {_DEVICES} devices, {_YEARS} years, {events:,} events"
    values = alternate(runs, *(_timed(subject) for subject in subjects.values()))
    return [
        Row(case, subject, "µs", measured, _WANTED)
        for subject, measured in zip(subjects, values, strict=True)
    ]


def _timed(subject: Callable[[], object]) -> Callable[[], float]:
    def microseconds() -> float:
        started = time.perf_counter()
        for _ in range(_EVALUATIONS):
            subject()
        return (time.perf_counter() - started) / _EVALUATIONS * 1e6

    return microseconds


def _decide(view: Aggregates, policies: Policies, license_id: str = "") -> list[Finding]:
    account = view.get(Account, ACCOUNT_ID)
    renewed = view.get(License, license_id) if license_id else None
    title = _CATALOGUE.titles[renewed.title_id if renewed else "title-0"]
    terms = policies.in_force(_NOW).terms_for(account.plan, title, account.country)
    situation = survey(
        view,
        account,
        device_id=renewed.device_id if renewed else "device-0",
        title=title,
        alongside=_CATALOGUE.alongside(title),
        at=_NOW,
        renewed=renewed,
    )
    decision: Decision = "renewal" if renewed else "download"
    return check_all(terms.checked_at(decision, situation.renewals_max), situation)


async def _live(service: LicensingService) -> tuple[int, str]:
    """Five years: a download, a play or a renewal a day, a device a month that comes and goes."""
    opening = OpenAccount(
        customer_id=_CUSTOMER, plan="plan", country="DE", time_zone="Europe/Berlin"
    )
    await _do(service, opening, _START)
    for day in range(_YEARS * 365 - 30):
        at = _START + day * _DAY
        license_id = await _download(service, f"device-{day % _DEVICES}", day % _TITLES, at)
        play = ReportFirstPlay(customer_id=_CUSTOMER, license_id=license_id, played_at=at)
        await _do(service, play, at)
        if day % 30 == 0:
            await _download(service, f"visitor-{day}", day % _TITLES, at)
            await _do(service, RemoveDevice(customer_id=_CUSTOMER, device_id=f"visitor-{day}"), at)
    lasting = LicensingService(
        service.repository, _CATALOGUE, policies=_policies(_ENOUGH, hours=9_000)
    )
    held = ""
    for number in range(_ACTIVE):
        at = _NOW - 30 * _DAY + number * timedelta(hours=2)
        held = await _download(lasting, f"device-{number % _DEVICES}", number % _TITLES, at)
    for day in range(4):
        renewal = RenewLicense(customer_id=_CUSTOMER, license_id=held)
        await _do(lasting, renewal, _NOW - (4 - day) * _DAY)
    return (await service.repository.load(stream_of(_CUSTOMER))).position, held


async def _download(service: LicensingService, device_id: str, title: int, at: datetime) -> str:
    command = RequestDownload(customer_id=_CUSTOMER, device_id=device_id, title_id=f"title-{title}")
    granted = await _do(service, command, at)
    license_id: str = granted.license_id
    return license_id


async def _do(service: LicensingService, command: Any, at: datetime) -> Any:
    return await service.execute(command, CommandContext(at=at, command_id=f"k{next(_keys)}"))


def _rules(limit: int, *, offered: bool) -> list[Rule]:
    """Every rule there is."""
    rules: list[Rule] = [
        OperatorBlock(),
        AccountStanding(),
        TitleAvailability(offered=offered),
        DeviceLimit(limit),
        DeviceRegistrations(limit, window_days=365),
        ActiveDownloadsPerDevice(limit),
        DeviceDownloadsPerMonth(limit),
        TitleDownloadsPerYear(limit),
        TitlePlaysPerYear(limit),
        AgreementConcurrentDownloads(limit),
        RenewalsPerLicense(limit),
        RenewalsPerLicensePerYear(limit),
    ]
    assert [type(rule) for rule in rules] == list(RULES)
    return rules


def _policies(limit: int, hours: int, *, offered: bool = True) -> Policies:
    durations = (LicenseDuration(hours), PlaybackWindow(0))
    layer = Layer.of(*_rules(limit, offered=offered), *durations)
    return Policies([Policy(version="bench", effective_from=EARLIEST, default=layer)])
