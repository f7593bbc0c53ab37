"""How fast a store is under this framework: closed loops of bounded time, on streams of their own.

It writes to the store that it is given, and removes nothing.
"""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter

import msgspec

from helenus.aggregates import Aggregate, applies
from helenus.clock import SystemClock
from helenus.events import Event
from helenus.repository import AggregateRepository
from helenus.settings import RepositorySettings
from helenus.store import Commit, EventStore, Head
from helenus.unit_of_work import UnitOfWork

_STREAMS_PER_WORKER = 64
_COMMIT_EVENTS = 10


class MeasuringSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How much is measured.

    Attributes:
        seconds: of each case that counts.
        warm_up_seconds: of each case before them.
        in_flight: appends to distinct streams under way at once, a case for each.
        hot_in_flight: commands under way at once on the one hot stream.
        event_bytes: payload of an event, which does not compress.
        history_events: of the stream that is loaded.
    """

    seconds: float = 2.0
    warm_up_seconds: float = 0.5
    in_flight: tuple[int, ...] = (1, 32, 64)
    hot_in_flight: int = 64
    event_bytes: int = 200
    history_events: int = 1_000


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What one case came to.

    Attributes:
        case: what was done.
        in_flight: how many of them at once.
        operations: how many ended within the time that counts.
        seconds: that time.
        per_second: operations ÷ seconds.
        median_ms: time of one.
        p99_ms: time below which 99 of 100 stay.
        max_ms: the longest.
    """

    case: str
    in_flight: int
    operations: int
    seconds: float
    per_second: float
    median_ms: float
    p99_ms: float
    max_ms: float


async def measure(
    store: EventStore, settings: MeasuringSettings | None = None
) -> AsyncIterator[Measured]:
    """Measure a store, case by case.

    Args:
        store: an open store; streams named ``bench/…`` are written to it.
        settings: see `MeasuringSettings`.

    Raises:
        HelenusError: the store failed; what was measured before has been told.
    """
    chosen = settings or MeasuringSettings()
    run = f"bench/{uuid.uuid4().hex}"
    for in_flight in chosen.in_flight:
        append = _appends(store, f"{run}/{in_flight}", chosen)
        yield await closed_loop("append one event", append, in_flight, chosen)
    stream = f"{run}/history"
    await _fill(store, stream, chosen)
    yield await closed_loop("load, cold", _cold(store, stream), 1, chosen)
    async with AggregateRepository(store, [BenchNotes]) as repository:
        yield await closed_loop("load, warm", _warm(repository, stream), 1, chosen)
    async with AggregateRepository(store, [BenchNotes]) as repository:
        command = _commands(repository, f"{run}/hot", chosen)
        yield await closed_loop("command on one hot stream", command, chosen.hot_in_flight, chosen)


async def closed_loop(
    case: str,
    operate: Callable[[int], Awaitable[object]],
    in_flight: int,
    settings: MeasuringSettings,
    *,
    time_s: Callable[[], float] = perf_counter,
) -> Measured:
    """Let workers operate one after another until the time is over; those under way still count.

    Args:
        case: its name.
        operate: does one operation of the worker with this number.
        in_flight: how many workers.
        settings: `seconds` and `warm_up_seconds`.
        time_s: tells the time in seconds, from any origin.
    """
    taken_s: list[float] = []
    counts_from = time_s() + settings.warm_up_seconds
    ends_at = counts_from + settings.seconds

    async def work(worker: int) -> None:
        while (began := time_s()) < ends_at:
            await operate(worker)
            if began >= counts_from:
                taken_s.append(time_s() - began)

    try:
        async with asyncio.TaskGroup() as workers:
            for worker in range(in_flight):
                workers.create_task(work(worker))
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return _measured(case, in_flight, taken_s, time_s() - counts_from)


def _measured(case: str, in_flight: int, taken_s: list[float], seconds: float) -> Measured:
    taken_s.sort()
    count = len(taken_s)

    def at(share: float) -> float:
        return taken_s[min(count - 1, int(count * share))] * 1_000 if count else 0.0

    return Measured(
        case=case,
        in_flight=in_flight,
        operations=count,
        seconds=seconds,
        per_second=count / seconds,
        median_ms=at(0.5),
        p99_ms=at(0.99),
        max_ms=at(1.0),
    )


class BenchNoted(Event, name="helenus-bench-noted"):
    """Something of a size was noted."""

    text: bytes


class BenchNotes(Aggregate, name="helenus-bench-notes"):
    """How much was noted."""

    bytes_noted: int = 0

    @applies
    def noted(self, event: BenchNoted) -> None:
        """Add it up."""
        self.bytes_noted += len(event.text)


def _appends(
    store: EventStore, prefix: str, settings: MeasuringSettings
) -> Callable[[int], Awaitable[object]]:
    """Appends through the port, by turns to streams that no two workers share."""
    heads: dict[str, Head] = {}
    turns: dict[int, int] = {}
    clock = SystemClock()

    async def append(worker: int) -> None:
        turn = turns[worker] = turns.get(worker, -1) + 1
        stream = f"{prefix}/{worker}/{turn % _STREAMS_PER_WORKER}"
        head = heads.get(stream, Head(0))
        position = head.position + 1
        made = Commit(
            uuid.uuid4().bytes,
            position,
            position,
            clock.now_us(),
            ("helenus-bench-noted",),
            b"",
            os.urandom(settings.event_bytes),
        )
        heads[stream] = await store.append(stream, [made], head)

    return append


def _commands(
    repository: AggregateRepository, stream: str, settings: MeasuringSettings, events: int = 1
) -> Callable[[int], Awaitable[object]]:
    def decide(unit: UnitOfWork) -> None:
        notes = unit.get(BenchNotes, "notes")
        for _ in range(events):
            notes.record(BenchNoted(text=os.urandom(settings.event_bytes)))

    async def command(worker: int) -> None:
        await repository.transact(stream, decide)

    return command


async def _fill(store: EventStore, stream: str, settings: MeasuringSettings) -> None:
    """Give the stream its history by commands of ten events, with snapshots as by default."""
    async with AggregateRepository(store, [BenchNotes]) as repository:
        left = settings.history_events
        while left > 0:
            events = min(left, _COMMIT_EVENTS)
            await _commands(repository, stream, settings, events)(0)
            left -= events
        await repository.settle()


def _cold(store: EventStore, stream: str) -> Callable[[int], Awaitable[object]]:
    """Loads by a repository that has nothing in memory."""
    settings = RepositorySettings()

    async def load(worker: int) -> None:
        async with AggregateRepository(store, [BenchNotes], settings=settings) as repository:
            await repository.load(stream)

    return load


def _warm(repository: AggregateRepository, stream: str) -> Callable[[int], Awaitable[object]]:
    async def load(worker: int) -> None:
        await repository.load(stream)

    return load
