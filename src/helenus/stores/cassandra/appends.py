"""The append: one conditional statement, whose fate is always found out.

The condition is the static head *and* fence of the open bucket. It refuses stale and future
expectations alike, so positions have no gaps.

An append whose answer was lost may still wait before its coordinator, and be applied after a serial
read has said that it is absent. So whoever must know moves the fence, on the same condition: if
that is applied, the append did not happen and, its condition being gone, never will; if it is not,
the head or the fence has moved, and the commit's own row tells whose append did it.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Sequence

import msgspec

from helenus.errors import Conflict, OutcomeUnknown, StoreUnavailable
from helenus.store import Commit, Head
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.buckets import Bucket, Token, head_of
from helenus.stores.cassandra.session import MaybeExecuted, NotExecuted, Session
from helenus.stores.cassandra.settings import CassandraSettings

POINTER_BYTES = 64
"""What a record beside its row counts for in the bucket."""

_encode_records = msgspec.msgpack.Encoder().encode


class _Refused(Exception):
    """The condition of an append did not hold: head and fence are others."""

    def __init__(self, head: int | None = None, fence: uuid.UUID | None = None) -> None:
        super().__init__(head, fence)
        self.head = head
        self.fence = fence


class _Append(msgspec.Struct, frozen=True):
    stream: str
    append_id: uuid.UUID
    first: int
    last: int
    kinds: list[str]
    record: bytes
    inline: bool
    commits: Sequence[Commit]


class Appender:
    """Appends through a session."""

    def __init__(self, session: Session, settings: CassandraSettings) -> None:
        self._session = session
        self._settings = settings

    async def append(self, stream: str, commits: Sequence[Commit], token: Token) -> Head:
        """Append commits to the bucket that `token` names.

        Where nothing but the fence has moved, or the append was found not to have happened, it is
        made again behind the fence that is there now.

        Raises:
            Conflict: the head is another, as the refusal itself told; nothing was written.
            StoreUnavailable: nothing was written, and never will be.
            OutcomeUnknown: the append's fate could not be found out.
        """
        append = _Append(
            stream,
            uuid.uuid4(),
            commits[0].first,
            commits[-1].last,
            [kind for commit in commits for kind in commit.kinds],
            record := _encode_records(commits),
            len(record) <= self._settings.inline_bytes_max,
            commits,
        )
        if not append.inline:
            await self._write_payload(append)
        failure: Exception | None = None
        for _ in range(self._settings.append_attempts_max):
            expected = None if token.fresh else token.position
            try:
                return await self._attempt(append, token)
            except MaybeExecuted as error:
                failure = error
                bucket, happened = await self._fate(append, token, error)
                if happened:
                    return head_of(self._after(append, token).token(append.last))
            except _Refused as found:
                # Nothing else is in a bucket whose head has not moved: it moves with every append.
                bucket = Bucket(token.bucket, found.head, found.fence, token.bytes_held)
            if bucket.head != expected:
                raise Conflict(stream, token.position, bucket.head or token.position)
            token = bucket.token(token.position)
        cause = failure or "its fence was moved each time"
        raise StoreUnavailable(f"Cassandra did not carry out an append: {cause}.")

    async def _attempt(self, append: _Append, token: Token) -> Head:
        after = self._after(append, token)
        values = (
            *(append.last, after.bytes_held, after.sealed, append.first, append.append_id),
            *(append.kinds, append.record if append.inline else None),
            *(append.stream, token.bucket, append.last),
            *(None if token.fresh else token.position, token.fence),
        )
        (answer,) = (await self._session.execute(cql.APPEND, values)).rows
        applied, *found = answer
        if not applied:
            raise _Refused(*found)  # nothing was found in a bucket that is not there
        return head_of(after.token(append.last))

    def _after(self, append: _Append, token: Token) -> Bucket:
        """The bucket as this append leaves it."""
        held = token.bytes_held + (len(append.record) if append.inline else POINTER_BYTES)
        return Bucket(
            token.bucket, append.last, token.fence, held, held >= self._settings.bucket_bytes
        )

    async def _write_payload(self, append: _Append) -> None:
        try:
            await self._session.execute(cql.WRITE_PAYLOAD, (append.append_id, append.record))
        except MaybeExecuted as error:
            # Without the row that points to it a payload is nothing: so nothing happened.
            raise StoreUnavailable(f"Cassandra did not take a payload: {error}.") from error

    async def _fate(
        self, append: _Append, token: Token, cause: MaybeExecuted
    ) -> tuple[Bucket, bool]:
        """The bucket once a lost append is settled, and whether the append is in it.

        Raises:
            OutcomeUnknown: that cannot be found out in time.
        """
        try:
            async with asyncio.timeout(self._settings.settle_timeout_s):
                bucket = await self._settle(append, token, cause)
                moved = bucket.head != (None if token.fresh else token.position)
                return bucket, moved and await self._is_there(append, token)
        except TimeoutError:
            raise _unknown(append, cause) from None

    async def _settle(self, append: _Append, token: Token, cause: MaybeExecuted) -> Bucket:
        """Bring about that a lost append has either happened or never will.

        Returns:
            The bucket then: its head moved, by this append or another; or its fence alone did.

        Raises:
            OutcomeUnknown: that cannot be brought about now.
        """
        fence = uuid.uuid4()
        expected = None if token.fresh else token.position
        where = (append.stream, token.bucket)
        for _ in range(self._settings.settle_attempts_max):
            with contextlib.suppress(MaybeExecuted, NotExecuted):  # its own fate is read below
                await self._session.execute(cql.FENCE, (fence, *where, expected, token.fence))
            with contextlib.suppress(MaybeExecuted, NotExecuted):
                bucket = await read_bucket(self._session, *where)
                if bucket.head != expected or bucket.fence != token.fence:
                    return bucket
        raise _unknown(append, cause)

    async def _is_there(self, append: _Append, token: Token) -> bool:
        """Whether the row at this append's place is its own; the head has moved on."""
        values = (append.stream, token.bucket, append.last)
        for _ in range(self._settings.settle_attempts_max):
            with contextlib.suppress(MaybeExecuted, NotExecuted):
                rows = (await self._session.execute(cql.READ_OWN, values)).rows
                return bool(rows) and rows[0][0] == append.append_id
        raise _unknown(append, MaybeExecuted("its row cannot be read"))


def _unknown(append: _Append, cause: Exception) -> OutcomeUnknown:
    return OutcomeUnknown(
        f"Stream {append.stream!r}: Cassandra did not answer an append ({cause}), nor what became"
        " of it.",
        tuple([commit.id for commit in append.commits]),
    )


async def read_bucket(session: Session, stream: str, number: int) -> Bucket:
    """The static columns of a bucket; empty if it has none.

    Raises:
        MaybeExecuted, NotExecuted: the read failed.
    """
    rows = (await session.execute(cql.READ_BUCKET, (stream, number))).rows
    return Bucket.of(number, rows[0]) if rows else Bucket(number)
