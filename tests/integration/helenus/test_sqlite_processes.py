"""Several processes share one file: one winner at each position, and nobody waits to read."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from helenus import Commit, Conflict, Head, Outcome, Overloaded, StoreUnavailable
from helenus.stores.sqlite import SqliteSettings, SqliteStore
from tests.integration.helenus.sqlite import commit, end, held, line, python, tell

WRITER = """
    import asyncio, sys, uuid
    from helenus import Commit, Conflict, Head
    from helenus.stores.sqlite import SqliteStore

    async def main(path, rounds):
        async with SqliteStore(path) as store:
            print("ready", flush=True)
            sys.stdin.readline()
            head = Head(0)
            for _ in range(rounds):
                first = head.position + 1
                body = sys.argv[3].encode()
                made = Commit(uuid.uuid4().bytes, first, first, 1, ("k",), b"", body)
                try:
                    head = await store.append("s", [made], head)
                except Conflict as conflict:
                    assert conflict.actual > head.position
                    head = await store.head("s")
                else:
                    print(made.id, first, flush=True)

    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
    """


async def test_of_two_processes_one_wins_each_position(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    processes = [await python(WRITER, path, 150, name) for name in ("one", "two")]
    assert [await line(process) for process in processes] == ["ready"] * 2
    for process in processes:
        await tell(process)
    printed = [(await end(process)).split("\n")[:-1] for process in processes]
    async with SqliteStore(path) as store:
        found = await held(store)
        fed = [entry.commit async for page in store.feed() for entry in page]
    acknowledged = {row.split()[0]: int(row.split()[1]) for rows in printed for row in rows}
    assert {str(c.id): c.first for c in found} == acknowledged
    assert [c.first for c in found] == list(range(1, len(found) + 1))
    assert fed == found
    assert all(printed), "One process had no turn: the race did not take place."


async def test_readers_are_not_blocked_by_the_write_lock_of_another(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    settings = SqliteSettings(busy_timeout_s=0.01)
    async with SqliteStore(path, settings) as store:
        made = commit(1)
        await store.append("s", [made], Head(0))
        locker = sqlite3.connect(path, isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        locker.execute("DELETE FROM commits")
        assert await asyncio.wait_for(held(store), 10) == [made]
        assert await store.head("s") == Head(1)
        assert [e.commit async for page in store.feed() for e in page] == [made]
        with pytest.raises(StoreUnavailable) as caught:
            await store.append("s", [commit(2)], Head(1))
        assert caught.value.outcome is Outcome.DID_NOT_HAPPEN
        assert "another process" in str(caught.value)
        locker.execute("ROLLBACK")
        locker.close()
        assert await store.append("s", [commit(2)], Head(1)) == Head(2)


async def test_a_busy_file_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    async with SqliteStore(path, SqliteSettings(busy_timeout_s=30)) as store:
        locker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        locker.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(store.append("s", [commit(1)], Head(0)))
        await store.head("s")
        assert not waiting.done()
        locker.execute("ROLLBACK")
        locker.close()
        assert await asyncio.wait_for(waiting, 30) == Head(1)


async def test_more_than_may_wait_is_shed(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    settings = SqliteSettings(busy_timeout_s=30, waiting_max=3)
    async with SqliteStore(path, settings) as store:
        locker = sqlite3.connect(path, isolation_level=None)
        locker.execute("BEGIN IMMEDIATE")
        tries = [asyncio.ensure_future(store.append("first", [commit(1)], Head(0)))]
        await store.head("s")  # by now the writer waits for the lock
        tries += [
            asyncio.ensure_future(store.append(f"s/{n}", [commit(1)], Head(0))) for n in range(5)
        ]
        await store.head("s")
        locker.execute("ROLLBACK")
        locker.close()
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert [type(a) for a in answers] == [Head] * 4 + [Overloaded] * 2
        assert await store.append("s/4", [commit(1)], Head(0)) == Head(1)


async def test_appends_that_wait_share_a_transaction(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "events.db") as store:
        transactions = 0

        def count(statement: str) -> None:
            nonlocal transactions
            transactions += statement == "BEGIN IMMEDIATE"

        store._connections[0].set_trace_callback(count)
        await asyncio.gather(*(store.append(f"s/{n}", [commit(1)], Head(0)) for n in range(200)))
        assert transactions == 1
        answers = await asyncio.gather(
            *(store.append("s", [commit(1)], Head(0)) for n in range(10)), return_exceptions=True
        )
        assert transactions == 2
        assert [type(a) for a in answers] == [Head] + [Conflict] * 9


async def test_a_write_that_cannot_be_encoded_releases_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    async with SqliteStore(path) as store, SqliteStore(path) as other:
        wrong = Commit(b"x" * 16, 1, 1, 1, ("\ud800",), b"", b"")
        with pytest.raises(Exception, match="surrogate"):
            await store.append("s", [wrong], Head(0))
        assert await other.append("s", [commit(1)], Head(0)) == Head(1)
        assert await store.append("s", [commit(2)], Head(1)) == Head(2)
