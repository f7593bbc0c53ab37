"""Where a stream's next commit goes: buckets, and the token that a head carries.

A stream is a chain of buckets 0, 1, 2 …, each one partition. The append that brings a bucket to its
size seals it in the same statement. A head's token names the bucket that is open for the next
append, which is the one after a sealed one, with the fence that was seen there and the bytes it
holds.
"""

from __future__ import annotations

import uuid
from typing import NamedTuple

import msgspec

from helenus.errors import InvalidArgument
from helenus.store import Head, Snapshot


class Token(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The open bucket behind a head.

    Attributes:
        position: of the head.
        bucket: its number.
        bytes_held: bytes of the records in it.
        fence: the fence seen in it; None: it has none.
        fresh: whether no append has gone there yet, so that its static head is null.
    """

    position: int = 0
    bucket: int = 0
    bytes_held: int = 0
    fence: uuid.UUID | None = None
    fresh: bool = True


_decode = msgspec.msgpack.Decoder(Token).decode
_encode = msgspec.msgpack.Encoder().encode


def decode_token(encoded: bytes) -> Token:
    """The token that a head carries.

    Raises:
        InvalidArgument: it is no token of this store.
    """
    if not encoded:
        return Token()
    try:
        return _decode(encoded)
    except msgspec.MsgspecError as error:
        raise InvalidArgument(f"The head's token is not one of this store: {error}") from error


def is_token(encoded: bytes) -> bool:
    """Whether these bytes are a token of this store."""
    try:
        decode_token(encoded)
    except InvalidArgument:
        return False
    return True


class Place(NamedTuple):
    """Where a stream goes on behind a snapshot.

    Attributes:
        bucket: that was open for the next append when it was taken.
        position: of the snapshot.
    """

    bucket: int
    position: int


def place_behind(snapshot: Snapshot | None) -> Place | None:
    """Where a stream goes on behind a snapshot; None without one, or if it is another store's."""
    if snapshot is None or not is_token(snapshot.token):
        return None
    return Place(decode_token(snapshot.token).bucket, snapshot.position)


def head_of(token: Token) -> Head:
    """The head that carries a token; an empty one for a stream that does not exist."""
    return Head(token.position, b"" if token == Token() else _encode(token))


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """The static columns of one bucket, as read.

    Attributes:
        number: of the bucket.
        head: position of its last event; None: it holds none.
        fence: see `Token`.
        bytes_held: see `Token`.
        sealed: whether the next append goes to the bucket after it.
    """

    number: int
    head: int | None = None
    fence: uuid.UUID | None = None
    bytes_held: int = 0
    sealed: bool = False

    @classmethod
    def of(
        cls, number: int, row: tuple[int | None, bytes | None, int | None, bool | None]
    ) -> Bucket:
        """The bucket that a row of statics tells of, the fence in bytes."""
        head, fence, bytes_held, sealed = row
        known = uuid.UUID(bytes=fence) if fence else None
        return cls(number, head, known, bytes_held or 0, bool(sealed))

    def token(self, position: int) -> Token:
        """The token for an append behind `position`, here or, if this is sealed, in the next."""
        if self.sealed:
            return Token(position, self.number + 1)
        return Token(position, self.number, self.bytes_held, self.fence, self.head is None)
