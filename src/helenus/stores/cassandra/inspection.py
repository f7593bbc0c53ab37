"""Whether a stream's chain of buckets holds: statics, rows, payloads, each against the others."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from helenus.findings import Finding
from helenus.store import Commit
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.appends import POINTER_BYTES, read_bucket
from helenus.stores.cassandra.buckets import Bucket
from helenus.stores.cassandra.session import Session

_PAGE_ROWS = 256
_decode_records = msgspec.msgpack.Decoder(list[Commit]).decode


class Inspection:
    """Walks along the buckets of one stream, from its first."""

    def __init__(self, session: Session, stream: str) -> None:
        self._session = session
        self._stream = stream
        self._position = 0

    async def findings(self) -> AsyncIterator[Finding]:
        """What does not hold.

        Raises:
            MaybeExecuted, NotExecuted: a read failed.
        """
        number = 0
        while True:
            bucket = Bucket(number)
            held, rows = 0, 0
            async for bucket, row in self._rows(number):  # noqa: B007  # of the last page
                rows += 1
                size, found = await self._row(row)
                held += size
                for finding in found:
                    yield finding
            for finding in self._statics(bucket, held, rows):
                yield finding
            ahead = await self._next(number)
            if ahead is None:
                return
            if ahead > number + 1:
                yield self._finding("bucket-missing", f"Bucket {number + 1} has no rows.")
            elif not (await read_bucket(self._session, self._stream, number)).sealed:
                yield self._finding(
                    "bucket-unsealed", f"Bucket {number} is not sealed, but {ahead} has rows."
                )
            number = ahead

    async def _next(self, number: int) -> int | None:
        """The next bucket that has a head; one may be missing, or empty so far."""
        for ahead in (number + 1, number + 2):
            if (await read_bucket(self._session, self._stream, ahead)).head is not None:
                return ahead
        return None

    async def _rows(self, number: int) -> AsyncIterator[tuple[Bucket, tuple[Any, ...]]]:
        more = None
        while True:
            answer = await self._session.execute(
                cql.INSPECT_BUCKET, (self._stream, number), page_rows=_PAGE_ROWS, more=more
            )
            for *statics, last, first, append_id, kinds, record in answer.rows:
                head, fence, bytes_held, sealed = statics
                bucket = Bucket.of(number, (head, fence, bytes_held, sealed))
                if last is not None:
                    yield bucket, (last, first, append_id, kinds, record)
                elif head is not None:
                    yield bucket, ()
            more = answer.more
            if more is None:
                return

    async def _row(self, row: tuple[Any, ...]) -> tuple[int, list[Finding]]:
        """The bytes that a row counts for, and what does not hold about it."""
        if not row:
            return 0, []
        last, first, append_id, kinds, record = row
        size = POINTER_BYTES if record is None else len(record)
        if record is None:
            payload = uuid.UUID(bytes=append_id)
            rows = (await self._session.execute(cql.READ_PAYLOAD, (payload,))).rows
            if not rows:
                self._position = last
                return size, [
                    self._finding("payload-missing", f"The payload {payload} is not there.")
                ]
            record = rows[0][0]
        return size, list(self._contents(last, first, kinds or [], record))

    def _contents(
        self, last: int, first: int, kinds: list[str], record: bytes
    ) -> Iterator[Finding]:
        before, self._position = self._position, last
        if first != before + 1:
            yield self._finding("row-positions", f"Position {before} is followed by {first}.")
        try:
            commits = _decode_records(record)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            yield self._finding("row-unreadable", f"The record cannot be read: {error}.")
            return
        if not commits or (commits[0].first, commits[-1].last) != (first, last):
            yield self._finding(
                "row-positions", f"The row tells of positions {first}–{last}, its record of others."
            )
        if [kind for commit in commits for kind in commit.kinds] != kinds:
            yield self._finding("row-kinds", "The row names other events than its record.")

    def _statics(self, bucket: Bucket, held: int, rows: int) -> Iterator[Finding]:
        if not rows:
            return
        if bucket.head != self._position:
            yield self._finding(
                "bucket-head",
                f"Bucket {bucket.number} has the head {bucket.head}, its rows end at"
                f" {self._position}.",
            )
        if bucket.bytes_held != held:
            yield self._finding(
                "bucket-bytes",
                f"Bucket {bucket.number} counts {bucket.bytes_held:,} bytes, its rows hold"
                f" {held:,}.",
            )

    def _finding(self, kind: str, message: str) -> Finding:
        return Finding(self._stream, self._position, kind, message)
