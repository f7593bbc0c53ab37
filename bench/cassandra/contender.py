"""One of several processes that race for one stream.

It reads its orders, a line of JSON, gets ready, says so, waits for a second line, and answers with
what it did.
"""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec

from bench.cassandra.accounts import Account, pay
from helenus import AggregateRepository, Conflict
from helenus.errors import StoreError
from helenus.stores.cassandra import CassandraSettings, CassandraStore


class Orders(msgspec.Struct, frozen=True):
    """What to do."""

    settings: CassandraSettings
    stream: str
    in_flight: int
    seconds: float


class Tally(msgspec.Struct):
    """What was done.

    Attributes:
        seconds: from the start until the last command was answered.
        commands: that took effect.
        refused: that were given up after as many attempts as the settings allow.
        failed: that the store failed, by a timeout for instance.
        appends: that succeeded.
        conflicts: appends that met another process's.
        slowest_ms: the longest that a command took.
    """

    seconds: float = 0.0
    commands: int = 0
    refused: int = 0
    failed: int = 0
    appends: int = 0
    conflicts: int = 0
    slowest_ms: float = 0.0


async def contend(orders: Orders) -> Tally:
    """Get ready, wait for the start, and count."""
    tally, decide = Tally(), pay()
    async with (
        CassandraStore(orders.settings) as store,
        AggregateRepository(store, [Account]) as repository,
    ):
        await repository.load(orders.stream)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        started = time.perf_counter()

        async def worker() -> None:
            while (began := time.perf_counter()) - started < orders.seconds:
                try:
                    await repository.transact(orders.stream, decide)
                    tally.commands += 1
                except Conflict:
                    tally.refused += 1
                except StoreError:
                    tally.failed += 1
                took_ms = (time.perf_counter() - began) * 1_000
                tally.slowest_ms = max(tally.slowest_ms, took_ms)

        await asyncio.gather(*(worker() for _ in range(orders.in_flight)))
        tally.seconds = time.perf_counter() - started
        statistics = repository.statistics()
        tally.appends, tally.conflicts = statistics.appends, statistics.conflicts
    return tally


def main() -> None:
    """Follow the orders on standard input."""
    orders = msgspec.json.decode(sys.stdin.readline(), type=Orders)
    print(msgspec.json.encode(asyncio.run(contend(orders))).decode(), flush=True)
