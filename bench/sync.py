"""What it costs to take in all that a device did offline: a sync on the SQLite store."""

from __future__ import annotations

import asyncio
import itertools
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.harness import Row
from download_licensing.catalogue import Catalogue
from download_licensing.domain.policy import Policies
from download_licensing.domain.sessions import SessionKind
from download_licensing.policies.shipped import shipped_policy
from download_licensing.service.answers import Synced
from download_licensing.service.commands import (
    OpenAccount,
    RequestDownload,
    SessionEvent,
    Sync,
    SyncedRelease,
    SyncedRenewal,
    SyncedSession,
)
from download_licensing.service.licensing import AGGREGATES, LicensingService
from download_licensing.tokens.key_files import KeyDirectory
from download_licensing.tokens.signer import TokenSigner
from helenus import AggregateRepository, CommandContext
from helenus.stores.sqlite import SqliteStore

_ITEMS = 100
_TITLE, _CUSTOMER, _DEVICE = "button-town", "ada", "tv"
_START = datetime(2026, 1, 1, tzinfo=UTC)
_HOUR = timedelta(hours=1)
_WANTED = "≤ 15"
_SYNCS = 5
_keys = itertools.count()
_hours = itertools.count(1)
_KINDS: tuple[SessionKind, ...] = ("start", "pause", "resume", "keep-alive", "stop")


def run(directory: Path, runs: int) -> list[Row]:
    """Milliseconds a sync, decided, signed and on disk, for a customer who holds 300 licences."""
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        return asyncio.run(_measure(Path(scratch), runs))


async def _measure(scratch: Path, runs: int) -> list[Row]:
    keys = KeyDirectory(scratch / "token-keys")
    keys.found()
    catalogue = Catalogue.shipped()
    async with (
        SqliteStore(scratch / "store.db") as store,
        AggregateRepository(store, AGGREGATES) as repository,
    ):
        service = LicensingService(
            repository,
            catalogue,
            policies=Policies([shipped_policy(catalogue).policy(_START)]),
            signer=TokenSigner(keys, issuer="bench", refresh_s=3_600),
        )
        licenses = await _live(service)
        values: dict[str, list[float]] = {
            "renewals": [],
            "sessions": [],
            "a third of each kind": [],
        }
        for _ in range(runs):
            for subject, measured in values.items():
                measured.append(await _milliseconds(service, subject, licenses))
    case = f"a sync of {_ITEMS} items, 300 licences, one append"
    return [Row(case, subject, "ms", measured, _WANTED) for subject, measured in values.items()]


async def _live(service: LicensingService) -> list[str]:
    """Three devices with a hundred licences each; those of the first."""
    await _do(service, OpenAccount(customer_id=_CUSTOMER, plan="premium"), _START)
    for other in ("phone", "tablet"):
        for _ in range(_ITEMS):
            await _download(service, other)
    return [await _download(service, _DEVICE) for _ in range(_ITEMS)]


async def _milliseconds(service: LicensingService, subject: str, licenses: list[str]) -> float:
    """The mean of some syncs, each of which brings what is new."""
    spent = 0.0
    for _ in range(_SYNCS):
        at = _START + next(_hours) * _HOUR
        command = _sync(subject, licenses, at)
        appends = service.repository.statistics().appends
        started = time.perf_counter()
        synced: Synced = await _do(service, command, at)
        spent += time.perf_counter() - started
        assert {item.outcome for item in synced.items} == {"done"}
        assert len(synced.items) == _ITEMS
        assert service.repository.statistics().appends == appends + 1
        for item in synced.items:
            if item.kind == "release":
                licenses.remove(item.license_id)
                licenses.append(await _download(service, _DEVICE))
    return spent / _SYNCS * 1e3


def _sync(subject: str, licenses: list[str], at: datetime) -> Sync:
    third = _ITEMS // 3
    released, played, renewed = {
        "renewals": ([], [], licenses),
        "sessions": ([], licenses, []),
    }.get(subject, (licenses[:third], licenses[third : 2 * third], licenses[2 * third :]))
    number = next(_keys)
    events = tuple(
        SessionEvent(kind=kind, at=at)
        for kind in ("start", "pause", "resume", "keep-alive", "stop")
    )
    return Sync(
        customer_id=_CUSTOMER,
        device_id=_DEVICE,
        sent_at=at,
        releases=tuple(SyncedRelease(item_id=f"r-{each}", license_id=each) for each in released),
        sessions=tuple(
            SyncedSession(
                item_id=f"s-{each}", license_id=each, session_id=f"s-{number}", events=events
            )
            for each in played
        ),
        renewals=tuple(
            SyncedRenewal(item_id=f"n-{number}-{each}", license_id=each) for each in renewed
        ),
    )


async def _download(service: LicensingService, device_id: str) -> str:
    command = RequestDownload(customer_id=_CUSTOMER, device_id=device_id, title_id=_TITLE)
    license_id: str = (await _do(service, command, _START)).license_id
    return license_id


async def _do(service: LicensingService, command: Any, at: datetime) -> Any:
    return await service.execute(command, CommandContext(at=at, command_id=f"key-{next(_keys)}"))
