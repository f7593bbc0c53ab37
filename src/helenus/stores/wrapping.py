"""What stores that stand in front of another store have in common."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, Unpack, cast

from helenus.errors import InvalidArgument
from helenus.store import (
    Commit,
    EventFeed,
    EventStore,
    FeedEntry,
    Head,
    Page,
    ReadOptions,
    Snapshot,
    StreamDirectory,
    StreamPage,
)


class StoreWrapper:
    """Hands everything on to another store, as it was asked. Subclasses do more around it.

    What that store can do beyond the port is handed on as well, under its own name.

    Args:
        store: the store behind.
    """

    def __init__(self, store: EventStore) -> None:
        self._wrapped = store

    @property
    def wrapped(self) -> EventStore:
        """The store behind."""
        return self._wrapped

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.wrapped, name)

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        """See `EventStore.append`."""
        return await self.wrapped.append(stream, commits, expected)

    def read(self, stream: str, **options: Unpack[ReadOptions]) -> AsyncIterator[Page]:
        """See `EventStore.read`."""
        return self.wrapped.read(stream, **options)

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        """See `EventStore.head`."""
        return await self.wrapped.head(stream, token=token)

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        """See `EventStore.load_snapshot`."""
        return await self.wrapped.load_snapshot(stream)

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        """See `EventStore.save_snapshot`."""
        await self.wrapped.save_snapshot(stream, snapshot)

    def feed(self, *, after: int = 0, page_commits: int = 256) -> AsyncIterator[list[FeedEntry]]:
        """See `EventFeed.feed`.

        Raises:
            InvalidArgument: the store behind has no feed.
        """
        behind = cast("EventFeed", self._able("feed"))
        return behind.feed(after=after, page_commits=page_commits)

    def streams(
        self, *, prefix: str = "", after: str = "", page_streams: int = 1_000
    ) -> AsyncIterator[StreamPage]:
        """See `StreamDirectory.streams`.

        Raises:
            InvalidArgument: the store behind does not list its streams.
        """
        behind = cast("StreamDirectory", self._able("streams"))
        return behind.streams(prefix=prefix, after=after, page_streams=page_streams)

    def _able(self, method: str) -> EventStore:
        if not hasattr(self.wrapped, method):
            raise InvalidArgument(
                f"A {type(self.wrapped).__name__} has no {method}.",
                remedy="Wrap a store that has it.",
            )
        return self.wrapped
