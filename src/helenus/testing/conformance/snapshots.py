"""Cases on snapshots: one for each stream, never replaced by an older one."""

from __future__ import annotations

import msgspec

from helenus.store import SNAPSHOT_BYTES_MAX, EventStore, Snapshot
from helenus.testing.conformance.appends import ODD_STREAMS
from helenus.testing.conformance.fixtures import (
    OTHER,
    STREAM,
    MakeStore,
    append,
    five_events,
    stored,
)


class SnapshotCases:
    """A snapshot comes back as it was saved, until a later one or none takes its place."""

    async def test_a_snapshot_comes_back_with_every_byte(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            for fingerprint in ("0123456789abcdef", "", "ž🎬"):
                await _saved(store, Snapshot(5, fingerprint, bytes(range(256))))

    async def test_a_stream_without_a_snapshot_has_none(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await append(store, OTHER, five_events())
            await _saved(store, Snapshot(5, "f", b"body"))
            assert await store.load_snapshot(OTHER) is None
            assert await store.load_snapshot("unknown") is None

    async def test_the_latest_snapshot_is_found(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            for position in (1, 2, 5, 100, 2**40):
                await _saved(store, Snapshot(position, f"f{position}", b"body %d" % position))

    async def test_a_late_writer_does_not_replace_a_newer_snapshot(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            newer = Snapshot(5, "new", b"new")
            await _saved(store, newer)
            for position in (1, 4):
                await store.save_snapshot(STREAM, Snapshot(position, "old", b"old"))
                assert await store.load_snapshot(STREAM) == newer

    async def test_a_snapshot_of_the_same_position_is_overwritten(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await _saved(store, Snapshot(5, "one", b"one"))
            await _saved(store, Snapshot(5, "two", b"two"))
            await _saved(store, Snapshot(5, "two", b""))

    async def test_a_forgotten_snapshot_is_gone(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await _saved(store, Snapshot(5, "f", b"body"))
            await store.save_snapshot(STREAM, None)
            assert await store.load_snapshot(STREAM) is None
            await store.save_snapshot(STREAM, None)

    async def test_an_older_snapshot_is_kept_after_a_newer_was_forgotten(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await _saved(store, Snapshot(5, "f", b"body"))
            await store.save_snapshot(STREAM, None)
            await _saved(store, Snapshot(3, "g", b"older"))

    async def test_a_large_snapshot_comes_back(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await _saved(store, Snapshot(5, "f", bytes(range(256)) * (SNAPSHOT_BYTES_MAX // 256)))

    async def test_snapshots_of_streams_are_kept_apart(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            kept = {
                stream: Snapshot(number, f"f{number}", stream.encode())
                for number, stream in enumerate(ODD_STREAMS, start=1)
            }
            for stream, snapshot in kept.items():
                await store.save_snapshot(stream, snapshot)
            for stream, snapshot in kept.items():
                assert await store.load_snapshot(stream) == snapshot

    async def test_snapshots_change_nothing_about_commits(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = five_events()
            head = await append(store, STREAM, made)
            await _saved(store, Snapshot(5, "f", b"body"))
            assert await stored(store) == made
            assert await store.head(STREAM) == head
            await store.save_snapshot(STREAM, None)
            assert await stored(store) == made


async def _saved(store: EventStore, snapshot: Snapshot) -> None:
    head = await store.head(STREAM)
    snapshot = msgspec.structs.replace(snapshot, token=head.token)
    await store.save_snapshot(STREAM, snapshot)
    assert await store.load_snapshot(STREAM) == snapshot
