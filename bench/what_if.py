"""What another policy would have said of a whole population: decisions judged a second."""

from __future__ import annotations

import asyncio
import random
import resource
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import uvloop

from bench.harness import Row, alternate
from download_licensing.catalogue import Catalogue
from download_licensing.debugging.judging import Always, Judging
from download_licensing.debugging.noting import NoteSettings, RefusalNotes
from download_licensing.debugging.versions import shipped
from download_licensing.debugging.whatif import Tally, WhatIf
from download_licensing.domain.refusals import Refusal
from download_licensing.service.commands import (
    OpenAccount,
    ReleaseLicense,
    RenewLicense,
    ReportFirstPlay,
    RequestDownload,
)
from download_licensing.service.licensing import AGGREGATES, LicensingService, stream_of
from download_licensing.service.noted_refusals import Refusals, refusals_stream_of
from helenus.codec import Codec
from helenus.repository import AggregateRepository
from helenus.service import CommandContext
from helenus.store import Commit, Head
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore

DECISIONS = 1_000_000
LIVES = 200
"""Customers that are lived through; the others have the same histories under other names."""

REQUESTS = 60
"""Requests of a customer in some three years, most of them granted."""

START = datetime(2026, 1, 1, tzinfo=UTC)
CATALOGUE = Catalogue.shipped()
POLICY = shipped().in_force(START)


class History(NamedTuple):
    """What is stored of one customer."""

    commits: list[Commit]
    refusals: list[Commit]


def run(directory: Path, runs: int, decisions: int = DECISIONS) -> list[Row]:
    """The engine alone, and over a store's file."""
    histories = asyncio.run(_lives())
    customers = round(decisions * len(histories) / _count(histories))
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        file = Path(folder) / "population.sqlite3"
        uvloop.run(_fill(file, histories, customers))
        tallies: list[Tally] = []
        grown: list[float] = []

        def population() -> float:
            before = _peak_mib()
            tally, seconds = uvloop.run(_judge(file))
            grown.append(_peak_mib() - before)
            tallies.append(tally)
            return tally.decisions / seconds

        engine, whole = alternate(runs, lambda: _engine(histories), population)
    found = tallies[0]
    case = f"{found.decisions:,} decisions of {found.customers:,} customers, all rules"
    return [
        Row(case, "SQLite file, one process", "decisions/s", whole, "≥ 20,000"),
        Row(case, "growth of memory", "MiB", grown),
        Row("decoded histories in memory", "the engine alone", "decisions/s", engine),
    ]


async def _lives() -> list[History]:
    async with (
        MemoryStore() as store,
        AggregateRepository(store, AGGREGATES) as repository,
        AggregateRepository(store, [Refusals]) as noted,
    ):
        notes = RefusalNotes(noted, NoteSettings(per_day_max=10_000))
        service = LicensingService(repository, CATALOGUE, policies=shipped(), hooks=[notes.hook])
        for number in range(LIVES):
            await _live(service, f"customer-{number}", random.Random(number))  # reproducible
        await notes.write()
        return [
            History(
                await _commits(store, stream_of(f"customer-{number}")),
                await _commits(store, refusals_stream_of(f"customer-{number}")),
            )
            for number in range(LIVES)
        ]


async def _live(service: LicensingService, customer_id: str, chance: random.Random) -> None:
    at, titles, licenses = START, list(CATALOGUE.titles), [""]
    plan = chance.choice(list(CATALOGUE.plans))
    await service.execute(OpenAccount(customer_id=customer_id, plan=plan), CommandContext(at=at))
    for number in range(REQUESTS):
        at += timedelta(hours=chance.randint(1, 800))
        license_id = chance.choice(licenses[-4:])
        command: object = RequestDownload(
            customer_id=customer_id,
            device_id=f"device-{chance.randint(1, 4)}",
            title_id=chance.choice(titles),
        )
        match chance.randint(1, 10):
            case 1 | 2 | 3 if license_id:
                command = RenewLicense(customer_id=customer_id, license_id=license_id)
            case 4 if license_id:
                command = ReleaseLicense(customer_id=customer_id, license_id=license_id)
            case 5 | 6 if license_id:
                command = ReportFirstPlay(
                    customer_id=customer_id, license_id=license_id, played_at=at
                )
        try:
            answer = await service.execute(
                command, CommandContext(at=at, command_id=f"command-{number}")
            )
        except Refusal:
            continue
        licenses.append(answer.license_id)


async def _commits(store: MemoryStore, stream: str) -> list[Commit]:
    return [commit async for page in store.read(stream) for commit in page.commits]


async def _fill(file: Path, histories: Sequence[History], customers: int) -> None:
    """Give customers the histories in turn; the bytes of a commit name no customer."""
    async with SqliteStore(file) as store:
        for begin in range(0, customers, 64):
            appends = []
            for number in range(begin, min(begin + 64, customers)):
                name, history = f"{number:08}", histories[number % len(histories)]
                appends.append(store.append(stream_of(name), history.commits, Head(0)))
                if history.refusals:
                    stream = refusals_stream_of(name)
                    appends.append(store.append(stream, history.refusals, Head(0)))
            await asyncio.gather(*appends)


async def _judge(file: Path) -> tuple[Tally, float]:
    async with SqliteStore(file) as store:
        started = perf_counter()
        tally = await WhatIf(store, Always(POLICY), CATALOGUE.titles).population(store)
        return tally, perf_counter() - started


def _engine(histories: Sequence[History]) -> float:
    codec = Codec(AGGREGATES)
    decoded = [codec.decode_bodies("customer/0", one.commits) for one in histories]
    started, decisions = perf_counter(), 0
    for commits in decoded:
        judging = Judging(AGGREGATES, Always(POLICY), CATALOGUE.titles)
        for entries in commits:
            decisions += len(judging.commit(entries))
    return decisions / (perf_counter() - started)


def _count(histories: Sequence[History]) -> int:
    """Recorded decisions, noted refusals included."""
    granted = ("license-issued", "license-renewed")
    kinds = [kind for one in histories for commit in one.commits for kind in commit.kinds]
    return sum(kind in granted for kind in kinds) + sum(
        len(commit.kinds) for one in histories for commit in one.refusals
    )


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
