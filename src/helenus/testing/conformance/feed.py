"""Cases on the feed: every commit, none skipped, each stream's in order (G7)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from helenus.errors import InvalidArgument, StoreClosed
from helenus.store import Commit, EventStore, FeedEntry, Head
from helenus.testing.conformance.fixtures import (
    OTHER,
    STREAM,
    MakeStore,
    append,
    commit,
    commits,
    everything,
    expect,
    fed,
    feed,
    five_events,
)

_WRITERS = 4
_ROUNDS = 25


class FeedCases:
    """The feed shows all commits of the store, and can be resumed at every cursor."""

    async def test_the_feed_shows_every_commit_with_its_stream(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            ones, others = five_events(), commits(2, 1)
            await append(store, STREAM, ones[:2])
            await append(store, OTHER, others)
            await append(store, STREAM, ones[2:])
            assert by_stream(await fed(store)) == {STREAM: ones, OTHER: others}

    async def test_cursors_increase(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            for number in range(20):
                await append(store, f"customer/{number % 3}/{number}", commits(1, 1))
            cursors = [entry.cursor for entry in await fed(store)]
            assert len(cursors) == 40
            assert cursors == sorted(set(cursors))
            assert cursors[0] > 0

    async def test_the_feed_resumes_at_every_cursor(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            for number in range(4):
                await append(store, f"customer/{number}", five_events())
            entries = await fed(store)
            assert len(entries) == 16
            for index, entry in enumerate(entries):
                assert await fed(store, after=entry.cursor) == entries[index + 1 :]

    async def test_a_follower_that_is_up_to_date_sees_only_what_comes_later(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await append(store, STREAM, five_events())
            cursor = (await fed(store))[-1].cursor
            assert await fed(store, after=cursor) == []
            made = commits(1)
            await append(store, OTHER, made)
            [later] = await fed(store, after=cursor)
            assert (later.stream, later.commit) == (OTHER, made[0])

    async def test_pages_of_every_size_show_the_same(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await append(store, STREAM, five_events())
            await append(store, OTHER, five_events())
            entries = await fed(store)
            assert len(entries) == 8
            for page_commits in range(1, 10):
                read = await everything(feed(store, page_commits=page_commits))
                assert [entry for page in read for entry in page] == entries
                assert all(0 < len(page) <= page_commits for page in read)

    async def test_a_page_without_room_is_refused(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await append(store, STREAM, five_events())
            for page_commits in (0, -1):
                with expect(InvalidArgument):
                    await anext(aiter(feed(store, page_commits=page_commits)))

    async def test_large_commits_come_whole(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = [commit(n, body=bytes([n]) * 2_000_000) for n in (1, 2, 3)]
            for one in made:
                await append(store, STREAM, [one])
            assert by_stream(await fed(store)) == {STREAM: made}

    async def test_a_refused_append_is_not_in_the_feed(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = five_events()
            await append(store, STREAM, made)
            await asyncio.gather(
                *(store.append(STREAM, commits(1, 1), Head(0)) for _ in range(5)),
                return_exceptions=True,
            )
            assert by_stream(await fed(store)) == {STREAM: made}

    async def test_nothing_is_skipped_while_others_append(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            streams = [f"customer/{number}" for number in range(_WRITERS)]
            followed = await follow_while_appending(store, [(store, s) for s in streams])
            assert_nothing_skipped(followed, streams)

    async def test_the_feed_of_a_store_that_was_closed_is_refused(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await append(store, STREAM, five_events())
        with expect(StoreClosed):
            await fed(store)


class SharedFeedCases:
    """For stores with a feed of which several may be open on the same data."""

    async def test_the_feed_shows_what_another_store_appended(self, make_store: MakeStore) -> None:
        async with make_store() as one, make_store() as other:
            made = five_events()
            await append(one, STREAM, made)
            assert by_stream(await fed(other)) == {STREAM: made}
            assert await fed(one) == await fed(other)

    async def test_a_follower_skips_nothing_that_other_stores_append(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as follower, make_store() as one, make_store() as two:
            streams = [f"customer/{number}" for number in range(4)]
            writers = list(zip([one, two, one, two], streams, strict=True))
            assert_nothing_skipped(await follow_while_appending(follower, writers), streams)


async def follow_while_appending(
    store: EventStore, writers: Iterable[tuple[EventStore, str]]
) -> list[FeedEntry]:
    """Follow one store's feed from cursor to cursor while writers append, each to its stream."""
    followed: list[FeedEntry] = []

    async def write(writer: EventStore, stream: str) -> None:
        head = Head(0)
        for number in range(_ROUNDS):
            made = commits(1, 1 + number % 2, after=head.position)
            head = await writer.append(stream, made, head)
            await asyncio.sleep(0)

    writing = asyncio.gather(*(write(writer, stream) for writer, stream in writers))
    while True:
        finished = writing.done()
        cursor = followed[-1].cursor if followed else 0
        async for page in feed(store, after=cursor, page_commits=3):
            followed += page
        if finished:
            break
        await asyncio.sleep(0)
    await writing
    return followed


def assert_nothing_skipped(followed: list[FeedEntry], streams: list[str]) -> None:
    """Check that a follower saw every commit of the writers once, in order."""
    found = by_stream(followed)
    assert sorted(found) == sorted(streams)
    for made in found.values():
        assert len(made) == 2 * _ROUNDS, "A commit was skipped or shown twice."
        assert [c.first for c in made[1:]] == [c.last + 1 for c in made[:-1]]


def by_stream(entries: Iterable[FeedEntry]) -> dict[str, list[Commit]]:
    """The commits of each stream, in the feed's order."""
    found = defaultdict(list)
    for entry in entries:
        found[entry.stream].append(entry.commit)
    return dict(found)
