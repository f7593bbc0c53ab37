"""The embedded store against the peer."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import sqlite3
import tempfile
import time
from pathlib import Path

import uvloop

from bench import ours, peer
from bench.harness import Row, alternate

_STREAMS = 1_024  # a multiple of what is in flight, so that no two workers share one
_FLOOR_COMMITS = 2_000
_files = itertools.count()


def run(directory: Path, runs: int) -> list[Row]:
    """All cases of the embedded store."""
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        scratch = Path(folder)
        return [
            *_distinct(scratch, runs, in_flight=1, ours_total=3_000, peer_total=1_500),
            *_distinct(scratch, runs, in_flight=64, ours_total=32_000, peer_total=3_200),
            *_tens(scratch, runs),
            *_floor(scratch, runs),
            *_hot(scratch, runs),
            *_replay(scratch, runs),
            *_log(runs),
            *_snapshots(scratch, runs),
        ]


def _distinct(
    scratch: Path, runs: int, *, in_flight: int, ours_total: int, peer_total: int
) -> list[Row]:
    case = f"load + one event + save, {_STREAMS:,} streams, {in_flight} in flight"

    def measure(*, cached: bool, loop: bool) -> float:
        work = ours.commands(
            _new(scratch), streams=_STREAMS, in_flight=in_flight, total=ours_total, cached=cached
        )
        return uvloop.run(work) if loop else asyncio.run(work)

    def measure_peer(*, cached: bool) -> float:
        return peer.commands(
            _new(scratch), streams=_STREAMS, in_flight=in_flight, total=peer_total, cached=cached
        )

    values = alternate(
        runs,
        lambda: measure(cached=True, loop=False),
        lambda: measure(cached=True, loop=True),
        lambda: measure(cached=False, loop=False),
        lambda: measure_peer(cached=False),
        lambda: measure_peer(cached=True),
    )
    subjects = (
        "helenus",
        "helenus, uvloop",
        "helenus, nothing cached",
        "eventsourcing",
        "eventsourcing, its cache on",
    )
    rows = [Row(case, s, "commands/s", v) for s, v in zip(subjects, values, strict=True)]
    wanted = "≥ 10" if in_flight > 1 else "≥ 2"
    return [*rows, _ratio(case, rows[0], rows[3], wanted)]


def _tens(scratch: Path, runs: int) -> list[Row]:
    case = f"ten events a commit, {_STREAMS:,} streams, 64 in flight"

    def measure() -> float:
        work = ours.commands(_new(scratch), streams=_STREAMS, in_flight=64, total=16_000, events=10)
        return 10 * asyncio.run(work)

    def measure_peer() -> float:
        return 10 * peer.commands(
            _new(scratch), streams=_STREAMS, in_flight=64, total=1_600, events=10
        )

    mine, theirs = alternate(runs, measure, measure_peer)
    rows = [Row(case, "helenus", "events/s", mine), Row(case, "eventsourcing", "events/s", theirs)]
    return [*rows, _ratio(case, rows[0], rows[1], "≥ 10")]


def _floor(scratch: Path, runs: int) -> list[Row]:
    """What the disk allows: nothing but a small row and its commit, again and again."""

    def measure() -> float:
        with contextlib.closing(sqlite3.connect(_new(scratch), isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("CREATE TABLE commits (record BLOB)")
            started = time.perf_counter()
            for _ in range(_FLOOR_COMMITS):
                connection.execute("INSERT INTO commits VALUES (?)", (bytes(150),))
            return _FLOOR_COMMITS / (time.perf_counter() - started)

    (values,) = alternate(runs, measure)
    return [Row("one small row after another, durable", "sqlite3 alone", "commits/s", values)]


def _hot(scratch: Path, runs: int) -> list[Row]:
    (values,) = alternate(
        runs,
        lambda: asyncio.run(ours.commands(_new(scratch), streams=1, in_flight=64, total=32_000)),
    )
    return [Row("one hot stream, 64 in flight", "helenus", "commands/s", values, "≥ 2,000")]


def _replay(scratch: Path, runs: int) -> list[Row]:
    case = "replay of 1,000 events, one a commit, no snapshot"
    path, peer_path = _new(scratch), _new(scratch)
    asyncio.run(ours.fill(path, "account/1", 1_000, snapshots=False, per_commit=1))
    account_id = peer.fill(peer_path, 1_000, snapshot=False)
    mine, theirs = alternate(
        runs,
        lambda: asyncio.run(ours.loads(path, "account/1", times=50, snapshots=False, warm=False)),
        lambda: peer.loads(peer_path, account_id, times=20),
    )
    return [
        Row(case, "helenus", "ms", mine, "≤ 1.5"),
        Row(case, "eventsourcing", "ms", theirs),
    ]


def _log(runs: int) -> list[Row]:
    """Decoding and applying alone: a stream that lies encoded in memory, read in whole pages."""
    rows = []
    for per_commit in (1, 10):
        (rates,) = alternate(
            runs,
            functools.partial(_from_memory, per_commit),
        )
        case = f"a log of 100,000 events in memory, {per_commit} a commit, decoded and applied"
        rows.append(Row(case, "helenus", "events/s", rates, "≥ 500,000"))
    return rows


def _from_memory(per_commit: int) -> float:
    return asyncio.run(ours.from_memory(100_000, per_commit=per_commit))


def _snapshots(scratch: Path, runs: int) -> list[Row]:
    rows = []
    for events in (10, 1_000, 100_000):
        path, peer_path = _new(scratch), _new(scratch)
        asyncio.run(
            ours.fill(path, "account/1", events, snapshots=True, per_commit=min(events, 10))
        )
        account_id = peer.fill(peer_path, events, snapshot=True)
        cold, warm, theirs = alternate(
            runs,
            functools.partial(_load, path, warm=False),
            functools.partial(_load, path, warm=True),
            functools.partial(peer.loads, peer_path, account_id, times=50),
        )
        case = f"load with snapshots, {events:,} events of history"
        rows += [
            Row(case, "helenus, cold", "ms", cold, "≤ 0.5"),
            Row(case, "helenus, warm", "ms", warm, "≤ 0.1"),
            Row(case, "eventsourcing", "ms", theirs),
        ]
    longest, shortest = rows[-3], rows[0]
    return [*rows, _ratio("cold load, 100,000 ÷ 10 events", longest, shortest, "≤ 1.5")]


def _load(path: Path, *, warm: bool) -> float:
    return asyncio.run(ours.loads(path, "account/1", times=200, snapshots=True, warm=warm))


def _ratio(case: str, one: Row, other: Row, wanted: str) -> Row:
    pairs = zip(one.values, other.values, strict=True)
    return Row(case, f"{one.subject} ÷ {other.subject}", "×", [a / b for a, b in pairs], wanted)


def _new(scratch: Path) -> Path:
    return scratch / f"{next(_files)}.sqlite3"
