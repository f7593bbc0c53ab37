"""Each store says what it holds and has done."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from helenus import Overloaded
from helenus.store import Head, Snapshot
from helenus.stores.cassandra import CassandraStore, cql
from helenus.stores.cassandra.repeating import RepeatingReads
from helenus.stores.cassandra.session import Kind, MaybeExecuted, NotExecuted, Rows, Statement
from helenus.stores.cassandra.settings import CassandraSettings
from helenus.stores.cassandra.statistics import CountingSession, Counts, StatementStatistics
from helenus.stores.memory import MemoryStatistics, MemoryStore
from helenus.stores.sqlite import SqliteSettings, SqliteStatistics, SqliteStore
from helenus.testing.conformance.fixtures import commits, stored


async def test_the_memory_store_counts_what_it_holds() -> None:
    async with MemoryStore() as store:
        assert store.statistics() == MemoryStatistics(streams=0, commits=0, snapshots=0)
        await store.append("a", commits(1, 2), Head(0))
        await store.append("b", commits(1), Head(0))
        await store.save_snapshot("a", Snapshot(3, "f", b""))
        assert store.statistics() == MemoryStatistics(streams=2, commits=3, snapshots=1)


async def test_the_sqlite_store_counts_what_its_threads_were_given(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite3"
    store = SqliteStore(path)
    assert store.statistics() == SqliteStatistics()
    async with store:
        await asyncio.gather(*(store.append(f"s/{n}", commits(1), Head(0)) for n in range(7)))
        await store.save_snapshot("s/1", Snapshot(1, "f", b""))
        await stored(store, "s/1")
        await store.head("s/1")
        taken = store.statistics()
        assert (taken.waiting, taken.overloaded) == (0, 0)
        assert (taken.writes, taken.write_groups, taken.reads) == (8, 2, 2)
        assert taken.file_bytes == path.stat().st_size > 0
        assert taken.log_bytes == path.with_name("s.sqlite3-wal").stat().st_size > 0
    closed = store.statistics()
    assert (closed.writes, closed.reads, closed.log_bytes) == (8, 2, 0)
    async with store:
        assert store.statistics().writes == 0


async def test_the_sqlite_store_counts_what_waits_and_what_it_refused(tmp_path: Path) -> None:
    settings = SqliteSettings(waiting_max=3)
    async with SqliteStore(tmp_path / "s.sqlite3", settings) as store:
        tries = [
            asyncio.ensure_future(store.append(f"s/{n}", commits(1), Head(0))) for n in range(5)
        ]
        await asyncio.sleep(0)  # all are submitted; none is handed over yet
        taken = store.statistics()
        assert (taken.waiting, taken.overloaded, taken.writes) == (3, 2, 0)
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(isinstance(answer, Overloaded) for answer in answers) == 2
        assert (store.statistics().waiting, store.statistics().writes) == (0, 3)


class Session:
    """Answers, or fails as it is told; its clock moves by a second with each statement."""

    def __init__(self, *errors: BaseException | None) -> None:
        self.errors = list(errors)
        self.now_s = 0.0
        self.counts: Counts | None = None
        self.seen_in_flight: list[int] = []

    async def prepare(self, statements: Sequence[Statement]) -> None: ...

    async def execute(self, statement: Statement, values: Sequence[Any] = (), **how: Any) -> Rows:
        self.now_s += 1
        if self.counts is not None:
            self.seen_in_flight.append(self.counts.by_kind[statement.kind].in_flight)
        if error := self.errors.pop(0) if self.errors else None:
            raise error
        return Rows([])

    async def close(self) -> None: ...

    async def nap(self, seconds: float) -> None: ...


def counted(session: Session) -> tuple[CountingSession, Counts]:
    session.counts = Counts()
    return CountingSession(session, session.counts, time_s=lambda: session.now_s), session.counts


@pytest.mark.parametrize("kind", Kind)
async def test_statements_are_counted_by_kind_and_by_what_became_of_them(kind: Kind) -> None:
    session = Session(None, NotExecuted("no"), MaybeExecuted("lost"), asyncio.CancelledError())
    counting, counts = counted(session)
    statement = Statement("a statement", kind)
    await counting.execute(statement)
    for error in (NotExecuted, MaybeExecuted, asyncio.CancelledError):
        with pytest.raises(error):
            await counting.execute(statement)
    taken = counts.taken(requests=2, bucket_hints=3)
    assert getattr(taken, kind.name.lower()) == StatementStatistics(
        executed=1, not_executed=1, maybe_executed=2, seconds=4
    )
    assert session.seen_in_flight == [1, 1, 1, 1]
    others = [other.name.lower() for other in Kind if other is not kind]
    assert [getattr(taken, other) for other in others] == [StatementStatistics()] * 3
    assert (taken.requests, taken.bucket_hints, taken.fences) == (2, 3, 0)


async def test_fences_and_repeated_reads_are_counted() -> None:
    session = Session(MaybeExecuted("lost"), MaybeExecuted("lost"))
    counting, counts = counted(session)
    repeating = RepeatingReads(
        counting, CassandraSettings(), clock=lambda: session.now_s, sleep=session.nap, counts=counts
    )
    await repeating.execute(cql.READ_BUCKET)
    await repeating.execute(cql.FENCE)
    taken = counts.taken(requests=0, bucket_hints=0)
    assert (taken.reads_repeated, taken.fences) == (2, 1)
    assert (taken.serial_read.maybe_executed, taken.serial_read.executed) == (2, 1)


def test_a_cassandra_store_that_was_never_opened_has_asked_nothing() -> None:
    assert CassandraStore().statistics() == Counts().taken(requests=0, bucket_hints=0)
