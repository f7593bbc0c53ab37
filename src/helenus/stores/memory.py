"""A store in this process's memory, for tests and examples. It forgets everything when it goes."""

from __future__ import annotations

import heapq
import itertools
import operator
from bisect import bisect_right
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar, Self

import msgspec

from helenus.errors import Conflict, InvalidArgument, StoreClosed
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

_last = operator.attrgetter("last")


class MemoryStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a memory store holds.

    Attributes:
        streams: of at least one commit.
        commits: of all streams.
        snapshots: of all streams.
    """

    gauges: ClassVar[frozenset[str]] = frozenset({"streams", "commits", "snapshots"})

    streams: int
    commits: int
    snapshots: int


class MemoryStore:
    """Keeps streams in dictionaries. Use it as an async context manager."""

    def __init__(self) -> None:
        self._streams: dict[str, list[Commit]] = {}
        self._snapshots: dict[str, Snapshot] = {}
        self._feed: list[tuple[str, Commit]] = []
        self._open = False

    async def __aenter__(self) -> Self:
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False

    def statistics(self) -> MemoryStatistics:
        """What the store holds."""
        return MemoryStatistics(
            streams=len(self._streams), commits=len(self._feed), snapshots=len(self._snapshots)
        )

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        """See `EventStore.append`."""
        self._require_open()
        head = check_append(stream, commits, expected)
        actual = self._head(stream).position
        if actual != expected.position:
            raise Conflict(stream, expected.position, actual)
        self._streams.setdefault(stream, []).extend(commits)
        self._feed.extend((stream, commit) for commit in commits)
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
        snapshot = self._snapshots.get(stream) if from_snapshot else None
        after = after if snapshot is None else snapshot.position
        while True:
            self._require_open()
            page, size = [], 0
            held = self._streams.get(stream, [])
            for commit in itertools.islice(held, bisect_right(held, after, key=_last), None):
                if upto is not None and (commit.first > upto or upto <= after):
                    break
                if size >= page_bytes:
                    break
                page.append(commit)
                size += len(commit.meta) + len(commit.body)
            head = self._head(stream)
            yield Page(page, head, snapshot)
            snapshot = None
            after = page[-1].last if page else after
            if not page or after >= (head.position if upto is None else min(upto, head.position)):
                return

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        """See `EventStore.head`."""
        self._require_open()
        check_stream(stream)
        return self._head(stream)

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        """See `EventStore.load_snapshot`."""
        self._require_open()
        check_stream(stream)
        return self._snapshots.get(stream)

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        """See `EventStore.save_snapshot`."""
        self._require_open()
        check_snapshot(stream, snapshot)
        if snapshot is None:
            self._snapshots.pop(stream, None)
        elif (held := self._snapshots.get(stream)) is None or held.position <= snapshot.position:
            self._snapshots[stream] = snapshot

    async def feed(
        self, *, after: int = 0, page_commits: int = 256
    ) -> AsyncIterator[list[FeedEntry]]:
        """See `EventFeed.feed`."""
        if page_commits < 1:
            raise InvalidArgument(f"page_commits must be 1 or more, not {page_commits}.")
        self._require_open()
        while after < len(self._feed):
            entries = self._feed[after : after + page_commits]
            yield [
                FeedEntry(after + offset, stream, commit)
                for offset, (stream, commit) in enumerate(entries, start=1)
            ]
            after += len(entries)

    async def streams(
        self, *, prefix: str = "", after: str = "", page_streams: int = 1_000
    ) -> AsyncIterator[StreamPage]:
        """See `StreamDirectory.streams`. The cursor is the last name."""
        check_page_streams(page_streams)
        while True:
            self._require_open()
            left = (name for name in self._streams if name > after and name.startswith(prefix))
            page = heapq.nsmallest(page_streams, left)
            if not page:
                return
            yield StreamPage(page, page[-1])
            after = page[-1]

    def _head(self, stream: str) -> Head:
        commits = self._streams.get(stream)
        return Head(commits[-1].last if commits else 0)

    def _require_open(self) -> None:
        if not self._open:
            raise StoreClosed("The memory store is not open.")
