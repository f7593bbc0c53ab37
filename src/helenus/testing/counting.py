"""A store that counts what it is asked, so that a test can say what a command costs."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import TypeVar, Unpack

from helenus.store import (
    Commit,
    EventStore,
    FeedEntry,
    Head,
    Page,
    ReadOptions,
    Snapshot,
    StreamPage,
)
from helenus.stores.wrapping import StoreWrapper
from helenus.testing.faults import Operation

T = TypeVar("T")

_PAGING: tuple[Operation, ...] = ("read", "feed", "streams")


class Calls:
    """What a store was asked over some time.

    Attributes:
        made: the operations, in order.
        pages: how many pages reads, feeds and listings gave.
        commits: how many commits appends carried.
    """

    def __init__(self) -> None:
        self.made: list[Operation] = []
        self.pages = 0
        self.commits = 0

    def __getitem__(self, operation: Operation) -> int:
        return self.made.count(operation)

    def __repr__(self) -> str:
        return f"{dict(self.counts)} in {self.round_trips} round trips"

    @property
    def counts(self) -> Counter[Operation]:
        """How often each operation was called."""
        return Counter(self.made)

    @property
    def round_trips(self) -> int:
        """Calls, with those that page counted once for each of their pages.

        So many there are at least: a store over a network may need several for one of them.
        """
        paging = sum(self[operation] for operation in _PAGING)
        return len(self.made) - paging + max(self.pages, paging)


class CountingStore(StoreWrapper):
    """Hands everything on to a store, and counts it.

        with store.counted() as calls:
            await repository.transact("account/1", deposit)
        assert calls.made == ["append"]

    Args:
        store: an open store.

    Attributes:
        calls: everything since the beginning.
    """

    def __init__(self, store: EventStore) -> None:
        super().__init__(store)
        self.calls = Calls()
        self._counting = [self.calls]

    @contextlib.contextmanager
    def counted(self) -> Iterator[Calls]:
        """Count what is asked within the block, by whomever."""
        calls = Calls()
        self._counting.append(calls)
        try:
            yield calls
        finally:
            self._counting.remove(calls)

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        """See `EventStore.append`."""
        self._count("append")
        for calls in self._counting:
            calls.commits += len(commits)
        return await super().append(stream, commits, expected)

    def read(self, stream: str, **options: Unpack[ReadOptions]) -> AsyncIterator[Page]:
        """See `EventStore.read`."""
        return self._paged("read", super().read(stream, **options))

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        """See `EventStore.head`."""
        self._count("head")
        return await super().head(stream, token=token)

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        """See `EventStore.load_snapshot`."""
        self._count("load_snapshot")
        return await super().load_snapshot(stream)

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        """See `EventStore.save_snapshot`."""
        self._count("save_snapshot")
        await super().save_snapshot(stream, snapshot)

    def feed(self, *, after: int = 0, page_commits: int = 256) -> AsyncIterator[list[FeedEntry]]:
        """See `EventFeed.feed`."""
        return self._paged("feed", super().feed(after=after, page_commits=page_commits))

    def streams(
        self, *, prefix: str = "", after: str = "", page_streams: int = 1_000
    ) -> AsyncIterator[StreamPage]:
        """See `StreamDirectory.streams`."""
        listed = super().streams(prefix=prefix, after=after, page_streams=page_streams)
        return self._paged("streams", listed)

    async def _paged(self, operation: Operation, pages: AsyncIterator[T]) -> AsyncIterator[T]:
        self._count(operation)
        async for page in pages:
            for calls in self._counting:
                calls.pages += 1
            yield page

    def _count(self, operation: Operation) -> None:
        for calls in self._counting:
            calls.made.append(operation)
