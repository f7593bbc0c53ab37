"""Cold loads: how long until a customer that nothing is known of can be decided on.

The store of these loads remembers nothing of a stream either, as in a process that has just begun.
"""

from __future__ import annotations

import asyncio
import functools
import uuid

import msgspec

from bench.cassandra import raw
from bench.cassandra.accounts import Account, pay
from bench.cassandra.context import WITHOUT_SNAPSHOTS, Bench, alternate, median_ms, ratio
from bench.harness import Row
from helenus import RepositorySettings
from helenus.stores.cassandra import CassandraStore

_SNAPSHOTS = RepositorySettings(snapshot_events=100)
_HISTORIES = (10, 1_000, 100_000, 1_000_000)
_TAIL_EVENTS = 50  # half of what may follow a snapshot, so the mean
_SINGLE_EVENTS = 5_000  # one a row, as commands leave them: more than the first bucket takes
_COMMIT_EVENTS = 250  # of the bulk behind: they stay inline, and fill bucket after bucket
_PLAIN_EVENTS = 1_000


async def run(bench: Bench) -> list[Row]:
    """With snapshots each 100 events, by length of history; and without one."""
    histories = [events for events in _HISTORIES if events <= bench.options.events_max]
    prefix = f"cold/{uuid.uuid4().hex}"
    streams = {events: f"{prefix}/{events}" for events in histories}
    await asyncio.gather(
        *(_fill(bench, stream, events) for events, stream in streams.items()),
        _fill_plainly(bench, prefix),
    )
    longest = histories[-1]
    forgetful = msgspec.structs.replace(bench.settings, bucket_hints_max=0)
    async with CassandraStore(forgetful) as store:
        cold = bench._replace(store=store)
        values = await alternate(
            bench.options.runs,
            **{
                str(events): functools.partial(_loads, cold, stream, events, _SNAPSHOTS)
                for events, stream in streams.items()
            },
            known=lambda: _loads(bench, streams[longest], longest, _SNAPSHOTS),
            raw=lambda: median_ms(
                lambda: raw.load(bench.session, streams[longest]), bench.options.seconds
            ),
            plain=lambda: _loads(cold, prefix, _PLAIN_EVENTS, WITHOUT_SNAPSHOTS),
        )
    return _rows(values, histories)


def _rows(values: dict[str, list[float]], histories: list[int]) -> list[Row]:
    case = "cold load, snapshots each 100 events"
    shortest, longest = str(histories[0]), str(histories[-1])
    growth = f"{histories[-1]:,} ÷ {histories[0]:,} events of history"
    plain = f"cold load, {_PLAIN_EVENTS:,} events, one a row, no snapshot"
    return [
        *(
            Row(case, f"helenus, {events:,} events of history", "ms", values[str(events)], "≤ 4")
            for events in histories
        ),
        Row(case, f"the same, {histories[-1]:,}, the stream's bucket known", "ms", values["known"]),
        Row(case, f"raw driver, the two reads of {histories[-1]:,} events", "ms", values["raw"]),
        ratio(case, growth, values[longest], values[shortest], "≤ 1.5"),
        Row(plain, "helenus", "ms", values["plain"], "≤ 15"),
    ]


async def _fill(bench: Bench, stream: str, events: int) -> None:
    """A history that ends with a snapshot, where it is long enough for one, and a tail behind it.

    The tail's commands have ids, as a service's have.
    """
    tail = min(events, _TAIL_EVENTS)
    async with bench.repository(_SNAPSHOTS) as repository:
        # A commit that a snapshot follows at once is the last before the tail.
        bulk = max(events - tail - _SINGLE_EVENTS, min(events - tail, _SNAPSHOTS.snapshot_events))
        for _ in range(events - tail - bulk):
            await repository.transact(stream, pay())
        while bulk:
            await repository.transact(stream, pay(min(bulk, _COMMIT_EVENTS)))
            bulk -= min(bulk, _COMMIT_EVENTS)
        await repository.settle()
        for number in range(tail):
            await repository.transact(stream, pay(), command_id=f"command-{number}")


async def _fill_plainly(bench: Bench, stream: str) -> None:
    async with bench.repository(WITHOUT_SNAPSHOTS) as repository:
        for _ in range(_PLAIN_EVENTS):
            await repository.transact(stream, pay())


async def _loads(bench: Bench, stream: str, events: int, settings: RepositorySettings) -> float:
    async def load() -> None:
        view = await bench.repository(settings).load(stream)
        assert view.get(Account, "account").balance == events

    return await median_ms(load, bench.options.seconds)
