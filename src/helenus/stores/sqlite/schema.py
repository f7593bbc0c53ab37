"""The SQLite file: how it is made, recognised, checked and migrated.

A new file is built under a temporary name and linked into place whole, so a crash leaves no
half-made store, and of two processes that start together one makes it and the other finds it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import uuid
from collections.abc import Sequence
from pathlib import Path

from helenus.errors import StoreUnusable
from helenus.stores.sqlite.faults import primary_code, translate

APPLICATION_ID = 0x48454C4E  # "HELN"

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # The feed's order is the rowid: SQLite has one writer at a time, so a rowid becomes visible
        # in the order it was given. AUTOINCREMENT: a removed rowid is never given again.
        """CREATE TABLE commits (
            feed_position INTEGER PRIMARY KEY AUTOINCREMENT,
            stream TEXT NOT NULL,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL,
            record BLOB NOT NULL, -- the Commit in msgpack, read twice as fast as columns
            UNIQUE (stream, last)
        )""",
        """CREATE TABLE snapshots (
            stream TEXT PRIMARY KEY,
            position INTEGER NOT NULL,
            fingerprint TEXT NOT NULL,
            body BLOB NOT NULL
        )""",
        "CREATE TABLE fence (only INTEGER PRIMARY KEY CHECK (only = 1), writes INTEGER NOT NULL)",
        "INSERT INTO fence VALUES (1, 0)",
    ),
)
"""Step N brings a file from version N to N + 1; a step that was released never changes."""


class InPlace:
    """Notices when a file is removed or replaced under those who have it open.

    SQLite goes on writing to what has no name any more, and all of it would be gone at the end.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity = self._look()

    def require(self) -> None:
        """Check that the path still leads to the file it led to.

        Raises:
            StoreUnusable: it does not.
        """
        if self._look() != self._identity:
            raise StoreUnusable(
                f"The SQLite file {self._path} was removed or replaced while it was in use.",
                remedy="Put it back or restore a backup, and start again.",
            )

    def _look(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino


def connect(path: Path, *, busy_timeout_s: float, cache_bytes: int) -> sqlite3.Connection:
    """Open a connection with the settings that every connection of the store shares."""
    connection = sqlite3.connect(
        f"file:{_quoted(path)}?mode=rw",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA fullfsync=ON")  # macOS alone: there fsync does not reach the disk
    connection.execute(f"PRAGMA cache_size=-{cache_bytes // 1024}")
    return connection


def prepare(
    path: Path,
    *,
    busy_timeout_s: float,
    check_bytes_max: int,
    migrations: Sequence[Sequence[str]] = MIGRATIONS,
) -> None:
    """Make the file, or check the one that is there and bring it up to date.

    Args:
        path: of the file.
        busy_timeout_s: how long to wait for another process, in seconds.
        check_bytes_max: files up to this size are read whole and checked.
        migrations: the steps of the schema.

    Raises:
        StoreUnusable: the directory or the file cannot be used; it was left as it is.
    """
    if not _exists(path):
        _create(path, migrations)
    _require_ours(path)
    try:
        connection = connect(path, busy_timeout_s=busy_timeout_s, cache_bytes=1024 * 1024)
        with contextlib.closing(connection):
            _require_known_version(path, connection, len(migrations))
            if path.stat().st_size <= check_bytes_max:
                _require_whole(path, connection)
            _migrate(connection, migrations)
    except sqlite3.Error as error:
        raise translate(error, str(path)) from error


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:  # a name that is too long, a directory that may not be searched
        raise _unreadable(path, error) from error


def _create(path: Path, migrations: Sequence[Sequence[str]]) -> None:
    for suffix in ("-wal", "-journal"):
        # SQLite would replay it into the new file.
        if path.with_name(path.name + suffix).exists():
            raise StoreUnusable(
                f"{path}{suffix} is there without its file: it may hold acknowledged commits.",
                remedy="Put the file back, or remove what is left of it to start an empty store.",
            )
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.new")
    try:
        with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
            _migrate(connection, migrations)
            connection.execute("PRAGMA journal_mode=WAL")
        _place(temporary, path)
        _sync_directory(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise StoreUnusable(
            f"The SQLite file {path} cannot be made: {error}.",
            remedy="Name a directory that exists, can be written and has space left.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _place(temporary: Path, path: Path) -> None:
    """Give the file its name unless another process was first."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        if not path.exists():
            temporary.rename(path)


def _sync_directory(directory: Path) -> None:
    if os.name == "nt":
        return  # directories cannot be opened there, and need not be
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_ours(path: Path) -> None:
    """Recognise the file without changing it.

    Only through SQLite: had this process opened and closed the file by itself, the POSIX locks of
    all its connections to it would be gone, and another process could take the WAL, and what was
    acknowledged into it, away from under them.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise StoreUnusable(f"{path} is not a file.", remedy="Name a file, or one to be made.")
    if status.st_size == 0:
        raise StoreUnusable(
            f"The file {path} is empty: it may once have held a store.",
            remedy="Restore it from a backup, or remove it to start an empty store.",
        )
    # Beside a WAL the file may rightly be shorter than its header says: a checkpoint is under way.
    has_wal = path.with_name(path.name + "-wal").exists()
    try:
        application_id, expected = _look(path)
    except sqlite3.Error as error:
        if primary_code(error) == sqlite3.SQLITE_NOTADB:
            raise StoreUnusable(
                f"The file {path} is no SQLite database, or its beginning is damaged.",
                remedy="Name another file, or restore this one from a backup.",
            ) from error
        if primary_code(error) != sqlite3.SQLITE_CORRUPT:
            raise _unreadable(path, error) from error
        if has_wal:
            return
        raise _truncated(path, status.st_size) from error
    if application_id != APPLICATION_ID:
        raise StoreUnusable(
            f"The SQLite database {path} was made by another program.",
            remedy="Name another file; this one was not touched.",
        )
    if path.stat().st_size < expected and not has_wal:
        raise _truncated(path, status.st_size)


def _look(path: Path) -> tuple[int, int]:
    """The application id, and the size in bytes that the header tells."""
    connection = sqlite3.connect(f"file:{_quoted(path)}?mode=ro&immutable=1", uri=True)
    with contextlib.closing(connection):
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
    return int(application_id), int(pages) * int(page_bytes)


def _unreadable(path: Path, error: Exception) -> StoreUnusable:
    return StoreUnusable(
        f"The SQLite file {path} cannot be read: {error}.",
        remedy="Give this user the right to read and write it.",
    )


def _truncated(path: Path, size: int) -> StoreUnusable:
    return StoreUnusable(
        f"The SQLite file {path} is truncated: its {size:,} bytes are fewer than its header tells.",
        remedy="Restore it from a backup; it was not touched.",
    )


def _require_known_version(path: Path, connection: sqlite3.Connection, known: int) -> None:
    version = _version(connection)
    if version > known:
        raise StoreUnusable(
            f"The SQLite file {path} has schema version {version}, made by a newer release;"
            f" this one knows versions up to {known}.",
            remedy="Upgrade this program; the file was not touched.",
        )


def _require_whole(path: Path, connection: sqlite3.Connection) -> None:
    findings = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
    if findings != ["ok"]:
        raise StoreUnusable(
            f"The SQLite file {path} is damaged: {'; '.join(map(str, findings))}.",
            remedy="Restore it from a backup; it was not touched.",
        )


def _migrate(connection: sqlite3.Connection, migrations: Sequence[Sequence[str]]) -> None:
    if _version(connection) == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in range(_version(connection), len(migrations)):
            for statement in migrations[step]:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={step + 1}")
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _quoted(path: Path) -> str:
    return str(path.absolute()).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
