"""Snapshots: plain writes whose timestamp grows with the position, so a late writer loses.

A snapshot is forgotten by writing an empty one: a deletion would also hide a snapshot written later
at the same position.

Two processes may write with the same timestamp, and Cassandra then chooses for each column by
itself which of the two values stays. Mixed snapshots would pair the fingerprint of one program with
the state of another. So one column, the body, holds all that counts; the others are for people.

Where a stream goes on behind its snapshot is also told beside its first commits, where whoever
knows nothing of it looks first. That is a hint: it may be missing, or of another snapshot.
"""

from __future__ import annotations

import contextlib

import msgspec

from helenus.errors import OutcomeUnknown, StoreUnavailable
from helenus.store import Snapshot
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.buckets import place_behind
from helenus.stores.cassandra.session import MaybeExecuted, NotExecuted, Session

_WRITES_PER_POSITION = 1_024
_FORGOTTEN = -1

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, str, bytes, bytes]).decode


class Snapshots:
    """Loads and saves snapshots through a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def load(self, stream: str) -> Snapshot | None:
        """The snapshot kept for a stream."""
        kept, _ = await self._read(stream)
        return kept

    async def save(self, stream: str, snapshot: Snapshot | None) -> None:
        """Keep a snapshot unless one of a later position is there; None forgets the one kept."""
        kept, written_at = await self._read(stream)
        if snapshot is None:
            values = (stream, _FORGOTTEN, "", b"", b"", written_at + 1)
        elif kept is not None and kept.position > snapshot.position:
            return
        else:
            timestamp = max(snapshot.position * _WRITES_PER_POSITION, written_at + 1)
            shown = (snapshot.position, snapshot.fingerprint, snapshot.token)
            values = (stream, *shown, _encode((*shown, snapshot.body)), timestamp)
        try:
            await self._session.execute(cql.WRITE_SNAPSHOT, values)
        except MaybeExecuted as error:
            raise OutcomeUnknown(
                f"Stream {stream!r}: Cassandra did not say whether it kept a snapshot: {error}.",
                remedy="Save one again, or leave it: a snapshot saves reading events, no more.",
            ) from error
        if (place := place_behind(snapshot)) and place.bucket:
            with contextlib.suppress(MaybeExecuted, NotExecuted):
                hint = (values[-1], *place, stream)
                await self._session.execute(cql.WRITE_SNAPSHOT_PLACE, hint)

    async def _read(self, stream: str) -> tuple[Snapshot | None, int]:
        try:
            rows = (await self._session.execute(cql.READ_SNAPSHOT, (stream,))).rows
        except MaybeExecuted as error:
            raise StoreUnavailable(f"Cassandra did not answer a read: {error}.") from error
        if not rows:
            return None, 0
        *_, encoded, written_at = rows[0]
        if not encoded:
            return None, written_at
        try:
            position, fingerprint, token, body = _decode(encoded)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None, written_at  # a cache: what cannot be read is not there
        return Snapshot(position, fingerprint, body, token), written_at
