"""Reading a long stream from its beginning, as a projection, an export or a replay does."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable

from bench.cassandra import raw
from bench.cassandra.accounts import pay
from bench.cassandra.context import WITHOUT_SNAPSHOTS, Bench, alternate, ratio
from bench.harness import Row

_EVENTS = 100_000
_SINGLE_EVENTS = 20_000  # appended one after another
_WAITING = 256


async def run(bench: Bench) -> list[Row]:
    """Three shapes: what group commit leaves, and a row for each command of ten events or one."""
    events = min(_EVENTS, bench.options.events_max)
    singles = min(_SINGLE_EVENTS, events)
    run = uuid.uuid4().hex
    await asyncio.gather(
        _fill_in_groups(bench, f"grouped/{run}", events),
        _fill_in_rows(bench, f"tens/{run}", events, 10),
        _fill_in_rows(bench, f"singles/{run}", singles, 1),
    )
    length = f"reading a stream of {events:,} events"
    shorter = f"reading a stream of {singles:,} events"
    return [
        *await _read(
            bench, f"grouped/{run}", events, f"{length}, one a commit, appended in groups"
        ),
        *await _read(bench, f"tens/{run}", events, f"{length}, ten a commit, a row each"),
        *await _read(bench, f"singles/{run}", singles, f"{shorter}, one a commit, a row each"),
    ]


async def _read(bench: Bench, stream: str, events: int, case: str) -> list[Row]:
    repository = bench.repository(WITHOUT_SNAPSHOTS)

    async def rows() -> None:
        await raw.read(bench.session, stream, raw.READ_ROWS)

    async def records() -> None:
        await raw.read(bench.session, stream, raw.READ_RECORDS)

    async def pages() -> None:
        position = 0
        async for page in bench.store.read(stream):
            position = page.commits[-1].last
        assert position == events

    async def history() -> None:
        position = 0
        async for event in repository.history(stream):
            position = event.position
        assert position == events

    async def replay() -> None:
        view = await bench.repository(WITHOUT_SNAPSHOTS).load(stream)
        assert view.position == events

    values = await alternate(
        bench.options.runs,
        raw=lambda: _events_per_second(rows, events, bench.options.seconds),
        records=lambda: _events_per_second(records, events, bench.options.seconds),
        port=lambda: _events_per_second(pages, events, bench.options.seconds),
        history=lambda: _events_per_second(history, events, bench.options.seconds),
        replay=lambda: _events_per_second(replay, events, bench.options.seconds),
    )
    return [
        Row(case, "raw driver, the same rows, not decoded", "events/s", values["raw"]),
        Row(case, "raw driver, of each row the record alone", "events/s", values["records"]),
        Row(case, "helenus, store port", "events/s", values["port"], "≥ 200,000"),
        Row(case, "helenus, history of typed events", "events/s", values["history"]),
        Row(case, "helenus, load without a snapshot", "events/s", values["replay"]),
        ratio(case, "store port ÷ the same rows", values["port"], values["raw"], "≥ 0.8"),
        ratio(case, "store port ÷ the records alone", values["port"], values["records"]),
    ]


async def _events_per_second(
    read: Callable[[], Awaitable[None]], events: int, seconds: float
) -> float:
    times = 0
    started = time.perf_counter()
    while time.perf_counter() - started < seconds or not times:
        await read()
        times += 1
    return times * events / (time.perf_counter() - started)


async def _fill_in_groups(bench: Bench, stream: str, events: int) -> None:
    left = iter(range(events))
    async with bench.repository(WITHOUT_SNAPSHOTS) as repository:

        async def customer() -> None:
            for _ in left:
                await repository.transact(stream, pay())

        await asyncio.gather(*(customer() for _ in range(_WAITING)))


async def _fill_in_rows(bench: Bench, stream: str, events: int, of: int) -> None:
    async with bench.repository(WITHOUT_SNAPSHOTS) as repository:
        for _ in range(events // of):
            await repository.transact(stream, pay(of))
