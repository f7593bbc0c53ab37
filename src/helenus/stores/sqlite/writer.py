"""The writer's side of the SQLite store: group commit.

All appends that wait go into one transaction and share its fsync. A conflict refuses its own append
and leaves the others in. Each statement serves the whole group, because each one gives the
interpreter lock away and, beside a busy event loop, waits to have it back.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Callable, Sequence

import msgspec

from helenus.errors import Conflict, HelenusError, OutcomeUnknown, StoreUnavailable, StoreUnusable
from helenus.store import Commit, Head, Snapshot
from helenus.stores.sqlite.faults import translate, wrote_nothing

_ROWS_PER_INSERT = 64
encode_commit = msgspec.msgpack.Encoder().encode


class Append(msgspec.Struct, frozen=True, gc=False):
    """Append these commits if the stream's head is at `expected`."""

    stream: str
    commits: Sequence[Commit]
    expected: int


class SaveSnapshot(msgspec.Struct, frozen=True, gc=False):
    """Keep a snapshot unless a later one is there; None forgets it."""

    stream: str
    snapshot: Snapshot | None


Write = Append | SaveSnapshot
Written = Head | None


class Writer:
    """Executes writes on one connection, from one thread.

    Args:
        connection: used by nobody else.
        path: of the file, for messages.
        require_in_place: raises StoreUnusable where the file was removed or replaced.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        path: str,
        require_in_place: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._path = path
        self._require_in_place = require_in_place

    def run(self, writes: list[Write]) -> list[Written | BaseException]:
        """Execute a batch: all its appends in one transaction, then its snapshots in another."""
        results: list[Written | BaseException] = [None] * len(writes)
        appends = [(index, w) for index, w in enumerate(writes) if isinstance(w, Append)]
        snapshots = [(index, w) for index, w in enumerate(writes) if isinstance(w, SaveSnapshot)]
        if appends:
            answers = self._append_group([write for _, write in appends])
            for (index, _), answer in zip(appends, answers, strict=True):
                results[index] = answer
        if snapshots:
            failure = self._save_snapshots([write for _, write in snapshots])
            for index, _ in snapshots:
                results[index] = failure
        return results

    def _append_group(self, group: list[Append]) -> list[Head | BaseException]:
        execute = self._connection.execute
        try:
            self._require_in_place()
            execute("BEGIN IMMEDIATE")
            heads = self._heads({append.stream for append in group})
            answers, accepted = _decide(group, heads)
            if not accepted:
                execute("ROLLBACK")
                return answers
            self._insert(accepted)
        except sqlite3.Error as error:
            self._roll_back()
            failure = translate(error, self._path)
            return [failure] * len(group)
        except StoreUnusable as error:
            return [error] * len(group)
        except BaseException:
            self._roll_back()  # or the write lock would be kept, and all other processes out
            raise
        try:
            execute("COMMIT")
        except sqlite3.Error as error:
            verdict = self._settle(error, accepted)
            if verdict is not None:
                return [a if isinstance(a, Conflict) else verdict for a in answers]
        return answers

    def _heads(self, streams: set[str]) -> dict[str, int | None]:
        (found,) = self._connection.execute(
            "SELECT json_group_array(json_array(value, (SELECT max(last) FROM commits"
            " WHERE stream = value))) FROM json_each(?)",
            (msgspec.json.encode(list(streams)).decode(),),
        ).fetchone()
        return dict(msgspec.json.decode(found))

    def _insert(self, accepted: list[Append]) -> None:
        values: list[object] = []
        for append in accepted:
            for commit in append.commits:
                values += (append.stream, commit.first, commit.last, encode_commit(commit))
        for start in range(0, len(values), 4 * _ROWS_PER_INSERT):
            chunk = values[start : start + 4 * _ROWS_PER_INSERT]
            self._connection.execute(_insert_statement(len(chunk) // 4), chunk)

    def _settle(self, error: sqlite3.Error, accepted: list[Append]) -> HelenusError | None:
        """Find out what a failed COMMIT left: None if the commits are there.

        A commit frame that was written but not synced is invisible now, yet a recovery after a
        crash would find it. The next transaction overwrites it in the WAL: so once a write of our
        own is committed behind it, what is absent is absent for good.
        """
        self._roll_back()
        if wrote_nothing(error):
            return translate(error, self._path)
        commit = accepted[0].commits[0]
        try:
            self._connection.execute("UPDATE fence SET writes = writes + 1")
            found = self._connection.execute(
                "SELECT record FROM commits WHERE stream = ? AND last = ?",
                (accepted[0].stream, commit.last),
            ).fetchone()
        except sqlite3.Error as second:
            self._roll_back()
            ids = tuple(commit.id for append in accepted for commit in append.commits)
            return OutcomeUnknown(f"The SQLite file {self._path}: {error}, then {second}.", ids)
        if found == (encode_commit(commit),):
            return None
        return StoreUnavailable(f"The SQLite file {self._path}: {error}.")

    def _save_snapshots(self, group: list[SaveSnapshot]) -> HelenusError | None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for write in group:
                self._save_snapshot(write.stream, write.snapshot)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            return translate(error, self._path)
        except BaseException:
            self._roll_back()
            raise
        return None

    def _save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            self._connection.execute("DELETE FROM snapshots WHERE stream = ?", (stream,))
            return
        self._connection.execute(
            "INSERT INTO snapshots (stream, position, fingerprint, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (stream) DO UPDATE SET position = excluded.position,"
            " fingerprint = excluded.fingerprint, body = excluded.body"
            " WHERE excluded.position >= snapshots.position",
            (stream, snapshot.position, snapshot.fingerprint, snapshot.body),
        )

    def _roll_back(self) -> None:
        # SQLite may already have rolled back by itself; then there is nothing left to undo.
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _decide(
    group: list[Append], heads: dict[str, int | None]
) -> tuple[list[Head | BaseException], list[Append]]:
    answers: list[Head | BaseException] = []
    accepted = []
    for append in group:
        head = heads[append.stream] or 0
        if head != append.expected:
            answers.append(Conflict(append.stream, append.expected, head))
            continue
        heads[append.stream] = append.commits[-1].last
        answers.append(Head(append.commits[-1].last))
        accepted.append(append)
    return answers, accepted


@functools.cache
def _insert_statement(rows: int) -> str:
    places = ", ".join(["(?, ?, ?, ?)"] * rows)
    return f"INSERT INTO commits (stream, first, last, record) VALUES {places}"
