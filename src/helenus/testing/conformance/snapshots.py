"""Cases on snapshots: one for each stream, never replaced by an older one."""

from __future__ import annotations

import msgspec

from helenus.errors import InvalidArgument, LimitExceeded
from helenus.store import (
    PAGE_BYTES,
    SNAPSHOT_BYTES_MAX,
    Commit,
    EventStore,
    Head,
    Page,
    Snapshot,
)
from helenus.testing.conformance.appends import ODD_STREAMS
from helenus.testing.conformance.fixtures import (
    OTHER,
    STREAM,
    MakeStore,
    append,
    commit,
    commits,
    expect,
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

    async def test_a_snapshot_over_the_limit_is_refused_and_the_kept_one_stays(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            kept = Snapshot(5, "f", b"body")
            await _saved(store, kept)
            with expect(LimitExceeded):
                await store.save_snapshot(STREAM, Snapshot(6, "f", bytes(SNAPSHOT_BYTES_MAX + 1)))
            assert await store.load_snapshot(STREAM) == kept

    async def test_a_read_from_the_snapshot_on_gives_all_that_a_load_needs(
        self, make_store: MakeStore
    ) -> None:
        for kept in (None, 3, 5, 8):
            stream = f"{STREAM}/{kept}"
            async with make_store() as store:
                made = [*five_events(), commit(6), *commits(2, after=6)]
                head = Head(0)
                for one in made:
                    head = await store.append(stream, [one], head)
                    if one.last == kept:
                        snapshot = Snapshot(kept, "f", b"body", head.token)
                        await store.save_snapshot(stream, snapshot)
                for page_bytes in (1, PAGE_BYTES):
                    await check_read_from_snapshot(store, stream, made, kept, page_bytes)

    async def test_a_read_from_the_snapshot_on_of_no_stream_is_empty(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            made = five_events()
            await append(store, STREAM, made)
            await check_read_from_snapshot(store, STREAM, made, None, PAGE_BYTES)
            (page,) = [page async for page in store.read("unknown", from_snapshot=True)]
            assert page == Page([], Head(0))

    async def test_a_read_from_the_snapshot_on_has_no_bounds(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            for after, upto in ((1, None), (0, 3)):
                read = store.read(STREAM, after=after, upto=upto, from_snapshot=True)
                with expect(InvalidArgument):
                    await anext(aiter(read))

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


async def check_read_from_snapshot(
    store: EventStore, stream: str, made: list[Commit], kept: int | None, page_bytes: int
) -> None:
    """Check that a read from the snapshot on gives the snapshot and the rest, or all."""
    read = store.read(stream, page_bytes=page_bytes, from_snapshot=True)
    shown = [page async for page in read]
    snapshot = shown[0].snapshot
    after = 0
    if snapshot is not None:
        assert (snapshot.position, snapshot.body) == (kept, b"body")
        after = snapshot.position
    assert all(page.snapshot is None for page in shown[1:])
    assert all(sum(one.size_bytes for one in page.commits[:-1]) < page_bytes for page in shown)
    assert [one for page in shown for one in page.commits] == [c for c in made if c.last > after]
    assert shown[-1].head == await store.head(stream)


async def _saved(store: EventStore, snapshot: Snapshot) -> None:
    head = await store.head(STREAM)
    snapshot = msgspec.structs.replace(snapshot, token=head.token)
    await store.save_snapshot(STREAM, snapshot)
    assert await store.load_snapshot(STREAM) == snapshot
