"""The Cassandra store against the raw driver: the same statement with the same bytes."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from bench.harness import Row
from bench.ours import BankAccount, deposit, deposit_many
from helenus import AggregateRepository, Commit, Head, RepositorySettings
from helenus.stores.cassandra import CassandraSettings, CassandraStore, cql
from helenus.stores.cassandra.drivers.datastax import DatastaxSession
from helenus.stores.cassandra.schema import migrate
from helenus.testing.cassandra import Cluster, ClusterOptions

_SECONDS = 3.0
_WARM_UP_SECONDS = 30.0
_IN_FLIGHT = (1, 32, 64)
_BODY = bytes(200)

Work = Callable[[int, int], Awaitable[object]]
"""One operation of a worker: its number, and how many it has done."""


def run(directory: Path, runs: int) -> list[Row]:
    """All cases, on one node that is started for them (commit log synced before each answer)."""
    options = ClusterOptions(native_port=0, storage_port=0, jmx_port=0, heap_mib=1024)
    with Cluster(options, directory=(directory / "bench-cassandra").absolute()) as cluster:
        settings = CassandraSettings(
            contact_points=cluster.contact_points, port=cluster.port, keyspace="bench"
        )
        try:
            return asyncio.run(_measure(settings, runs))
        finally:
            cluster.delete()


async def _measure(settings: CassandraSettings, runs: int) -> list[Row]:
    await migrate(settings)
    session = await DatastaxSession.connect(settings, settings.keyspace)
    await session.prepare(cql.ALL)
    quiet = RepositorySettings(snapshot_events=0)
    rows: list[Row] = []
    async with (
        CassandraStore(settings) as store,
        AggregateRepository(store, [BankAccount], settings=quiet) as repository,
    ):
        await _rate(64, _raw(session), _WARM_UP_SECONDS)
        for in_flight in _IN_FLIGHT:
            rows += await _appends(session, store, repository, in_flight, runs)
        rows += await _hot(session, repository, runs)
    await session.close()
    return rows


async def _appends(
    session: DatastaxSession,
    store: CassandraStore,
    repository: AggregateRepository,
    in_flight: int,
    runs: int,
) -> list[Row]:
    case = f"append, distinct streams, {in_flight} in flight"
    run = uuid.uuid4().hex

    async def one_event(worker: int, turn: int) -> None:
        await repository.transact(f"warm/{run}/{worker}", deposit)

    async def ten_events(worker: int, turn: int) -> None:
        await repository.transact(f"ten/{run}/{worker}", deposit_many(10))

    subjects: dict[str, Callable[[], Work]] = {
        "raw driver, the same LWT": lambda: _raw(session),
        "helenus, store port": lambda: _port(store),
        "helenus, transact on warm streams": lambda: one_event,
        "helenus, ten events a command": lambda: ten_events,
    }
    values: dict[str, list[float]] = {subject: [] for subject in subjects}
    for _ in range(runs):
        for subject, make in subjects.items():
            values[subject].append(await _rate(in_flight, make(), _SECONDS))
    rows = [Row(case, subject, "commands/s", found) for subject, found in values.items()]
    raw = rows[0].values
    for row, wanted in zip(rows[1:], ("≥ 0.9", "≥ 0.8", ""), strict=True):
        ratios = [a / b for a, b in zip(row.values, raw, strict=True)]
        rows.append(Row(case, f"{row.subject} ÷ raw", "×", ratios, wanted))
    return rows


async def _hot(session: DatastaxSession, repository: AggregateRepository, runs: int) -> list[Row]:
    case = "one hot stream, 64 in flight, one process"

    async def command(worker: int, turn: int) -> None:
        await repository.transact("hot", deposit)

    alone, together = [], []
    for _ in range(runs):
        alone.append(await _rate(1, _raw(session), _SECONDS))
        together.append(await _rate(64, command, _SECONDS))
    ratios = [a / b for a, b in zip(together, alone, strict=True)]
    return [
        Row(case, "raw LWT, one at a time", "commands/s", alone),
        Row(case, "helenus", "commands/s", together),
        Row(case, "helenus ÷ one at a time", "×", ratios, "≥ 20"),
    ]


def _raw(session: DatastaxSession) -> Work:
    """The statement of an append, bound by hand, its answer looked at and nothing else."""
    run = uuid.uuid4().hex
    encode = msgspec.msgpack.Encoder().encode

    async def work(worker: int, turn: int) -> None:
        record = encode([_commit(turn + 1)])
        values = (
            *(turn + 1, len(record), False, turn + 1, uuid.uuid4(), ["kind"], record),
            *(f"raw/{run}/{worker}", 0, turn + 1, turn or None, None),
        )
        answer = await session.execute(cql.APPEND, values)
        assert answer.rows[0][0]

    return work


def _port(store: CassandraStore) -> Work:
    run = uuid.uuid4().hex
    heads: dict[int, Head] = {}

    async def work(worker: int, turn: int) -> None:
        head = heads.get(worker, Head(0))
        commit = _commit(head.position + 1)
        heads[worker] = await store.append(f"port/{run}/{worker}", [commit], head)

    return work


def _commit(position: int) -> Commit:
    return Commit(uuid.uuid4().bytes, position, position, position, ("kind",), b"\x80", _BODY)


async def _rate(in_flight: int, work: Work, seconds: float) -> float:
    """Operations per second of so many workers, each waiting for its last one."""
    done = 0
    started = time.perf_counter()

    async def worker(number: int) -> None:
        nonlocal done
        turn = 0
        while time.perf_counter() - started < seconds:
            await work(number, turn)
            turn += 1
            done += 1

    await asyncio.gather(*(worker(number) for number in range(in_flight)))
    return done / (time.perf_counter() - started)
