"""Whether the rows of a stream tell of the records in them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

import msgspec

from helenus.findings import Finding
from helenus.store import Commit

_ROWS = 256
_decode = msgspec.msgpack.Decoder(Commit).decode


def rows_query(
    stream: str, after: int
) -> Callable[[sqlite3.Connection], tuple[list[Finding], int | None]]:
    """The findings on the next rows, and the position to go on from; None: these were the last."""

    def query(connection: sqlite3.Connection) -> tuple[list[Finding], int | None]:
        rows = connection.execute(
            "SELECT first, last, record FROM commits WHERE stream = ? AND last > ?"
            " ORDER BY last LIMIT ?",
            (stream, after, _ROWS),
        ).fetchall()
        findings = [found for row in rows if (found := _finding(stream, *row)) is not None]
        return findings, rows[-1][1] if len(rows) == _ROWS else None

    return query


def _finding(stream: str, first: int, last: int, record: bytes) -> Finding | None:
    try:
        commit = _decode(record)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Finding(stream, first, "row-unreadable", f"The record cannot be read: {error}.")
    if (commit.first, commit.last) != (first, last):
        return Finding(
            stream,
            first,
            "row-positions",
            f"The row tells of positions {first}–{last}, its record of"
            f" {commit.first}–{commit.last}.",
        )
    return None
