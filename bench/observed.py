"""What observing the framework costs: nothing, counts, and counts with spans that go nowhere."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from opentelemetry import trace

from bench.harness import Row, alternate
from bench.ours import BankAccount, deposit
from helenus import AggregateRepository, RepositorySettings
from helenus.observability import ObservedRepository, ObservedStore
from helenus.stores.memory import MemoryStore

_COMMANDS = 20_000
_STREAMS = 256
_SETTINGS = RepositorySettings(snapshot_events=0)
_AGGREGATES = [BankAccount]


def run(directory: Path, runs: int) -> list[Row]:
    """Commands one after another on a store in memory, where the cost shows most."""
    del directory
    case = f"one event a command, {_STREAMS} streams, in memory, one after another"
    subjects = ("not observed", "counted", "counted, with spans of no SDK")
    values = alternate(
        runs,
        lambda: asyncio.run(_plain()),
        lambda: asyncio.run(_counted()),
        lambda: asyncio.run(_traced()),
    )
    return [
        Row(case, subject, "µs/command", measured)
        for subject, measured in zip(subjects, values, strict=True)
    ]


async def _plain() -> float:
    async with (
        MemoryStore() as store,
        AggregateRepository(store, _AGGREGATES, settings=_SETTINGS) as repository,
    ):
        return await _microseconds(repository)


async def _counted() -> float:
    async with (
        ObservedStore(MemoryStore()) as store,
        AggregateRepository(store, _AGGREGATES, settings=_SETTINGS) as repository,
    ):
        return await _microseconds(repository)


async def _traced() -> float:
    tracer = trace.get_tracer("bench")
    async with (
        ObservedStore(MemoryStore(), tracer=tracer) as store,
        ObservedRepository(store, _AGGREGATES, tracer=tracer, settings=_SETTINGS) as repository,
    ):
        return await _microseconds(repository)


async def _microseconds(repository: AggregateRepository) -> float:
    started = time.perf_counter()
    for number in range(_COMMANDS):
        await repository.transact(f"account/{number % _STREAMS}", deposit)
    return (time.perf_counter() - started) / _COMMANDS * 1e6
