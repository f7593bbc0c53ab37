"""Building states: from snapshots and commits, at the head or in the past.

A state that is built at the head is kept in a bounded cache. It may be stale when it is next used;
whoever uses it finds out and has it brought up to date.
"""

from __future__ import annotations

from datetime import datetime

from helenus.codec import Codec
from helenus.errors import InvalidArgument
from helenus.events import to_microseconds
from helenus.settings import RepositorySettings
from helenus.snapshots import SnapshotCodec, SnapshotSaver
from helenus.state import StateCache, StreamState, StreamView, fold
from helenus.store import EventStore, Head, Snapshot


class Loader:
    """Builds and keeps the states of one repository, and has snapshots of them saved.

    Attributes:
        cache: the states kept.
        saver: saves snapshots in the background.
        cold_loads: how many states were built from the store.
    """

    def __init__(self, store: EventStore, codec: Codec, settings: RepositorySettings) -> None:
        self._store = store
        self._codec = codec
        self._settings = settings
        self._snapshots = SnapshotCodec(
            codec,
            commands_max=settings.command_window_max,
            horizon_us=settings.command_window_s * 1_000_000,
        )
        self.saver = SnapshotSaver(store, waiting_max=settings.snapshots_waiting_max)
        self.cache = StateCache(settings.cache_streams_max, settings.cache_bytes_max)
        self.cold_loads = 0

    async def refresh(self, stream: str, state: StreamState | None) -> StreamState:
        """The state at the head: brought up to date if there is one, else built from the store."""
        self.cache.drop(stream)  # until it is whole again
        if state is not None:
            head = await self._catch_up(state, published=True)
        else:
            self.cold_loads += 1
            state, head = await self._build(stream)
        if head.position < state.head.position:
            # The store was set back behind a snapshot or a state: only its events count.
            state = self._snapshots.new_state(stream)
            await self._catch_up(state, published=False)
        if state.head.position:
            self.cache.put(state)
            self.take_snapshot(state)
        return state

    async def _build(self, stream: str) -> tuple[StreamState, Head]:
        """The state from the snapshot and the commits behind it, and the head that was found."""
        state: StreamState | None = None
        head = Head(0)
        pages = self._store.read(stream, page_bytes=self._settings.page_bytes, from_snapshot=True)
        async for page in pages:
            if state is None:
                state = self._start(stream, page.snapshot)
                if page.snapshot is not None and state.head.position != page.snapshot.position:
                    break  # of other definitions, or damaged: all commits are needed
            fold(state, self._codec, page.commits, published=False)
            head = page.head
            if head.position == state.head.position:
                state.head = head
        else:
            assert state is not None
            return state, head
        return state, await self._catch_up(state, published=False)

    def _start(self, stream: str, snapshot: Snapshot | None) -> StreamState:
        """The state of a snapshot; the empty one without a snapshot or if it cannot be used."""
        state = self._snapshots.decode(stream, snapshot) if snapshot else None
        return state or self._snapshots.new_state(stream)

    async def _catch_up(self, state: StreamState, *, published: bool) -> Head:
        head = Head(0)
        async for page in self._store.read(
            state.stream,
            after=state.head.position,
            token=state.head.token,
            page_bytes=self._settings.page_bytes,
        ):
            head = page.head
            fold(state, self._codec, page.commits, published=published)
        if head.position == state.head.position:
            state.head = head
        return head

    async def load_past(
        self, stream: str, at_position: int | None, at_time: datetime | None
    ) -> StreamView:
        """The aggregates as they stood at a position or at a time, never from the cache.

        Raises:
            InvalidArgument: both are given, the position is negative, or the time is naive.
        """
        if at_position is not None and at_time is not None:
            raise InvalidArgument("Give a position or a time, not both.")
        if at_position is not None and at_position < 0:
            raise InvalidArgument(f"A position is 0 or more, not {at_position}.")
        if at_time is not None and at_time.tzinfo is None:
            raise InvalidArgument("A time needs a zone: use an aware datetime.")
        until_us = None if at_time is None else to_microseconds(at_time)
        state = self._start(stream, await self._store.load_snapshot(stream))
        if (at_position is not None and state.head.position > at_position) or (
            until_us is not None and state.recorded_at_us > until_us
        ):
            state = self._snapshots.new_state(stream)
        async for page in self._store.read(
            stream,
            after=state.head.position,
            upto=at_position,
            token=state.head.token,
            page_bytes=self._settings.page_bytes,
        ):
            commits = [c for c in page.commits if until_us is None or c.recorded_at_us <= until_us]
            fold(state, self._codec, commits, upto=at_position)
            if len(commits) < len(page.commits):
                break
        return state.view()

    def take_snapshot(self, state: StreamState) -> None:
        """Have a snapshot saved if one is due. It never fails whoever calls it."""
        settings = self._settings
        if not settings.snapshot_events:
            return
        events = state.head.position - state.snapshot_position
        if events >= settings.snapshot_events or state.unsaved_bytes >= settings.snapshot_bytes:
            try:
                snapshot = self._snapshots.encode(state)
            except Exception as error:  # noqa: BLE001  # what was committed must be acknowledged
                self.saver.refuse(state.stream, error)
            else:
                self.saver.offer(state.stream, snapshot)
