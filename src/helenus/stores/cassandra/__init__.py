"""The store on Apache Cassandra: linearizable commits, one conditional write for each append."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Self

from helenus.errors import Conflict, Overloaded, StoreClosed, StoreUnavailable
from helenus.findings import Finding
from helenus.store import (
    PAGE_BYTES,
    Commit,
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
from helenus.stores.cassandra import cql, drivers
from helenus.stores.cassandra.appends import Appender
from helenus.stores.cassandra.batches import in_pages
from helenus.stores.cassandra.buckets import decode_token, place_behind
from helenus.stores.cassandra.directory import list_streams
from helenus.stores.cassandra.hints import Hints
from helenus.stores.cassandra.inspection import Inspection
from helenus.stores.cassandra.reads import Reader
from helenus.stores.cassandra.repeating import RepeatingReads
from helenus.stores.cassandra.schema import check
from helenus.stores.cassandra.session import MaybeExecuted, Session
from helenus.stores.cassandra.settings import CassandraSettings, TableSettings, TlsSettings
from helenus.stores.cassandra.snapshots import Snapshots
from helenus.stores.cassandra.statistics import CassandraStatistics, CountingSession, Counts

__all__ = [
    "CassandraSettings",
    "CassandraStatistics",
    "CassandraStore",
    "TableSettings",
    "TlsSettings",
]

Connect = Callable[[CassandraSettings, str | None], Awaitable[Session]]
"""Connects to a cluster and, if one is named, to a keyspace."""


class CassandraStore:
    """Streams in a keyspace. Use it as an async context manager.

    Args:
        settings: where the cluster is and how it is used.
        connect: makes a session; by default on the driver that the settings choose.

    Raises:
        StoreUnavailable: when entered, if the cluster cannot be reached.
        DriverMissing: when entered, if the driver is not installed.
        StoreUnusable: when entered, if the keyspace or its schema is missing, older, newer, or was
            set up with another serial scope.
    """

    def __init__(
        self,
        settings: CassandraSettings | None = None,
        *,
        connect: Connect = drivers.connect,
    ) -> None:
        self._settings = settings or CassandraSettings()
        self._connect = connect
        self._session: Session | None = None
        self._counts = Counts()
        self._hints = Hints(self._settings.bucket_hints_max)
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def __aenter__(self) -> Self:
        session = await self._connect(self._settings, self._settings.keyspace)
        try:
            await check(session, self._settings)
            await session.prepare(cql.ALL)
        except BaseException:
            await session.close()
            raise
        counted = CountingSession(session, self._counts)
        self._session = RepeatingReads(counted, self._settings, counts=self._counts)
        self._appender = Appender(self._session, self._settings)
        self._reader = Reader(self._session, self._settings)
        self._snapshots = Snapshots(self._session)
        return self

    async def __aexit__(self, *_: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await self._idle.wait()
            await session.close()

    @property
    def settings(self) -> CassandraSettings:
        """Where the cluster is and how it is used."""
        return self._settings

    def statistics(self) -> CassandraStatistics:
        """What the store holds, and has asked of its cluster since it was made."""
        return self._counts.taken(requests=self._in_flight, bucket_hints=len(self._hints))

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        """See `EventStore.append`."""
        self._require_open()
        check_append(stream, commits, expected)
        token = decode_token(expected.token)
        if token.position != expected.position:
            # A head without its token: the condition on a fresh bucket alone would not refuse it.
            actual = await self.head(stream)
            if actual.position != expected.position:
                raise Conflict(stream, expected.position, actual.position)
            token = decode_token(actual.token)
        with self._admitted():
            head = await self._appender.append(stream, commits, token)
        self._remember(stream, head)
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
        self._require_open()
        check_stream(stream)
        check_range(after, upto, from_snapshot=from_snapshot)
        snapshot: Snapshot | None = None
        try:
            if from_snapshot:
                snapshot, newest = await self._recover(stream)
                if newest is not None:
                    self._remember(stream, newest.head)
                    for page in in_pages(newest, page_bytes):
                        yield page
                        self._require_open()
                    return
                if snapshot is not None:
                    after, token = snapshot.position, snapshot.token
            known = decode_token(token)
            if token:
                start = known.bucket
            else:
                start = await self._reader.locate(stream, after) if after else 0
            pages = self._reader.pages(
                stream,
                after=after,
                upto=upto,
                start=start,
                page_bytes=page_bytes,
                fresh=bool(token) and known.fresh and known.position == after,
            )
            async for page in pages:
                self._remember(stream, page.head)
                yield page if snapshot is None else Page(page.commits, page.head, snapshot)
                snapshot = None
                self._require_open()
        except MaybeExecuted as error:
            raise StoreUnavailable(f"Cassandra did not answer a read: {error}.") from error

    async def _recover(self, stream: str) -> tuple[Snapshot | None, Page | None]:
        """The snapshot to go on from, and the whole page from there, where that has been read.

        A stream of which nothing is known is small, more often than not: its newest commits are
        looked at first. Only if they are not all of it is there need of a snapshot. The commits
        behind it are asked for at the same time, where they are known or said to be.
        """
        newest, place = None, self._hints.place(stream)
        if place is None and not self._hints.bucket(stream):
            newest = await self._reader.newest(stream)
            if page := newest.page(None):
                return None, page
            place = newest.place
        if place is None:
            snapshot = await self._snapshots.load(stream)
        else:
            snapshot, newest = await asyncio.gather(
                self._snapshots.load(stream), self._reader.behind(stream, place)
            )
        place = place_behind(snapshot)
        self._hints.goes_on_at(stream, place)
        if place is None:
            return None, None
        return snapshot, newest.page(snapshot) if newest is not None else None

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        """See `EventStore.head`."""
        self._require_open()
        check_stream(stream)
        start = decode_token(token).bucket if token else self._hints.bucket(stream)
        try:
            with self._admitted():
                head = await self._reader.head(stream, start)
        except MaybeExecuted as error:
            raise StoreUnavailable(f"Cassandra did not answer a read: {error}.") from error
        self._remember(stream, head)
        return head

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        """See `EventStore.load_snapshot`."""
        self._require_open()
        check_stream(stream)
        with self._admitted():
            return await self._snapshots.load(stream)

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        """See `EventStore.save_snapshot`."""
        self._require_open()
        check_snapshot(stream, snapshot)
        with self._admitted():
            await self._snapshots.save(stream, snapshot)
        self._hints.goes_on_at(stream, place_behind(snapshot))

    async def streams(
        self, *, prefix: str = "", after: str = "", page_streams: int = 1_000
    ) -> AsyncIterator[StreamPage]:
        """See `StreamDirectory.streams`. It looks at every bucket of the installation."""
        check_page_streams(page_streams)
        self._require_open()
        assert self._session is not None
        try:
            async for page in list_streams(self._session, prefix, after, page_streams):
                yield page
                self._require_open()
        except MaybeExecuted as error:
            raise StoreUnavailable(f"Cassandra did not answer a read: {error}.") from error

    async def inspect(self, stream: str) -> AsyncIterator[Finding]:
        """See `InspectedStore.inspect`."""
        check_stream(stream)
        self._require_open()
        assert self._session is not None
        try:
            async for finding in Inspection(self._session, stream).findings():
                yield finding
        except MaybeExecuted as error:
            raise StoreUnavailable(f"Cassandra did not answer a read: {error}.") from error

    def _remember(self, stream: str, head: Head) -> None:
        self._hints.ends_in(stream, decode_token(head.token).bucket)

    @contextmanager
    def _admitted(self) -> Iterator[None]:
        if self._in_flight >= self._settings.requests_in_flight_max:
            self._counts.overloaded += 1
            raise Overloaded(f"{self._in_flight:,} requests to Cassandra are already under way.")
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    def _require_open(self) -> None:
        if self._session is None:
            raise StoreClosed("The Cassandra store is not open.")
