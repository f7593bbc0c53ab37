"""The SQLite file: made whole, recognised, never touched when it cannot be used, migrated once."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from helenus import Head, Outcome, StoreUnusable
from helenus.stores.sqlite import SqliteStore, schema
from tests.integration.helenus.sqlite import commit, end, files, held, line, names, python, tell


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A file with 50 commits."""
    path = tmp_path / "events.db"
    async with SqliteStore(path) as store:
        head = Head(0)
        for number in range(1, 51):
            head = await store.append("s", [commit(number, bytes(1000))], head)
    return path


def edit(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(statement)


async def refuses(path: Path, *parts: str) -> None:
    with pytest.raises(StoreUnusable) as caught:
        async with SqliteStore(path):
            pass
    message = str(caught.value)
    for part in (str(path), *parts):
        assert part in message
    assert caught.value.remedy
    assert caught.value.outcome is Outcome.DID_NOT_HAPPEN


def spoil(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))


def overwrite(offset: int, data: bytes) -> Callable[[bytes], bytes]:
    return lambda held: held[:offset] + data + held[offset + len(data) :]


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        pytest.param(lambda _: b"", "is empty", id="empty"),
        pytest.param(lambda _: b"not a database", "no SQLite database", id="a short text"),
        pytest.param(lambda _: b"not a database" * 1000, "no SQLite database", id="a long text"),
        pytest.param(overwrite(0, bytes(16)), "no SQLite database", id="no magic"),
        pytest.param(lambda held: held[:50], "truncated", id="half a header"),
        pytest.param(lambda held: held[:4096], "truncated", id="one page"),
        pytest.param(lambda held: held[:-4096], "truncated", id="one page less"),
        pytest.param(lambda held: held[:-1], "truncated", id="one byte less"),
        pytest.param(overwrite(4096, bytes(4096)), "damaged", id="a page of zeros"),
        pytest.param(overwrite(8192, b"\xff" * 8192), "damaged", id="two pages of ones"),
        pytest.param(overwrite(68, b"ELSE"), "another program", id="another application"),
    ],
)
async def test_a_file_that_cannot_be_used_is_refused_and_left_as_it_is(
    path: Path, damage: Callable[[bytes], bytes], reason: str
) -> None:
    spoil(path, damage)
    before = files(path.parent)
    await refuses(path, reason)
    assert files(path.parent) == before


async def test_a_file_of_a_newer_release_is_refused_and_left_as_it_is(path: Path) -> None:
    edit(path, "PRAGMA user_version=99")
    before = files(path.parent)
    await refuses(path, "version 99", "newer release", "Upgrade")
    assert files(path.parent) == before


async def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    edit(path, "CREATE TABLE customers (id INTEGER)")
    before = files(tmp_path)
    await refuses(path, "another program")
    assert files(tmp_path) == before


async def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    await refuses(tmp_path, "not a file")


async def test_a_directory_that_is_not_there_or_cannot_be_written_is_refused(
    tmp_path: Path,
) -> None:
    await refuses(tmp_path / "missing" / "events.db", "cannot be made")
    edit(tmp_path / "file", "PRAGMA user_version=1")
    await refuses(tmp_path / "file" / "events.db", "cannot be made")
    await refuses(Path("/proc/events.db"), "cannot be made")
    await refuses(tmp_path / ("x" * 300), "cannot be read")
    assert names(tmp_path) == ["file"]


async def test_odd_file_names_are_used_as_they_are(tmp_path: Path) -> None:
    for name in ("a b.db", "a?mode=ro.db", "a%20b.db", "a#b.db", "ž🎬.db", "'\".db"):
        made = commit(1)
        async with SqliteStore(tmp_path / name) as store:
            await store.append("s", [made], Head(0))
        async with SqliteStore(tmp_path / name) as store:
            assert await held(store) == [made]
        assert name in names(tmp_path)


async def test_making_a_file_leaves_nothing_else_behind(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "events.db"):
        pass
    assert names(tmp_path) == ["events.db"]


async def test_commits_are_synced_and_logged_ahead(path: Path) -> None:
    connection = schema.connect(path, busy_timeout_s=1, cache_bytes=1024 * 1024)
    with contextlib.closing(connection):
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)


STEPS = (
    *schema.MIGRATIONS,
    ("CREATE TABLE two (x INTEGER)", "INSERT INTO two VALUES (2)"),
    ("ALTER TABLE two ADD COLUMN y INTEGER", "UPDATE two SET y = x + 1"),
)


def prepare(path: Path, steps: tuple[tuple[str, ...], ...] = STEPS) -> None:
    schema.prepare(path, busy_timeout_s=10, check_bytes_max=2**30, migrations=steps)


def migrated(path: Path) -> object:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return version, connection.execute("SELECT x, y FROM two").fetchall()


async def test_a_file_is_migrated_step_by_step_and_keeps_its_commits(path: Path) -> None:
    prepare(path)
    assert migrated(path) == (len(STEPS), [(2, 3)])
    prepare(path)
    assert migrated(path) == (len(STEPS), [(2, 3)])
    await refuses(path, "newer release")
    edit(path, f"PRAGMA user_version={len(schema.MIGRATIONS)}")
    async with SqliteStore(path) as store:
        assert len(await held(store)) == 50


async def test_a_new_file_goes_through_the_same_steps(tmp_path: Path) -> None:
    prepare(tmp_path / "new.db")
    assert migrated(tmp_path / "new.db") == (len(STEPS), [(2, 3)])


async def test_a_step_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    failing = (*STEPS[:-1], ("ALTER TABLE two ADD COLUMN y INTEGER", "UPDATE nowhere SET x = 1"))
    with pytest.raises(Exception, match="nowhere"):
        prepare(path, failing)
    async with SqliteStore(path) as store:
        assert len(await held(store)) == 50
    prepare(path)
    assert migrated(path) == (len(STEPS), [(2, 3)])


async def test_a_new_file_whose_steps_fail_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match="cannot be made"):
        prepare(tmp_path / "new.db", (("CREATE NONSENSE",),))
    assert names(tmp_path) == []


async def test_of_many_that_open_at_once_one_makes_and_migrates_the_file(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    await asyncio.gather(*(asyncio.to_thread(prepare, path, STEPS[:-2]) for _ in range(8)))
    await asyncio.gather(*(asyncio.to_thread(prepare, path) for _ in range(8)))
    assert migrated(path) == (len(STEPS), [(2, 3)])
    assert names(tmp_path) == ["events.db"]


async def test_a_process_that_is_killed_while_it_migrates_leaves_the_file_as_it_was(
    path: Path,
) -> None:
    migrating = await python(
        """
        import sqlite3, sys
        connection = sqlite3.connect(sys.argv[1], isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE two (x INTEGER)")
        connection.execute("PRAGMA user_version=2")
        print("halfway", flush=True)
        sys.stdin.readline()
        """,
        path,
    )
    assert await line(migrating) == "halfway"
    migrating.kill()
    await migrating.wait()
    prepare(path)
    assert migrated(path) == (len(STEPS), [(2, 3)])


async def test_opening_a_second_store_keeps_the_locks_of_the_first(tmp_path: Path) -> None:
    """SQLite's POSIX locks belong to the process, and closing any descriptor drops them all."""
    other = """
        import asyncio, sys
        from helenus.stores.sqlite import SqliteStore
        async def main():
            for _ in sys.stdin:
                async with SqliteStore(sys.argv[1]) as store:
                    print((await store.head("s")).position, flush=True)
        asyncio.run(main())
        """
    path = tmp_path / "events.db"
    process = await python(other, path)
    async with SqliteStore(path) as first:
        head = await first.append("s", [commit(1)], Head(0))
        async with SqliteStore(path):
            await tell(process)
            assert await line(process) == "1"  # and it has closed as if it were the last
            await first.append("s", [commit(2)], head)
            await tell(process)
            assert await line(process) == "2"
    await end(process)


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
async def test_what_is_left_of_a_removed_file_is_not_replayed_into_a_new_one(
    tmp_path: Path, suffix: str
) -> None:
    left = tmp_path / f"events.db{suffix}"
    left.write_bytes(b"acknowledged")
    with pytest.raises(StoreUnusable, match="may hold acknowledged commits"):
        async with SqliteStore(tmp_path / "events.db"):
            pass
    assert files(tmp_path) == {left.name: b"acknowledged"}


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_file_removed_or_replaced_while_in_use_takes_no_more_commits(
    tmp_path: Path, replaced: bool
) -> None:
    path = tmp_path / "events.db"
    async with SqliteStore(path) as store:
        head = await store.append("s", [commit(1)], Head(0))
        path.unlink()
        if replaced:
            path.write_bytes(b"another")
        with pytest.raises(StoreUnusable, match="removed or replaced"):
            await store.append("s", [commit(2)], head)
        with pytest.raises(StoreUnusable, match="removed or replaced"):
            await store.head("s")
