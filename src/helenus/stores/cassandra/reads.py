"""Reading a stream: along its chain of buckets, by pages bounded in bytes, linearizably."""

from __future__ import annotations

import contextlib
import operator
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from itertools import accumulate, chain, pairwise, takewhile
from typing import Any

import msgspec

from helenus.errors import CorruptData
from helenus.store import Commit, Head, Page, Snapshot
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.appends import read_bucket
from helenus.stores.cassandra.batches import Batch
from helenus.stores.cassandra.buckets import Bucket, Place, head_of
from helenus.stores.cassandra.reading_ahead import PAGE_ROWS_MAX, ReadAhead
from helenus.stores.cassandra.session import Session
from helenus.stores.cassandra.settings import CassandraSettings

_decode_records = msgspec.msgpack.Decoder(list[Commit]).decode
_record_of = operator.itemgetter(-1)
# More than the appends between two snapshots, each 100 events by default.
NEWEST_ROWS = 128


class Newest(msgspec.Struct, frozen=True, gc=False):
    """What one statement shows of a stream.

    Attributes:
        bucket: the one looked into.
        commits: the last ones in it, back to one whose payload lies elsewhere at most: those are
            read page by page. None if it is sealed: there are newer ones elsewhere.
        place: behind the snapshot that was kept last, as far as the first bucket tells: it may be
            that of another snapshot; None: in the first bucket, or nothing is known.
    """

    bucket: Bucket
    commits: list[Commit]
    place: Place | None = None

    def page(self, snapshot: Snapshot | None) -> Page | None:
        """The stream from its snapshot on; None if these commits do not reach back that far."""
        after = 0 if snapshot is None else snapshot.position
        head = self.bucket.head or 0
        first = self.commits[0].first if self.commits else head + 1
        if self.bucket.sealed or not first <= after + 1 <= head + 1:
            return None
        commits = [commit for commit in self.commits if commit.last > after]
        return Page(commits, head_of(self.bucket.token(head)), snapshot)


class Reader:
    """Reads through a session."""

    def __init__(self, session: Session, settings: CassandraSettings) -> None:
        self._session = session
        self._settings = settings

    async def head(self, stream: str, start: int) -> Head:
        """The head, found from a bucket that is known to exist or to be the first open one."""
        bucket = await read_bucket(self._session, stream, start)
        position = bucket.head or 0
        if bucket.head is None and start > 0:
            before = await read_bucket(self._session, stream, start - 1)
            if before.head is None:
                return await self.head(stream, 0)  # the store was set back behind what was known
            position = before.head
        step = 1
        while bucket.sealed:
            ahead = await read_bucket(self._session, stream, bucket.number + step)
            if ahead.head is not None:
                bucket, position, step = ahead, ahead.head, step * 2
            elif step > 1:
                step = 1
            else:
                return head_of(ahead.token(position))
        return head_of(bucket.token(position))

    async def locate(self, stream: str, position: int) -> int:
        """The number of a bucket at or before the one that holds the event after `position`."""
        low, step = 0, 1
        while True:
            bucket = await read_bucket(self._session, stream, low + step)
            if bucket.head is not None and bucket.head <= position:
                low, step = low + step, step * 2
            elif step > 1:
                step //= 2
            else:
                return low

    async def pages(
        self,
        stream: str,
        *,
        after: int,
        upto: int | None,
        start: int,
        page_bytes: int,
        fresh: bool = False,
    ) -> AsyncIterator[Page]:
        """The commits with ``after < position <= upto``, from a bucket at or before their first.

        Args:
            stream: the stream.
            after: the lower bound.
            upto: the upper bound.
            start: the bucket to begin with.
            page_bytes: payload from which on a page takes no further commit.
            fresh: whether all commits of the first bucket lie behind `after`.
        """
        batch = Batch(after, upto, page_bytes)
        chain = self._chain(stream, start, 0 if fresh else after, upto)
        async with contextlib.aclosing(chain):
            async for bucket, found in chain:
                commits, taken = batch.wanted(found or ()), 0
                sizes = list(accumulate([len(each.meta) + len(each.body) for each in commits]))
                while taken < len(commits):
                    if batch.full:
                        yield batch.take(bucket)
                    taken = batch.fill(commits, sizes, taken)
                if found is not None:
                    continue
                batch.reached(bucket)
                if bucket.sealed and upto is not None and batch.position >= upto:
                    head = await self.head(stream, bucket.number + 1)
                    yield Page(batch.take(bucket).commits, head)
                    return
        if bucket.head is None and not batch.position:
            batch.position = await self._position_before(stream, bucket.number)
        yield batch.take(bucket)

    async def newest(self, stream: str) -> Newest:
        """The last appends of the first bucket, newest of all while it is the only one."""
        values = (stream, 0, NEWEST_ROWS)
        answer = await self._session.execute(cql.READ_NEWEST, values, page_rows=NEWEST_ROWS)
        place = next((Place(*row[:2]) for row in answer.rows[:1] if row[0]), None)
        return await self._newest(stream, 0, [row[2:] for row in reversed(answer.rows)], place)

    async def behind(self, stream: str, place: Place) -> Newest:
        """The appends behind a place in its bucket, newest of all if it is the last one."""
        values = (stream, *place)
        answer = await self._session.execute(cql.READ_COMMITS, values, page_rows=PAGE_ROWS_MAX)
        rows = answer.rows if answer.more is None else []
        return await self._newest(stream, place.bucket, rows)

    async def _newest(
        self,
        stream: str,
        number: int,
        rows: Sequence[tuple[Any, ...]],
        place: Place | None = None,
    ) -> Newest:
        bucket = Bucket.of(number, rows[-1][:4]) if rows else Bucket(number)
        if bucket.sealed:
            rows = ()  # there are newer ones elsewhere
        inline = list(takewhile(lambda row: row[-1] is not None, reversed(rows)))
        return Newest(bucket, await self._commits(stream, inline[::-1]), place)

    async def _position_before(self, stream: str, number: int) -> int:
        if number == 0:
            return 0
        return (await read_bucket(self._session, stream, number - 1)).head or 0

    async def _chain(
        self, stream: str, start: int, first: int, upto: int | None
    ) -> AsyncGenerator[tuple[Bucket, list[Commit] | None], None]:
        """The commits of bucket after bucket, up to the open one; None at the end of each bucket.

        Each comes with the statics that were read together with it. A whole bucket gives them even
        without a row; from a position on, only with one.

        A bucket may be read before the one in front of it is. That one is whole once it is sealed,
        and the next holds nothing before: so what is shown is the stream as it was at one moment
        of the reading, however late the one in front was sealed.
        """
        number, asked, bucket = start, start, None
        ahead = ReadAhead(self._session)
        try:
            ahead.ask(stream, number, first)
            while True:
                answer = await ahead.answer()
                for row in answer.rows[-1:]:
                    bucket = Bucket.of(number, row[:4])
                is_wanted = upto is None or bucket is None or (bucket.head or 0) < upto
                if answer.more is not None:
                    ahead.ask(stream, number, first, answer.more)
                elif bucket is not None and bucket.sealed and is_wanted:
                    # A stream of many buckets keeps the server busy while these rows are used.
                    far = 2 if number > start and upto is None else 1
                    while asked < number + far:
                        asked += 1
                        ahead.ask(stream, asked)
                for rows in _by_payload(answer.rows):
                    assert bucket is not None
                    yield bucket, await self._commits(stream, rows)
                if answer.more is not None:
                    continue
                if bucket is None and first:
                    # Statics read after the rows may tell of commits that the rows did not.
                    bucket = await read_bucket(self._session, stream, number)
                    if bucket.head is not None and bucket.head >= first:
                        bucket = None
                        ahead.ask(stream, number, first)
                        continue
                bucket = bucket or Bucket(number)
                yield bucket, None
                if not bucket.sealed:
                    return
                number, first, bucket = number + 1, 0, None
                if asked < number:
                    asked = number
                    ahead.ask(stream, number)
        finally:
            ahead.stop()

    async def _commits(self, stream: str, rows: Sequence[tuple[Any, ...]]) -> list[Commit]:
        try:
            # Most rows carry their records, and all can be read: no step in Python for each.
            return list(chain.from_iterable(map(_decode_records, map(_record_of, rows))))
        except (TypeError, msgspec.MsgspecError, UnicodeDecodeError):
            return [each for row in rows for each in await self._commits_of(stream, row)]

    async def _commits_of(self, stream: str, row: tuple[Any, ...]) -> list[Commit]:
        *_, last, append_id, record = row
        if last is None:
            return []
        if record is None:
            record = await self._payload(stream, last, append_id)
        try:
            return _decode_records(record)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise CorruptData(
                f"Stream {stream!r}: the record at position {last} cannot be read: {error}"
            ) from error

    async def _payload(self, stream: str, last: int, append_id: bytes) -> bytes:
        values = (uuid.UUID(bytes=append_id),)
        rows = (await self._session.execute(cql.READ_PAYLOAD, values)).rows
        if not rows:
            raise CorruptData(f"Stream {stream!r}: the payload at position {last} is missing.")
        record: bytes = rows[0][0]
        return record


def _by_payload(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The rows, parted behind each whose record lies elsewhere: no two of those are held at once.

    A bucket bounds the bytes of the records in its rows, not of those that rows point to.
    """
    elsewhere = [index for index, record in enumerate(map(_record_of, rows), 1) if record is None]
    for start, end in pairwise([0, *elsewhere, len(rows)]):
        if start < end:
            yield rows[start:end]
