"""SQLite's errors as the framework's."""

from __future__ import annotations

import sqlite3

from helenus.errors import HelenusError, StoreUnavailable, StoreUnusable

_NOTHING_WRITTEN = {
    sqlite3.SQLITE_BUSY: "another process holds the write lock for too long",
    sqlite3.SQLITE_LOCKED: "a table is locked",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "the file cannot be written",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_NOMEM: "memory ran out",
}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def primary_code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 0 where the error did not come from the library."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def wrote_nothing(error: sqlite3.Error) -> bool:
    """Whether this error, raised by COMMIT, proves that nothing was committed.

    SQLITE_FULL is among them: it is the failure to *write* the WAL frame that marks the commit, so
    that frame is incomplete and no recovery accepts it. An I/O error is not: after a failed fsync
    the frame may be whole in the file, and a recovery after a crash would bring it back.
    """
    return primary_code(error) in _NOTHING_WRITTEN or primary_code(error) in _DAMAGED


def translate(error: sqlite3.Error, path: str) -> HelenusError:
    """The framework's error for one that SQLite raised before anything was committed."""
    code = primary_code(error)
    if code in _DAMAGED:
        return StoreUnusable(
            f"The SQLite file {path} is damaged: {error}.",
            remedy="Stop using it, keep a copy, and restore the newest backup.",
        )
    if code == sqlite3.SQLITE_READONLY:
        return StoreUnusable(
            f"The SQLite file {path} cannot be written ({error}).",
            remedy="Give this user the right to write it and its directory.",
        )
    if code in _NOTHING_WRITTEN:
        return StoreUnavailable(f"The SQLite file {path}: {_NOTHING_WRITTEN[code]} ({error}).")
    return StoreUnavailable(f"The SQLite file {path}: {error}.")
