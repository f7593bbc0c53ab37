"""The embedded store: one SQLite file, durable, shared safely by several processes.

WAL with ``synchronous=FULL``: an acknowledged append is on disk. One thread writes, by group
commit; others read, and are never blocked by the writer.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from helenus.errors import CorruptData, HelenusError, InvalidArgument, StoreClosed
from helenus.findings import Finding
from helenus.store import (
    PAGE_BYTES,
    Commit,
    FeedEntry,
    Head,
    Page,
    Snapshot,
    StreamPage,
    check_append,
    check_page_streams,
    check_range,
    check_snapshot,
    check_stream,
)
from helenus.stores.sqlite import schema
from helenus.stores.sqlite.directory import names_query
from helenus.stores.sqlite.faults import translate
from helenus.stores.sqlite.inspection import rows_query
from helenus.stores.sqlite.statistics import SqliteStatistics, taken
from helenus.stores.sqlite.worker import BatchingThread
from helenus.stores.sqlite.writer import Append, SaveSnapshot, Write, Writer, Written

__all__ = ["SqliteSettings", "SqliteStatistics", "SqliteStore"]

T = TypeVar("T")
Query = Callable[[sqlite3.Connection], Any]
_Writer = BatchingThread[Write, Written]
_Reader = BatchingThread[Query, Any]

_NO_POSITION = 2**62


class SqliteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the store uses its file and this process.

    Attributes:
        busy_timeout_s: how long a write waits for another process.
        group_appends_max: most appends that share one transaction.
        waiting_max: most operations that wait for a thread; a further one is refused.
        readers: threads that read.
        cache_bytes: page cache of each connection.
        check_bytes_max: files up to this size are read whole and checked when opened.
        thread_switch_us: upper bound set on the interpreter's thread switch interval, in
            microseconds; 0 leaves it. At Python's default of 5 ms a busy event loop starves every
            other thread, this store's among them, for seconds.
    """

    busy_timeout_s: float = 5.0
    group_appends_max: int = 512
    waiting_max: int = 10_000
    readers: int = 2
    cache_bytes: int = 16 * 1024 * 1024
    check_bytes_max: int = 64 * 1024 * 1024
    thread_switch_us: int = 100


class SqliteStore:
    """Streams in one SQLite file. Use it as an async context manager.

    Args:
        path: of the file; it is made if it is not there, its directory is not.
        settings: see `SqliteSettings`.

    Raises:
        StoreUnusable: when entered, if the file or its directory cannot be used.
    """

    def __init__(
        self, path: str | os.PathLike[str], settings: SqliteSettings | None = None
    ) -> None:
        self._path = Path(path)
        self._settings = settings or SqliteSettings()
        self._connections: list[sqlite3.Connection] = []
        self._writer: _Writer | None = None
        self._readers: list[_Reader] = []
        self._threads: tuple[_Writer | None, list[_Reader]] = (None, [])

    async def __aenter__(self) -> Self:
        settings = self._settings
        await asyncio.to_thread(
            schema.prepare,
            self._path,
            busy_timeout_s=settings.busy_timeout_s,
            check_bytes_max=settings.check_bytes_max,
        )
        if settings.thread_switch_us:
            switch_s = settings.thread_switch_us / 1_000_000
            sys.setswitchinterval(min(sys.getswitchinterval(), switch_s))
        try:
            self._start_threads()
        except sqlite3.Error as error:
            await self.__aexit__()
            raise translate(error, str(self._path)) from error
        return self

    def _start_threads(self) -> None:
        settings = self._settings
        self._in_place = schema.InPlace(self._path)
        writer = Writer(self._connect(), str(self._path), self._in_place.require)
        self._writer = BatchingThread(
            "helenus-sqlite-writer",
            writer.run,
            batch_jobs_max=settings.group_appends_max,
            waiting_jobs_max=settings.waiting_max,
        )
        for number in range(settings.readers):
            self._readers.append(self._start_reader(number))
        self._threads = (self._writer, self._readers)

    async def __aexit__(self, *_: object) -> None:
        writer, self._writer = self._writer, None
        readers, self._readers = self._readers, []
        if writer is not None:
            await writer.close()
        for reader in readers:
            await reader.close()
        while self._connections:
            self._connections.pop().close()

    def statistics(self) -> SqliteStatistics:
        """What the store holds, and has done since it was opened last."""
        return taken(self._path, *self._threads)

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        """See `EventStore.append`."""
        check_append(stream, commits, expected)
        head = await self._require_writer().submit(Append(stream, commits, expected.position))
        assert head is not None
        return head

    async def read(
        self,
        stream: str,
        *,
        after: int = 0,
        upto: int | None = None,
        token: bytes = b"",
        page_bytes: int = PAGE_BYTES,
        from_snapshot: bool = False,
    ) -> AsyncIterator[Page]:
        """See `EventStore.read`."""
        check_stream(stream)
        check_range(after, upto, from_snapshot=from_snapshot)
        query = _page_query(stream, after, upto, page_bytes)
        if from_snapshot:
            query = _first_page_query(stream, page_bytes)
        while True:
            page = await self._query(query)
            yield page
            if not page.commits:
                return
            after = page.commits[-1].last
            if after >= (page.head.position if upto is None else min(upto, page.head.position)):
                return
            query = _page_query(stream, after, upto, page_bytes)

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        """See `EventStore.head`."""
        check_stream(stream)
        self._require_writer()
        return await self._query(_head_query(stream, self._in_place))

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        """See `EventStore.load_snapshot`."""
        check_stream(stream)
        return await self._query(_snapshot_query(stream))

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        """See `EventStore.save_snapshot`."""
        check_snapshot(stream, snapshot)
        await self._require_writer().submit(SaveSnapshot(stream, snapshot))

    async def feed(
        self, *, after: int = 0, page_commits: int = 256
    ) -> AsyncIterator[list[FeedEntry]]:
        """See `EventFeed.feed`. The cursor is the commit's rowid."""
        if page_commits < 1:
            raise InvalidArgument(f"page_commits must be 1 or more, not {page_commits}.")
        while entries := await self._query(_feed_query(after, page_commits)):
            yield entries
            after = entries[-1].cursor

    async def streams(
        self, *, prefix: str = "", after: str = "", page_streams: int = 1_000
    ) -> AsyncIterator[StreamPage]:
        """See `StreamDirectory.streams`. The cursor is the last name."""
        check_page_streams(page_streams)
        while names := await self._query(names_query(prefix, after, page_streams)):
            yield StreamPage(names, names[-1])
            after = names[-1]

    async def inspect(self, stream: str) -> AsyncIterator[Finding]:
        """See `InspectedStore.inspect`."""
        check_stream(stream)
        after: int | None = 0
        while after is not None:
            findings, after = await self._query(rows_query(stream, after))
            for finding in findings:
                yield finding

    def _connect(self) -> sqlite3.Connection:
        connection = schema.connect(
            self._path,
            busy_timeout_s=self._settings.busy_timeout_s,
            cache_bytes=self._settings.cache_bytes,
        )
        self._connections.append(connection)
        return connection

    def _start_reader(self, number: int) -> _Reader:
        connection = self._connect()
        connection.execute("PRAGMA query_only=ON")

        def run(queries: list[Query]) -> list[Any]:
            return [self._answer(query, connection) for query in queries]

        return BatchingThread(
            f"helenus-sqlite-reader-{number}",
            run,
            batch_jobs_max=64,
            waiting_jobs_max=self._settings.waiting_max,
        )

    def _answer(self, query: Query, connection: sqlite3.Connection) -> Any:
        try:
            return query(connection)
        except sqlite3.Error as error:
            return translate(error, str(self._path))
        except HelenusError as error:
            return error

    async def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        if not self._readers:
            raise StoreClosed(f"The SQLite store {self._path} is not open.")
        reader = min(self._readers, key=lambda thread: thread.load)
        result: T = await reader.submit(query)
        return result

    def _require_writer(self) -> _Writer:
        if self._writer is None:
            raise StoreClosed(f"The SQLite store {self._path} is not open.")
        return self._writer


_decode_commit = msgspec.msgpack.Decoder(Commit).decode


def _page_query(
    stream: str, after: int, upto: int | None, page_bytes: int
) -> Callable[[sqlite3.Connection], Page]:
    if upto is None:
        upto = _NO_POSITION
    elif upto <= after:
        upto = 0  # also where both bounds lie within one commit

    def query(connection: sqlite3.Connection) -> Page:
        rows = connection.execute(
            # One statement, so that head and commits are of one view, on an empty page too.
            "SELECT head, record FROM (SELECT max(last) AS head FROM commits WHERE stream = ?)"
            " LEFT JOIN commits ON stream = ? AND last > ? AND first <= ? ORDER BY last",
            (stream, stream, after, upto),
        )
        head, records = _take(rows, page_bytes)
        return Page(_decode(stream, records), Head(head))

    return query


def _first_page_query(stream: str, page_bytes: int) -> Callable[[sqlite3.Connection], Page]:
    def query(connection: sqlite3.Connection) -> Page:
        # The snapshot first: what was committed since it was read comes along.
        snapshot = _snapshot_query(stream)(connection)
        after = 0 if snapshot is None else snapshot.position
        page = _page_query(stream, after, None, page_bytes)(connection)
        return Page(page.commits, page.head, snapshot)

    return query


def _take(rows: sqlite3.Cursor, bytes_max: int) -> tuple[int, list[bytes]]:
    head, size = 0, 0
    records: list[bytes] = []
    for found, record in rows:
        head = found or 0
        if record is not None:
            records.append(record)
            size += len(record)
            if size >= bytes_max:
                break
    rows.close()
    return head, records


def _decode(stream: str, records: list[bytes]) -> list[Commit]:
    try:
        return [_decode_commit(record) for record in records]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CorruptData(f"Stream {stream!r}: a record cannot be read: {error}") from error


def _head_query(stream: str, in_place: schema.InPlace) -> Callable[[sqlite3.Connection], Head]:
    def query(connection: sqlite3.Connection) -> Head:
        in_place.require()
        (last,) = connection.execute(
            "SELECT max(last) FROM commits WHERE stream = ?", (stream,)
        ).fetchone()
        return Head(last or 0)

    return query


def _snapshot_query(stream: str) -> Callable[[sqlite3.Connection], Snapshot | None]:
    def query(connection: sqlite3.Connection) -> Snapshot | None:
        row = connection.execute(
            "SELECT position, fingerprint, body FROM snapshots WHERE stream = ?", (stream,)
        ).fetchone()
        return Snapshot(*row) if row else None

    return query


def _feed_query(after: int, page_commits: int) -> Callable[[sqlite3.Connection], list[FeedEntry]]:
    def query(connection: sqlite3.Connection) -> list[FeedEntry]:
        rows = connection.execute(
            "SELECT feed_position, stream, record FROM commits WHERE feed_position > ?"
            " ORDER BY feed_position LIMIT ?",
            (after, page_commits),
        )
        entries: list[FeedEntry] = []
        size = 0
        for cursor, stream, record in rows:
            entries.append(FeedEntry(cursor, stream, _decode(stream, [record])[0]))
            size += len(record)
            if size >= PAGE_BYTES:
                break
        rows.close()
        return entries

    return query
