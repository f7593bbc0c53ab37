"""What every case is given: a warmed cluster, a raw driver and a store on it, and how long."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

import msgspec

from bench.cassandra import raw
from bench.cassandra.accounts import Account, pay
from bench.harness import Row
from helenus import AggregateRepository, RepositorySettings
from helenus.stores.cassandra import CassandraSettings, CassandraStore, cql
from helenus.stores.cassandra.drivers import DriverName, connect
from helenus.stores.cassandra.schema import migrate
from helenus.stores.cassandra.session import Session
from helenus.testing.cassandra import Cluster

REQUEST_TIMEOUT_S = 30.0
WITHOUT_SNAPSHOTS = RepositorySettings(snapshot_events=0)

Work = Callable[[int, int], Awaitable[object]]
"""One operation of a worker: its number, and how many it has done."""


class Options(NamedTuple):
    """How to measure.

    Attributes:
        runs: of each subject, in turn with those it is compared with.
        seconds: of each run.
        warm_up_seconds: for which a new cluster is used before anything counts.
        events_max: longest history that is built.
        cases: by name.
        driver: of the store and of what it is compared with, by name; None: the store's default.
    """

    runs: int = 3
    seconds: float = 3.0
    warm_up_seconds: float = 60.0
    events_max: int = 1_000_000
    cases: tuple[str, ...] = ()
    driver: DriverName | None = None


class Bench(NamedTuple):
    """What a case measures with. The raw driver and the store's own are of the same kind."""

    options: Options
    cluster: Cluster
    settings: CassandraSettings
    session: Session
    store: CassandraStore

    def repository(self, settings: RepositorySettings | None = None) -> AggregateRepository:
        """A repository that has nothing cached."""
        return AggregateRepository(self.store, [Account], settings=settings)


@contextlib.asynccontextmanager
async def opened(cluster: Cluster, options: Options) -> AsyncIterator[Bench]:
    """A keyspace on a cluster, with as many copies as there are nodes, and everything warm."""
    settings = CassandraSettings(
        contact_points=cluster.contact_points,
        port=cluster.port,
        keyspace="bench",
        replication={"": cluster.options.nodes},
        request_timeout_s=REQUEST_TIMEOUT_S,
    )
    if options.driver is not None:
        settings = msgspec.structs.replace(settings, driver=options.driver)
    await migrate(settings)
    session = await connect(settings, settings.keyspace)
    try:
        await session.prepare([*cql.ALL, raw.READ_ROWS, raw.READ_RECORDS])
        async with CassandraStore(settings) as store:
            bench = Bench(options, cluster, settings, session, store)
            await _warm_up(bench)
            yield bench
    finally:
        await session.close()


async def _warm_up(bench: Bench) -> None:
    seconds = bench.options.warm_up_seconds
    append = raw.appends(bench.session)
    run = uuid.uuid4().hex
    async with bench.repository(RepositorySettings(cache_streams_max=1)) as repository:

        async def command(worker: int, turn: int) -> None:
            await repository.transact(f"warm-up/{run}/{worker}", pay())

        await asyncio.gather(rate(48, append, seconds), rate(16, command, seconds))


async def rate(in_flight: int, work: Work, seconds: float) -> float:
    """Operations per second of so many workers, each waiting for its last one.

    What each does first does not count: it meets new streams and empty caches.
    """
    done = 0
    await asyncio.gather(*(work(number, 0) for number in range(in_flight)))
    started = time.perf_counter()

    async def worker(number: int) -> None:
        nonlocal done
        turn = 1
        while time.perf_counter() - started < seconds:
            await work(number, turn)
            turn += 1
            done += 1

    await asyncio.gather(*(worker(number) for number in range(in_flight)))
    return done / (time.perf_counter() - started)


async def median_ms(work: Callable[[], Awaitable[object]], seconds: float) -> float:
    """Milliseconds that one operation takes, one at a time: the median."""
    taken: list[float] = []
    await work()
    started = time.perf_counter()
    while time.perf_counter() - started < seconds or not taken:
        began = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - began) * 1_000)
    return sorted(taken)[len(taken) // 2]


async def alternate(
    runs: int, **subjects: Callable[[], Awaitable[float]]
) -> dict[str, list[float]]:
    """Measure the subjects in turn, `runs` times each, every other time in reverse order."""
    values: dict[str, list[float]] = {name: [] for name in subjects}
    for run in range(runs):
        for name in reversed(subjects) if run % 2 else subjects:
            values[name].append(await subjects[name]())
    return values


def ratio(case: str, subject: str, one: list[float], other: list[float], wanted: str = "") -> Row:
    """The ratio of two subjects, run by run."""
    return Row(case, subject, "×", [a / b for a, b in zip(one, other, strict=True)], wanted)
