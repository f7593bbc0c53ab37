"""Appends to distinct streams: what the port and the repository add to the statement."""

from __future__ import annotations

import uuid

from bench.cassandra import raw
from bench.cassandra.accounts import pay
from bench.cassandra.context import WITHOUT_SNAPSHOTS, Bench, Work, alternate, rate, ratio
from bench.harness import Row
from helenus import AggregateRepository, Head
from helenus.stores.cassandra import CassandraStore

_IN_FLIGHT = (1, 32, 64)


async def run(bench: Bench) -> list[Row]:
    """All numbers in flight."""
    rows: list[Row] = []
    for in_flight in _IN_FLIGHT:
        rows += await _appends(bench, in_flight)
    return rows


async def _appends(bench: Bench, in_flight: int) -> list[Row]:
    case = f"append, distinct streams, {in_flight} in flight"
    seconds = bench.options.seconds
    async with bench.repository(WITHOUT_SNAPSHOTS) as repository:
        values = await alternate(
            bench.options.runs,
            raw=lambda: rate(in_flight, raw.appends(bench.session), seconds),
            raw_ten=lambda: rate(in_flight, raw.appends(bench.session, 10), seconds),
            port=lambda: rate(in_flight, _port(bench.store), seconds),
            one=lambda: rate(in_flight, _transact(repository, 1), seconds),
            ten=lambda: rate(in_flight, _transact(repository, 10), seconds),
        )
    subjects = {
        "raw": "raw driver, the same LWT",
        "raw_ten": "raw driver, the bytes of ten events",
        "port": "helenus, store port",
        "one": "helenus, transact on warm streams",
        "ten": "helenus, ten events a command",
    }
    return [
        *(Row(case, subjects[name], "commands/s", found) for name, found in values.items()),
        ratio(case, "store port ÷ raw", values["port"], values["raw"], "≥ 0.9"),
        ratio(case, "transact ÷ raw", values["one"], values["raw"], "≥ 0.8"),
        ratio(case, "cost of ten events ÷ one", values["one"], values["ten"], "≤ 1.15"),
        ratio(case, "the same of the raw driver", values["raw"], values["raw_ten"]),
    ]


def _port(store: CassandraStore) -> Work:
    run = uuid.uuid4().hex
    heads: dict[int, Head] = {}

    async def work(worker: int, turn: int) -> None:
        head = heads.get(worker, Head(0))
        commit = raw.commit(head.position + 1)
        heads[worker] = await store.append(f"port/{run}/{worker}", [commit], head)

    return work


def _transact(repository: AggregateRepository, events: int) -> Work:
    run = uuid.uuid4().hex
    decide = pay(events)

    async def work(worker: int, turn: int) -> None:
        await repository.transact(f"transact/{run}/{worker}", decide)

    return work
