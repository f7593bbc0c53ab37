"""Full disks, failing COMMITs and killed processes: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from helenus import (
    AggregateRepository,
    Conflict,
    Head,
    Outcome,
    OutcomeUnknown,
    Snapshot,
    StoreError,
    StoreUnavailable,
    StoreUnusable,
)
from helenus.stores.sqlite import SqliteStore
from helenus.stores.sqlite.writer import Append, SaveSnapshot, Writer
from tests.integration.helenus.sqlite import commit, held, line, python
from tests.unit.helenus.bank import AGGREGATES, deposit


async def test_a_full_disk_loses_nothing_and_is_survived(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "events.db") as store:
        writer = store._connections[0]
        head = Head(0)
        for number in range(1, 11):
            head = await store.append("s", [commit(number, bytes(2000))], head)
        kept = await held(store)
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StoreUnavailable, match="disk is full") as caught:
            await store.append("s", [commit(11, bytes(100_000))], head)
        assert caught.value.outcome is Outcome.DID_NOT_HAPPEN
        with pytest.raises(StoreUnavailable, match="disk is full"):
            await store.save_snapshot("s", Snapshot(10, "f", bytes(100_000)))
        assert await held(store) == kept
        assert await store.head("s") == head
        writer.execute("PRAGMA max_page_count=1000000")
        more = commit(11, bytes(100_000))
        assert await store.append("s", [more], head) == Head(11)
        assert await held(store) == [*kept, more]


async def test_a_full_disk_fails_no_command_for_a_snapshot(tmp_path: Path) -> None:
    async with (
        SqliteStore(tmp_path / "events.db") as store,
        AggregateRepository(store, AGGREGATES) as repository,
    ):
        writer = store._connections[0]
        balance = await repository.transact("s", deposit(1))
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count={pages}")
        failures = 0
        while not failures:
            try:
                answer = await repository.transact("s", deposit(1))
            except StoreUnavailable:
                failures += 1
            else:
                balance += 1
                assert answer == balance
        writer.execute("PRAGMA max_page_count=1000000")
        assert await repository.transact("s", deposit(1)) == balance + 1


class FailingConnection:
    """A connection whose statements fail as they are told."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.before: dict[str, int] = {}
        self.after: dict[str, int] = {}
        self.executed: list[str] = []

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, statement: str, parameters: Any = ()) -> sqlite3.Cursor:
        verb = statement.split(maxsplit=1)[0]
        self.executed.append(verb)
        self._fail(self.before.pop(verb, None))
        cursor = self._connection.execute(statement, parameters)
        self._fail(self.after.pop(verb, None))
        return cursor

    def _fail(self, code: int | None) -> None:
        if code is not None:
            error = sqlite3.OperationalError(f"injected {code}")
            error.sqlite_errorcode = code
            raise error


Run = Callable[[list[Any]], list[Any]]


@pytest.fixture
async def failing(tmp_path: Path) -> Any:
    async with SqliteStore(tmp_path / "events.db") as store:
        connection = FailingConnection(store._connect())
        yield store, connection, Writer(connection, "events.db").run  # type: ignore[arg-type]


IOERR_FSYNC = sqlite3.SQLITE_IOERR | (4 << 8)


async def test_a_commit_that_failed_but_is_there_is_acknowledged(failing: Any) -> None:
    store, connection, run = failing
    connection.after["COMMIT"] = IOERR_FSYNC
    made = commit(1)
    assert run([Append("s", [made], 0)]) == [Head(1)]
    assert await held(store) == [made]
    assert connection.executed[-2:] == ["UPDATE", "SELECT"]  # behind a fence, it was looked for


async def test_a_commit_that_failed_and_is_not_there_did_not_happen(failing: Any) -> None:
    store, connection, run = failing
    run([Append("s", [commit(1)], 0)])
    kept = await held(store)
    connection.before["COMMIT"] = IOERR_FSYNC
    late, failed = run([Append("s", [commit(1)], 0), Append("s", [commit(2)], 1)])
    assert isinstance(late, Conflict)  # true whatever became of the others
    assert type(failed) is StoreUnavailable
    assert failed.outcome is Outcome.DID_NOT_HAPPEN
    assert await held(store) == kept
    assert run([Append("s", [commit(2)], 1)]) == [Head(2)]


async def test_a_commit_whose_fate_cannot_be_found_out_is_unknown(failing: Any) -> None:
    store, connection, run = failing
    for stage in ("before", "after"):
        stream = f"s/{stage}"
        getattr(connection, stage)["COMMIT"] = IOERR_FSYNC
        connection.before["UPDATE"] = IOERR_FSYNC
        made = [commit(1), commit(2)]
        first, second = run([Append(stream, made, 0), Append("other/" + stream, [commit(1)], 0)])
        assert type(first) is type(second) is OutcomeUnknown
        assert first.outcome is Outcome.MAY_HAVE_HAPPENED
        assert {made[0].id, made[1].id} <= set(first.commit_ids)
        assert await held(store, stream) in ([], made)
        assert not connection.in_transaction
    assert run([Append("later", [commit(1)], 0)]) == [Head(1)]


@pytest.mark.parametrize(
    "code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CORRUPT]
)
async def test_a_commit_that_surely_failed_needs_no_fence(failing: Any, code: int) -> None:
    store, connection, run = failing
    connection.before["COMMIT"] = code
    [failed] = run([Append("s", [commit(1)], 0)])
    assert type(failed) is (StoreUnusable if code == sqlite3.SQLITE_CORRUPT else StoreUnavailable)
    assert "UPDATE" not in connection.executed
    assert await held(store) == []
    assert run([Append("s", [commit(1)], 0)]) == [Head(1)]


@pytest.mark.parametrize("verb", ["BEGIN", "SELECT", "INSERT"])
@pytest.mark.parametrize("stage", ["before", "after"])
async def test_a_statement_that_fails_before_the_commit_leaves_nothing(
    failing: Any, verb: str, stage: str
) -> None:
    store, connection, run = failing
    getattr(connection, stage)[verb] = sqlite3.SQLITE_IOERR
    for failed in run([Append("s", [commit(1)], 0), Append("t", [commit(1)], 0)]):
        assert isinstance(failed, StoreError)
        assert failed.outcome is Outcome.DID_NOT_HAPPEN
    assert not connection.in_transaction
    assert await held(store) == await held(store, "t") == []
    assert run([Append("s", [commit(1)], 0)]) == [Head(1)]


@pytest.mark.parametrize("verb", ["BEGIN", "INSERT", "COMMIT"])
async def test_a_snapshot_that_fails_leaves_the_appends_beside_it(failing: Any, verb: str) -> None:
    store, connection, run = failing
    original = connection.execute

    def fail_late(statement: str, parameters: Any = ()) -> Any:
        if (
            "snapshots" in statement
            or "SNAPSHOTS" in statement
            or (appended() and verb != "INSERT")
        ):
            connection.before.setdefault(verb, sqlite3.SQLITE_IOERR)
        return original(statement, parameters)

    def appended() -> bool:
        return "COMMIT" in connection.executed

    connection.execute = fail_late
    snapshot = Snapshot(1, "f", b"body")
    head, failed = run([Append("s", [commit(1)], 0), SaveSnapshot("s", snapshot)])
    assert head == Head(1)
    assert isinstance(failed, StoreError)
    del connection.execute
    connection.before.clear()
    assert not connection.in_transaction
    assert run([SaveSnapshot("s", snapshot)]) == [None]
    assert await store.load_snapshot("s") == snapshot


WRITER = """
    import asyncio, sys
    from helenus import AggregateRepository
    from helenus.stores.sqlite import SqliteStore
    sys.path.insert(0, sys.argv[2])
    from tests.unit.helenus.bank import AGGREGATES, deposit

    async def work(repository, stream):
        while True:
            balance = await repository.transact(stream, deposit(1))
            print(stream, balance, flush=True)

    async def main():
        async with SqliteStore(sys.argv[1]) as store:
            async with AggregateRepository(store, AGGREGATES) as repository:
                await asyncio.gather(*(work(repository, f"s/{n % 7}") for n in range(20)))

    asyncio.run(main())
    """


@pytest.mark.parametrize("lines", [1, 50, 700])
async def test_what_a_killed_process_acknowledged_is_there(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "events.db"
    process = await python(WRITER, path, Path(__file__).parents[3])
    acknowledged: dict[str, int] = {}

    def note(stream: str, balance: str) -> None:
        acknowledged[stream] = max(acknowledged.get(stream, 0), int(balance))

    assert process.stdout is not None
    seen = 0
    while seen < lines:
        note(*(await line(process)).split())
        seen += 1
    process.send_signal(signal.SIGKILL)
    rest, _ = await asyncio.wait_for(process.communicate(), 30)
    for row in rest.decode().split("\n")[:-1]:
        note(*row.split())
    async with SqliteStore(path) as store, AggregateRepository(store, AGGREGATES) as repository:
        for stream, balance in acknowledged.items():
            found = await held(store, stream)
            assert len(found) >= balance
            assert [c.first for c in found] == list(range(1, len(found) + 1))
            assert await repository.transact(stream, deposit(1)) == len(found) + 1
