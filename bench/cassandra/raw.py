"""What is compared with: a driver that executes the same statements, and does nothing else.

It speaks through the session protocol, so it is whichever driver the store has.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

import msgspec

from helenus import Commit
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.buckets import decode_token
from helenus.stores.cassandra.session import Kind, Session, Statement

_BODIES = {1: bytes(200), 10: bytes(1_110)}
"""By number of events: as long as those of `accounts.pay` are in the store."""
_FROM = "FROM commits WHERE stream = ? AND bucket = ?"
READ_ROWS = Statement(
    f"SELECT sealed, head, fence, bytes, last, append_id, record {_FROM}", Kind.SERIAL_READ
)
READ_RECORDS = Statement(f"SELECT sealed, record {_FROM}", Kind.SERIAL_READ)


def commit(first: int, events: int = 1) -> Commit:
    """A commit of one event or ten."""
    last, kinds = first + events - 1, ("kind",) * events
    return Commit(uuid.uuid4().bytes, first, last, first, kinds, b"\x80", _BODIES[events])


def appends(session: Session, events: int = 1) -> Callable[[int, int], Awaitable[object]]:
    """The statement of an append, bound by hand, its answer looked at; a stream for each worker."""
    run = uuid.uuid4().hex
    encode = msgspec.msgpack.Encoder().encode

    async def work(worker: int, turn: int) -> None:
        head = turn * events
        last, record = head + events, encode([commit(head + 1, events)])
        values = (
            *(last, len(record), False, head + 1, uuid.uuid4(), ["kind"] * events, record),
            *(f"raw/{run}/{worker}", 0, last, head or None, None),
        )
        answer = await session.execute(cql.APPEND, values)
        assert answer.rows[0][0]

    return work


async def read(session: Session, stream: str, statement: Statement) -> int:
    """Read all rows of a stream, page after page and bucket after bucket, and count them.

    Args:
        session: to read through.
        stream: of which.
        statement: `READ_ROWS`, or `READ_RECORDS` for no more of each than what it holds.
    """
    rows, bucket = 0, 0
    while True:
        sealed, more = False, None
        while True:
            answer = await session.execute(statement, (stream, bucket), more=more)
            rows += len(answer.rows)
            for row in answer.rows[-1:]:
                sealed = row[0]
            more = answer.more
            if more is None:
                break
        if not sealed:
            return rows
        bucket += 1


async def load(session: Session, stream: str) -> int:
    """The two reads of a cold load: the snapshot, and the rows from it on; their number."""
    ((position, _, token, *_),) = (await session.execute(cql.READ_SNAPSHOT, (stream,))).rows
    values = (stream, decode_token(token).bucket, position)
    return len((await session.execute(cql.READ_COMMITS, values)).rows)
