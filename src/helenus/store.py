"""The store port: all that the framework asks of a store, on one screen.

A store keeps encoded commits; it never looks inside them. One stream is the unit of order, of
atomic append and of concurrency control. Whoever writes an adapter proves it with the conformance
suite in `helenus.testing.conformance`.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Protocol, TypedDict

import msgspec

from helenus.errors import InvalidArgument, LimitExceeded

STREAM_CHARACTERS_MAX = 500
COMMIT_BYTES_MAX = 8 * 1024 * 1024
SNAPSHOT_BYTES_MAX = 8 * 1024 * 1024
PAGE_BYTES = 1024 * 1024


class Head(msgspec.Struct, frozen=True, gc=False):
    """Where a stream ends.

    Attributes:
        position: of the last event; 0: the stream does not exist.
        token: the store's own, opaque; returned by reads and appends, handed back to the next
        append.
    """

    position: int
    token: bytes = b""


class Commit(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The encoded events of one unit of work.

    Attributes:
        commit_id: 16 bytes, unique.
        first: position of the first event.
        last: position of the last event.
        recorded_at_us: microseconds since the Unix epoch, never falling within a stream.
        kinds: the stored names of the events, in order.
        meta: the encoded command metadata.
        body: the encoded events.
        checksum: CRC-32 of meta and body, checked when they are decoded; None: not recorded.
    """

    commit_id: bytes
    first: int
    last: int
    recorded_at_us: int
    kinds: tuple[str, ...]
    meta: bytes
    body: bytes
    checksum: int | None = None

    @property
    def id(self) -> uuid.UUID:
        """The commit id in its usual form."""
        return uuid.UUID(bytes=self.commit_id)

    @property
    def size_bytes(self) -> int:
        """What counts against the limit for one commit."""
        return len(self.meta) + len(self.body)


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """The encoded state of a stream at a position. A cache: deleting it changes no answer.

    Attributes:
        position: of the last event it includes.
        fingerprint: of the aggregate definitions it was encoded with.
        body: the encoded state.
        token: of the head it was taken at.
    """

    position: int
    fingerprint: str
    body: bytes
    token: bytes = b""


class Page(msgspec.Struct, frozen=True, gc=False):
    """Consecutive commits of one stream.

    Attributes:
        commits: in order.
        head: as far as it was known when they were read; on the last page it is the stream's head.
        snapshot: stands for the commits up to its position, which are left out; only on the first
            page of a read that asked for it.
    """

    commits: list[Commit]
    head: Head
    snapshot: Snapshot | None = None


class FeedEntry(msgspec.Struct, frozen=True, gc=False):
    """One commit as the change feed shows it.

    Attributes:
        cursor: where the feed continues after this entry; increasing.
        stream: the commit's stream.
        commit: the commit.
    """

    cursor: int
    stream: str
    commit: Commit


class ReadOptions(TypedDict, total=False):
    """What `EventStore.read` takes beside the stream, for those who hand it on."""

    after: int
    upto: int | None
    token: bytes
    page_bytes: int
    from_snapshot: bool


class EventStore(Protocol):
    """A place for streams. Every method may raise `StoreError`, which says what took effect."""

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        """Append commits that follow one another, all or none, if the head is still `expected`.

        Raises:
            Conflict: the head is another; nothing was written.
            LimitExceeded: a commit is over `COMMIT_BYTES_MAX`; nothing was written.
            OutcomeUnknown: the commits may have been written.
        """

    def read(
        self,
        stream: str,
        *,
        after: int = 0,
        upto: int | None = None,
        token: bytes = b"",
        page_bytes: int = PAGE_BYTES,
        from_snapshot: bool = False,
    ) -> AsyncIterator[Page]:
        """The commits that hold events with ``after < position <= upto``, in order.

        With the token of the head at `after`, the store need not search for where to begin.

        With `from_snapshot` and without bounds, the stream's snapshot may stand for the commits up
        to its position: the first page carries it. A store leaves the snapshot out where there is
        none, or where all commits are had at no greater cost.

        Yields at least one page. Together they include every append acknowledged before the read
        began, where the bounds allow. Each is of one consistent view, holds at least one commit
        where any is left, and no further one once its payload reaches `page_bytes`.
        """

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        """The head, linearizably: it includes every append acknowledged before the call.

        With the token of an earlier head, the store need not search for it.
        """

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        """The stream's snapshot, if there is one."""

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        """Keep the snapshot unless one of a later position is there; None forgets the one kept.

        Raises:
            LimitExceeded: it is over `SNAPSHOT_BYTES_MAX`; nothing was written.
            OutcomeUnknown: it may have been kept.
        """


class EventFeed(Protocol):
    """A store that shows all its commits in one order."""

    def feed(self, *, after: int = 0, page_commits: int = 256) -> AsyncIterator[list[FeedEntry]]:
        """All commits of the store after a cursor, up to the present.

        None is skipped, and those of each stream come in order.
        """


class StreamPage(msgspec.Struct, frozen=True, gc=False):
    """Some of the streams of a store.

    Attributes:
        streams: their names.
        cursor: where the directory continues after them; the store's own, opaque.
    """

    streams: list[str]
    cursor: str


class StreamDirectory(Protocol):
    """A store that lists its streams."""

    def streams(
        self, *, prefix: str = "", after: str = "", page_streams: int = 1_000
    ) -> AsyncIterator[StreamPage]:
        """The names of all streams that begin with `prefix`, each once, after a cursor.

        They come in an order of the store's own that never changes. A page may be empty where the
        store had to look past other streams; its cursor moves on all the same. Every stream that
        was there when the listing began is in it; one that is created meanwhile may be missed.

        Raises:
            InvalidArgument: the cursor is not this store's, or `page_streams` is below 1.
        """


def check_stream(stream: str) -> None:
    """Refuse a stream name that no store should hold.

    Raises:
        InvalidArgument: no text, empty, too long, or with control characters or lone surrogates.
    """
    if not isinstance(stream, str):
        raise InvalidArgument(f"A stream name is a text, not {type(stream).__name__}.")
    if not stream or len(stream) > STREAM_CHARACTERS_MAX:
        raise InvalidArgument(
            f"A stream name has 1 to {STREAM_CHARACTERS_MAX} characters, not {len(stream)}."
        )
    if not stream.isprintable():
        raise InvalidArgument(f"The stream name {stream!r} has characters that cannot be printed.")


def check_append(stream: str, commits: Sequence[Commit], expected: Head) -> Head:
    """Check what every adapter must refuse, and return the head that the append leads to.

    Raises:
        InvalidArgument: the commits do not follow the expected head without a gap.
        LimitExceeded: a commit is over `COMMIT_BYTES_MAX`.
    """
    check_stream(stream)
    position = expected.position
    if not commits:
        raise InvalidArgument("An append needs at least one commit.")
    for commit in commits:
        if commit.first != position + 1 or commit.last < commit.first:
            raise InvalidArgument(
                f"Stream {stream!r}: a commit of positions {commit.first}–{commit.last} cannot"
                f" follow position {position}."
            )
        if commit.size_bytes > COMMIT_BYTES_MAX:
            raise LimitExceeded(
                f"Stream {stream!r}: a commit of {commit.size_bytes:,} bytes is over the limit of"
                f" {COMMIT_BYTES_MAX:,}.",
                remedy="Record less per command; keep large content elsewhere, store its address.",
            )
        position = commit.last
    return Head(position)


def check_snapshot(stream: str, snapshot: Snapshot | None) -> None:
    """Refuse a snapshot that no adapter keeps.

    Raises:
        InvalidArgument: no stream can have this name.
        LimitExceeded: it is over `SNAPSHOT_BYTES_MAX`.
    """
    check_stream(stream)
    if snapshot is not None and len(snapshot.body) > SNAPSHOT_BYTES_MAX:
        raise LimitExceeded(
            f"Stream {stream!r}: a snapshot of {len(snapshot.body):,} bytes is over the limit of"
            f" {SNAPSHOT_BYTES_MAX:,}; the stream is replayed without one."
        )


def check_page_streams(page_streams: int) -> None:
    """Refuse pages that hold nothing.

    Raises:
        InvalidArgument: below 1.
    """
    if page_streams < 1:
        raise InvalidArgument(f"page_streams must be 1 or more, not {page_streams}.")


def check_range(after: int, upto: int | None, *, from_snapshot: bool = False) -> None:
    """Refuse bounds that no position can have.

    Raises:
        InvalidArgument: a negative bound, or any beside `from_snapshot`.
    """
    if from_snapshot and (after or upto is not None):
        raise InvalidArgument("A read from the snapshot on has no bounds.")
    if after < 0 or (upto is not None and upto < 0):
        raise InvalidArgument(f"Positions start at 1; after={after}, upto={upto} is no range.")
