"""The drivers of the Cassandra store: processor time and throughput of the same statements."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import get_args

import msgspec

from bench.harness import Row
from helenus.stores.cassandra import CassandraSettings, cql
from helenus.stores.cassandra.drivers import DriverName, connect
from helenus.stores.cassandra.schema import migrate
from helenus.stores.cassandra.session import OwnerSession
from helenus.testing.cassandra import Cluster, ClusterOptions

_SECONDS = 3.0
_WARM_UP_SECONDS = 30.0
_IN_FLIGHT = (1, 32)
_RECORD = bytes(300)
_ROWS = 50

Work = Callable[[int, int], Awaitable[object]]
"""One operation of a worker: its number, and how many it has done."""


def run(directory: Path, runs: int) -> list[Row]:
    """All cases, on one node that is started for them."""
    options = ClusterOptions(native_port=0, storage_port=0, jmx_port=0, heap_mib=1024)
    with Cluster(options, directory=(directory / "bench-drivers").absolute()) as cluster:
        settings = CassandraSettings(
            contact_points=cluster.contact_points, port=cluster.port, keyspace="bench"
        )
        try:
            return asyncio.run(measure(settings, runs, _WARM_UP_SECONDS))
        finally:
            cluster.delete()


async def measure(settings: CassandraSettings, runs: int, warm_up_s: float) -> list[Row]:
    """All cases on a cluster that runs, the drivers in turn."""
    await migrate(settings)
    sessions: dict[str, OwnerSession] = {}
    for name in get_args(DriverName):
        chosen = msgspec.structs.replace(settings, driver=name)
        sessions[name] = await connect(chosen, settings.keyspace)
    rows: list[Row] = []
    try:
        for session in sessions.values():
            await session.prepare(cql.ALL)
            await _cost(32, _append(session), warm_up_s / len(sessions))
        for title, make in (("append", _append), (f"read of {_ROWS} rows", _read)):
            for in_flight in _IN_FLIGHT:
                found: dict[str, list[tuple[float, float]]] = {name: [] for name in sessions}
                for _ in range(runs):
                    for name, session in sessions.items():
                        work = make(session)
                        await work(0, 0)
                        found[name].append(await _cost(in_flight, work, _SECONDS))
                case = f"{title}, {in_flight} in flight"
                for name, costs in found.items():
                    rows.append(Row(case, name, "statements/s", [rate for rate, _ in costs]))
                    rows.append(Row(case, name, "µs of client CPU", [used for _, used in costs]))
    finally:
        for session in sessions.values():
            await session.close()
    return rows


def _append(session: OwnerSession) -> Work:
    """Appends to a stream of each worker's own."""
    run = uuid.uuid4().hex
    positions: dict[int, int] = {}

    async def work(worker: int, _: int) -> None:
        before = positions.get(worker, 0)
        await _append_one(session, f"append/{run}/{worker}", before)
        positions[worker] = before + 1

    return work


def _read(session: OwnerSession) -> Work:
    """Serial reads of one stream; the first call fills it."""
    stream = f"read/{uuid.uuid4().hex}"
    filled = False

    async def work(worker: int, _: int) -> None:
        nonlocal filled
        if not filled:
            for before in range(_ROWS):
                await _append_one(session, stream, before)
            filled = True
        answer = await session.execute(cql.READ_COMMITS_FROM_START, (stream, 0))
        assert len(answer.rows) == _ROWS

    return work


async def _append_one(session: OwnerSession, stream: str, before: int) -> None:
    values = (
        *(before + 1, len(_RECORD), False, before + 1, uuid.uuid4(), ["kind"], _RECORD),
        *(stream, 0, before + 1, before or None, None),
    )
    answer = await session.execute(cql.APPEND, values)
    assert answer.rows[0][0]


async def _cost(in_flight: int, work: Work, seconds: float) -> tuple[float, float]:
    """Operations per second, and microseconds of this process for each."""
    done = 0
    started, used = time.perf_counter(), time.process_time()

    async def worker(number: int) -> None:
        nonlocal done
        turn = 0
        while time.perf_counter() - started < seconds:
            await work(number, turn)
            turn += 1
            done += 1

    await asyncio.gather(*(worker(number) for number in range(in_flight)))
    elapsed = time.perf_counter() - started
    return done / elapsed, (time.process_time() - used) / done * 1e6
