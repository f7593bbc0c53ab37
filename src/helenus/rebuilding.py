"""Taking a stream's snapshot anew, from its events alone."""

from __future__ import annotations

from collections.abc import Iterable

from helenus.aggregates import Aggregate
from helenus.codec import Codec
from helenus.settings import RepositorySettings
from helenus.snapshots import SnapshotCodec
from helenus.state import fold
from helenus.store import EventStore, Head, Snapshot


class SnapshotBuilder:
    """Builds snapshots from events; a snapshot that is there is not read.

    Args:
        store: open.
        aggregates: all that occur in its streams.
        settings: those of the programs that use the store, for the command window.
    """

    def __init__(
        self,
        store: EventStore,
        aggregates: Iterable[type[Aggregate]],
        settings: RepositorySettings | None = None,
    ) -> None:
        self._store = store
        self._settings = settings or RepositorySettings()
        self._codec = Codec(aggregates)
        self._snapshots = SnapshotCodec(
            self._codec,
            commands_max=self._settings.command_window_max,
            horizon_us=self._settings.command_window_s * 1_000_000,
        )

    async def build(self, stream: str) -> Snapshot | None:
        """The snapshot at the head; None for a stream that does not exist.

        Raises:
            CodecError: an event cannot be decoded.
            DomainError: an event cannot be applied.
        """
        state = self._snapshots.new_state(stream)
        head = Head(0)
        async for page in self._store.read(stream, page_bytes=self._settings.page_bytes):
            fold(state, self._codec, page.commits)
            head = page.head
        if not state.head.position:
            return None
        if head.position == state.head.position:
            state.head = head
        return self._snapshots.encode(state)

    async def rebuild(self, stream: str) -> Snapshot | None:
        """Build the snapshot and keep it; one that claims a position behind the head is dropped."""
        built = await self.build(stream)
        if built is None:
            return None
        kept = await self._store.load_snapshot(stream)
        if kept is not None and kept.position > (await self._store.head(stream)).position:
            await self._store.save_snapshot(stream, None)
        await self._store.save_snapshot(stream, built)
        return built
