"""A store whose streams are its own within tables that many cases share: names get a prefix.

Emptying the tables of a Cassandra cluster takes longer than most cases do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Self, Unpack, cast

from helenus.errors import Conflict
from helenus.store import Commit, EventStore, Head, Page, ReadOptions, Snapshot
from helenus.stores.wrapping import StoreWrapper
from helenus.testing.conformance import DirectoryCases, cases

NEED_EMPTY_TABLES = frozenset(
    {
        *cases(DirectoryCases),
        # What they prove is how names are kept, to the last character.
        "test_odd_stream_names_are_kept_apart",
        "test_snapshots_of_streams_are_kept_apart",
    }
)
"""The cases that look at all streams of a store, or at names that no prefix may change."""

NEED_BARE_NAMES = frozenset({"test_bad_stream_names_are_refused"})
"""The cases that write nothing, and whose names no prefix may change."""


class OwnStreams(StoreWrapper):
    """Hands everything on, for streams whose names begin with a prefix of its own."""

    def __init__(self, store: EventStore, prefix: str) -> None:
        super().__init__(store)
        self._prefix = prefix

    async def __aenter__(self) -> Self:
        await self._manager.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self._manager.__aexit__(*exception)

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        try:
            return await super().append(self._prefix + stream, commits, expected)
        except Conflict as conflict:
            conflict.stream = conflict.stream.removeprefix(self._prefix)
            raise

    def read(self, stream: str, **options: Unpack[ReadOptions]) -> AsyncIterator[Page]:
        return super().read(self._prefix + stream, **options)

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        return await super().head(self._prefix + stream, token=token)

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        return await super().load_snapshot(self._prefix + stream)

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        await super().save_snapshot(self._prefix + stream, snapshot)

    @property
    def _manager(self) -> AbstractAsyncContextManager[EventStore]:
        return cast("AbstractAsyncContextManager[EventStore]", self._wrapped)
