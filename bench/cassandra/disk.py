"""Bytes on a node's disk for each event: rows that hold commits, against a row for each event.

The node is stopped, which has it write everything to its files: so this is the last case.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from bench.cassandra.accounts import Account, pay
from bench.cassandra.context import WITHOUT_SNAPSHOTS, Bench, ratio
from bench.harness import Row
from helenus import AggregateRepository, Commit
from helenus.codec import Codec
from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.stores.cassandra.drivers import connect
from helenus.stores.cassandra.schema import migrate
from helenus.stores.cassandra.session import Kind, Session, Statement
from helenus.testing.cassandra.configuration import NodeDirectory

_EVENTS = 20_000
_STREAMS = 100
_IN_FLIGHT = 50


class _Shape(NamedTuple):
    """How a history comes about: what it is called, and what is in one append."""

    name: str
    events: int
    commits: int

    @property
    def keyspace(self) -> str:
        return f"bench_{self.events}_by_{self.commits}"


_SHAPES = (
    _Shape("one event a commit, each alone", 1, 1),
    _Shape("one event a commit, ten in a group", 1, 10),
    _Shape("ten events a commit, each alone", 10, 1),
)
_ROWS = (
    "CREATE TABLE {keyspace}.event_rows (stream text, bucket int, position bigint, commit_id uuid,"
    " recorded_at timestamp, kind text, meta blob, body blob,"
    " PRIMARY KEY ((stream, bucket), position))"
    " WITH compaction = {{'class': 'UnifiedCompactionStrategy', 'scaling_parameters': 'T4'}}"
    " AND compression = {{'class': 'LZ4Compressor', 'chunk_length_in_kb': 16}}"
)
_INSERT = Statement(
    "INSERT INTO event_rows (stream, bucket, position, commit_id, recorded_at, kind, meta, body)"
    " VALUES (?, 0, ?, ?, ?, ?, ?, ?)",
    Kind.WRITE,
)


async def run(bench: Bench) -> list[Row]:
    """Fill a keyspace for each shape, stop the first node, and weigh its files."""
    for shape in _SHAPES:
        await _fill(msgspec.structs.replace(bench.settings, keyspace=shape.keyspace), shape)
    await asyncio.to_thread(bench.cluster.stop_node, 1)
    tables = NodeDirectory(bench.cluster.directory, 1).data / "tables"
    return [row for shape in _SHAPES for row in _weigh(tables, shape)]


def _weigh(tables: Path, shape: _Shape) -> list[Row]:
    case = f"disk of one copy, events of 200 bytes, {shape.name}"
    commits, payloads, rows = (
        _size(tables, shape.keyspace, table) for table in ("commits", "payloads", "event_rows")
    )
    ours, theirs = [(commits + payloads) / _EVENTS], [rows / _EVENTS]
    return [
        Row(case, "helenus", "bytes/event", ours),
        Row(case, "a row for each event", "bytes/event", theirs),
        ratio(case, "helenus ÷ a row for each event", ours, theirs),
    ]


def _size(tables: Path, keyspace: str, table: str) -> int:
    """Bytes of a table's files, without the backups that lie in folders below."""
    (folder,) = (tables / keyspace).glob(f"{table}-*")
    return sum(file.stat().st_size for file in folder.iterdir() if file.is_file())


async def _fill(settings: CassandraSettings, shape: _Shape) -> None:
    await migrate(settings)
    async with (
        _scratch_table(settings) as session,
        CassandraStore(settings) as store,
        AggregateRepository(store, [Account], settings=WITHOUT_SNAPSHOTS) as repository,
    ):
        streams = iter(f"account/{number}" for number in range(_STREAMS))

        async def worker() -> None:
            for stream in streams:
                for _ in range(_EVENTS // _STREAMS // shape.events // shape.commits):
                    commands = (
                        repository.transact(stream, pay(shape.events)) for _ in range(shape.commits)
                    )
                    await asyncio.gather(*commands)
                await _copy(store, session, stream)

        await asyncio.gather(*(worker() for _ in range(_IN_FLIGHT)))


@contextlib.asynccontextmanager
async def _scratch_table(settings: CassandraSettings) -> AsyncIterator[Session]:
    session = await connect(settings, settings.keyspace)
    try:
        await session.execute_schema(_ROWS.format(keyspace=settings.keyspace))
        await session.prepare([_INSERT])
        yield session
    finally:
        await session.close()


async def _copy(store: CassandraStore, session: Session, stream: str) -> None:
    codec = Codec([Account])
    async for page in store.read(stream):
        for commit in page.commits:
            for values in _event_rows(codec, stream, commit):
                await session.execute(_INSERT, values)


def _event_rows(codec: Codec, stream: str, commit: Commit) -> Iterator[tuple[Any, ...]]:
    for offset, entry in enumerate(codec.decode_body(stream, commit)):
        yield (
            *(stream, commit.first + offset, commit.id, commit.recorded_at_us // 1_000),
            *(commit.kinds[offset], commit.meta, codec.encode_body([entry])),
        )
