"""Listing the streams of an installation: their first buckets, in the order of the tokens.

A plain read at a quorum, page by page over the whole ring: it sees every stream whose first append
was acknowledged before the listing began. The cursor names a token and the stream there, since two
partitions may share a token.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from helenus.errors import InvalidArgument
from helenus.store import StreamPage
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.session import Session

_FIRST_TOKEN = -(2**63)


async def list_streams(
    session: Session, prefix: str, after: str, page_streams: int
) -> AsyncIterator[StreamPage]:
    """The streams after a cursor whose names begin with `prefix`.

    Raises:
        InvalidArgument: the cursor is not one of this store.
        MaybeExecuted: the cluster did not answer.
    """
    token, last_seen = _position(after)
    more = None
    while True:
        answer = await session.execute(
            cql.LIST_BUCKETS, (token,), page_rows=page_streams, more=more
        )
        rows = _behind(answer.rows, token, last_seen)
        names = [
            stream
            for _, stream, bucket, head in rows
            # A fence alone makes a partition, but no stream.
            if bucket == 0 and head is not None and stream.startswith(prefix)
        ]
        if rows:
            yield StreamPage(names, f"{rows[-1][0]} {rows[-1][2]} {rows[-1][1]}")
        more = answer.more
        if more is None:
            return


Place = tuple[int, str] | None


def _position(cursor: str) -> tuple[int, Place]:
    if not cursor:
        return _FIRST_TOKEN, None
    token, _, place = cursor.partition(" ")
    bucket, _, stream = place.partition(" ")
    try:
        return int(token), (int(bucket), stream)
    except ValueError:
        raise InvalidArgument(f"The cursor {cursor!r} is not one of this store.") from None


def _behind(
    rows: Sequence[tuple[Any, ...]], token: int, last_seen: Place
) -> Sequence[tuple[Any, ...]]:
    """The rows after the one that the cursor names; rows of one token keep their order."""
    for index, (found, stream, bucket, _) in enumerate(rows):
        if found != token:
            break
        if (bucket, stream) == last_seen:
            return rows[index + 1 :]
    return rows
