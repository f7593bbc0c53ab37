"""A customer under test: carries out commands at given times and tells what was recorded."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from download_licensing.catalogue import Catalogue
from download_licensing.domain.downloaded_title import DownloadedTitle
from download_licensing.domain.policy import Layer, Policies, Policy
from download_licensing.domain.refusals import DownloadRefused, Refusal
from download_licensing.domain.rule import Clause
from download_licensing.domain.rules.account_standing import AccountStanding
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.operator_block import OperatorBlock
from download_licensing.domain.rules.playback_window import PlaybackWindow
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.sessions import SessionKind
from download_licensing.domain.terms import Plan, Title
from download_licensing.domain.times import EARLIEST
from download_licensing.service import answers, commands
from download_licensing.service.licensing import LicensingService, stream_of
from helenus import AggregateRepository, CommandContext

START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)

_keys = itertools.count()


class OfferedPlan(Plan, frozen=True, kw_only=True):
    """A plan, and what the policy of these tests says of it."""

    devices_max: int
    active_downloads_per_device_max: int


class OfferedTitle(Title, frozen=True, kw_only=True):
    """A title, and what the policy of these tests says of it; None: no cap, 0 seconds: no end."""

    downloads_per_year_max: int | None
    license_duration_s: int
    playback_window_s: int
    renewals_max: int | None


def plan(plan_id: str, devices: int, downloads: int) -> OfferedPlan:
    return OfferedPlan(
        plan_id=plan_id,
        name=plan_id,
        devices_max=devices,
        active_downloads_per_device_max=downloads,
    )


def title(
    title_id: str,
    *,
    downloads: int | None = None,
    days: int = 30,
    window_hours: int = 0,
    renewals: int | None = None,
) -> OfferedTitle:
    return OfferedTitle(
        title_id=title_id,
        name=title_id,
        studio="Studio",
        downloads_per_year_max=downloads,
        license_duration_s=days * 86_400,
        playback_window_s=window_hours * 3_600,
        renewals_max=renewals,
    )


def catalogue(*terms: Plan | Title) -> Catalogue:
    return Catalogue(
        {entry.plan_id: entry for entry in terms if isinstance(entry, Plan)},
        {entry.title_id: entry for entry in terms if isinstance(entry, Title)},
    )


def policy_of(offered: Catalogue, version: str = "offered") -> Policy:
    """A policy, in force at any time, of what the plans and titles of a catalogue say."""
    plans = [one for one in offered.plans.values() if isinstance(one, OfferedPlan)]
    titles = [one for one in offered.titles.values() if isinstance(one, OfferedTitle)]
    return Policy(
        version=version,
        effective_from=EARLIEST,
        default=Layer.of(OperatorBlock(), AccountStanding()),
        plans={one.plan_id: _plan_layer(one) for one in plans},
        titles={one.title_id: _title_layer(one) for one in titles},
    )


def _plan_layer(offered: OfferedPlan) -> Layer:
    return Layer.of(
        DeviceLimit(offered.devices_max),
        ActiveDownloadsPerDevice(offered.active_downloads_per_device_max),
    )


def _title_layer(offered: OfferedTitle) -> Layer:
    clauses: list[Clause] = [
        LicenseDuration(offered.license_duration_s // 3_600),
        PlaybackWindow(offered.playback_window_s // 3_600),
    ]
    if offered.downloads_per_year_max is not None:
        clauses.append(TitleDownloadsPerYear(offered.downloads_per_year_max))
    if offered.renewals_max is not None:
        clauses.append(RenewalsPerLicense(offered.renewals_max))
    return Layer.of(*clauses)


CATALOGUE = catalogue(
    plan("solo", 1, 2),
    plan("pair", 2, 3),
    plan("family", 6, 100),
    title("free"),
    title("free-2"),
    title("free-3"),
    title("thrice", downloads=3),
    title("windowed", window_hours=48, renewals=2),
    title("forever", days=0),
    title("forever-windowed", days=0, window_hours=48),
    title("unrenewable", renewals=0),
    title("short", downloads=2, days=7, renewals=1),
)


POLICIES = Policies([policy_of(CATALOGUE)])


def service_of(repository: AggregateRepository, offered: Catalogue = CATALOGUE) -> LicensingService:
    """The service, with what is offered as its policy."""
    return LicensingService(repository, offered, policies=Policies([policy_of(offered)]))


class Member:
    """One customer of a service; commands without a key get one of their own."""

    def __init__(self, service: LicensingService, customer_id: str = "ada") -> None:
        self.service = service
        self.customer_id = customer_id

    async def _execute(self, command: Any, at: datetime, key: str | None) -> Any:
        context = CommandContext(at=at, command_id=key or f"own-{next(_keys)}")
        return await self.service.execute(command, context)

    async def do(
        self, kind: type[Any], at: datetime = START, *, key: str | None = None, **fields: Any
    ) -> Any:
        """Carry out a command of any kind."""
        return await self._execute(kind(customer_id=self.customer_id, **fields), at, key)

    async def open(self, plan_id: str, at: datetime = START) -> answers.AccountOpened:
        command = commands.OpenAccount(customer_id=self.customer_id, plan=plan_id)
        answer: answers.AccountOpened = await self._execute(command, at, None)
        return answer

    async def request(
        self, device: str, title_id: str, at: datetime = START, key: str | None = None
    ) -> answers.Grant:
        command = commands.RequestDownload(
            customer_id=self.customer_id, device_id=device, title_id=title_id
        )
        answer: answers.Grant = await self._execute(command, at, key)
        return answer

    async def renew(self, license_id: str, at: datetime, key: str | None = None) -> answers.Grant:
        command = commands.RenewLicense(customer_id=self.customer_id, license_id=license_id)
        answer: answers.Grant = await self._execute(command, at, key)
        return answer

    async def play(
        self, license_id: str, played_at: datetime, at: datetime | None = None
    ) -> answers.License:
        command = commands.ReportFirstPlay(
            customer_id=self.customer_id, license_id=license_id, played_at=played_at
        )
        answer: answers.License = await self._execute(command, at or played_at, None)
        return answer

    async def session(
        self,
        license_id: str,
        session_id: str,
        *told: tuple[SessionKind, datetime],
        at: datetime,
        sent_at: datetime | None = None,
    ) -> answers.SessionReported:
        events = tuple(commands.SessionEvent(kind=kind, at=when) for kind, when in told)
        answer: answers.SessionReported = await self.do(
            commands.ReportSession,
            at,
            license_id=license_id,
            session_id=session_id,
            events=events,
            sent_at=sent_at,
        )
        return answer

    async def sync(
        self,
        device: str,
        at: datetime,
        *items: commands.SyncItem,
        key: str | None = None,
        sent_at: datetime | None = None,
    ) -> answers.Synced:
        """Bring items, of whatever kinds, in the order given within each kind."""
        of = {
            kind: tuple(item for item in items if item.kind == kind)
            for kind in ("release", "play", "session", "renewal")
        }
        answer: answers.Synced = await self.do(
            commands.Sync,
            at,
            key=key,
            device_id=device,
            sent_at=sent_at,
            releases=of["release"],
            plays=of["play"],
            sessions=of["session"],
            renewals=of["renewal"],
        )
        return answer

    async def plays(self, title_id: str) -> list[datetime]:
        """When the plays of a title count that are remembered."""
        view = await self.service.repository.load(stream_of(self.customer_id))
        return view.get(DownloadedTitle, title_id).plays

    async def release(
        self, license_id: str, at: datetime, released_at: datetime | None = None
    ) -> answers.License:
        command = commands.ReleaseLicense(
            customer_id=self.customer_id, license_id=license_id, released_at=released_at
        )
        answer: answers.License = await self._execute(command, at, None)
        return answer

    async def remove(self, device: str, at: datetime) -> answers.DeviceRemoved:
        command = commands.RemoveDevice(customer_id=self.customer_id, device_id=device)
        answer: answers.DeviceRemoved = await self._execute(command, at, None)
        return answer

    async def license(self, license_id: str, at: datetime) -> answers.License:
        return await self.service.license(self.customer_id, license_id, at)

    async def devices(self, at: datetime) -> answers.Devices:
        return await self.service.devices(self.customer_id, at)

    async def allowance(
        self, device: str, title_id: str, at: datetime = START
    ) -> answers.Allowance:
        return await self.service.allowance(self.customer_id, title_id, device, at)

    async def refused(self, attempt: Any) -> tuple[str, ...]:
        """The reasons for which an attempt is refused; it must record nothing."""
        before = await self.recorded()
        with pytest.raises(DownloadRefused) as refusal:
            await attempt
        assert await self.recorded() == before
        return tuple(unmet.reason for unmet in refusal.value.unmet)

    async def turned_down(self, kind: type[Refusal], attempt: Any) -> Refusal:
        """The refusal of an attempt; it must record nothing."""
        before = await self.recorded()
        with pytest.raises(kind) as refusal:
            await attempt
        assert await self.recorded() == before
        return refusal.value

    async def recorded(self) -> list[tuple[str, str]]:
        """Aggregate id and name of every event."""
        stream = stream_of(self.customer_id)
        history = self.service.repository.history(stream)
        return [(event.aggregate_id, event.name) async for event in history]

    async def facts(self, name: str) -> list[dict[str, Any]]:
        """The fields of every event of a name."""
        stream = stream_of(self.customer_id)
        history = self.service.repository.history(stream)
        return [msgspec.structs.asdict(e.event) async for e in history if e.name == name]
