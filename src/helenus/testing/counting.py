"""A store that counts what it is asked, so that a test can say what a command costs."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence

from helenus.store import PAGE_BYTES, Commit, EventStore, Head, Page, Snapshot
from helenus.testing.faults import Operation


class Calls:
    """What a store was asked over some time.

    Attributes:
        made: the operations, in order.
        pages: how many pages reads gave.
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
        """Calls, with a read counted once for each of its pages.

        So many there are at least: a store over a network may need several for one of them.
        """
        return len(self.made) - self["read"] + max(self.pages, self["read"])


class CountingStore:
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
        self._store = store
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
        return await self._store.append(stream, commits, expected)

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
        self._count("read")
        async for page in self._store.read(
            stream,
            after=after,
            upto=upto,
            token=token,
            page_bytes=page_bytes,
            from_snapshot=from_snapshot,
        ):
            for calls in self._counting:
                calls.pages += 1
            yield page

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        """See `EventStore.head`."""
        self._count("head")
        return await self._store.head(stream, token=token)

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        """See `EventStore.load_snapshot`."""
        self._count("load_snapshot")
        return await self._store.load_snapshot(stream)

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        """See `EventStore.save_snapshot`."""
        self._count("save_snapshot")
        await self._store.save_snapshot(stream, snapshot)

    def _count(self, operation: Operation) -> None:
        for calls in self._counting:
            calls.made.append(operation)
