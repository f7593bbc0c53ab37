"""Cases on reading: every bound, every page boundary, one consistent view a page."""

from __future__ import annotations

from helenus.errors import InvalidArgument
from helenus.store import Commit, EventStore, Head, Page
from helenus.testing.conformance.fixtures import (
    OTHER,
    STREAM,
    MakeStore,
    append,
    commit,
    commits,
    everything,
    expect,
    five_events,
    pages,
    stored,
)


class ReadCases:
    """A read gives the commits that hold the events asked for, in order, and the head."""

    async def test_all_is_replayed_in_order(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = five_events()
            await append(store, STREAM, made)
            assert await stored(store) == made

    async def test_a_lower_bound_is_exclusive(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            _, two, three, four_five = await _five(store)
            assert await stored(store, after=1) == [two, three, four_five]
            assert await stored(store, after=3) == [four_five]
            assert await stored(store, after=5) == []

    async def test_an_upper_bound_is_inclusive(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            one, two, three, four_five = await _five(store)
            assert await stored(store, upto=1) == [one]
            assert await stored(store, upto=3) == [one, two, three]
            assert await stored(store, upto=5) == [one, two, three, four_five]
            assert await stored(store, upto=1000) == [one, two, three, four_five]
            assert await stored(store, upto=0) == []

    async def test_both_bounds_hold_together(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            _, two, three, four_five = await _five(store)
            assert await stored(store, after=1, upto=2) == [two]
            assert await stored(store, after=1, upto=3) == [two, three]
            assert await stored(store, after=2, upto=1000) == [three, four_five]

    async def test_equal_bounds_give_nothing(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await _five(store)
            for position in range(8):
                assert await stored(store, after=position, upto=position) == []

    async def test_a_lower_bound_over_the_upper_gives_nothing(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await _five(store)
            for after in range(1, 8):
                for upto in range(after):
                    assert await stored(store, after=after, upto=upto) == []

    async def test_bounds_inside_a_commit_give_the_whole_commit(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            *_, three, four_five = await _five(store)
            assert await stored(store, after=4) == [four_five]
            assert await stored(store, after=2, upto=4) == [three, four_five]
            assert await stored(store, after=4, upto=5) == [four_five]
            assert await stored(store, after=3, upto=4) == [four_five]

    async def test_bounds_outside_positions_are_refused(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await _five(store)
            with expect(InvalidArgument):
                await stored(store, after=-1)
            with expect(InvalidArgument):
                await stored(store, upto=-1)

    async def test_an_unknown_stream_gives_one_empty_page_and_head_zero(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await _five(store)
            [page] = await pages(store, OTHER)
            assert (page.commits, page.head.position) == ([], 0)
            assert (await store.head(OTHER)).position == 0
            await store.append(OTHER, commits(1), page.head)

    async def test_a_read_that_finds_nothing_still_tells_the_head(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await _five(store)
            head = await store.head(STREAM)
            for after, upto in ((5, None), (1000, None), (0, 0), (4, 2)):
                [page] = await pages(store, after=after, upto=upto)
                assert page == Page([], head)

    async def test_the_last_page_tells_the_head_even_below_an_upper_bound(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await _five(store)
            head = await store.head(STREAM)
            assert head.position == 5
            for upto in (1, 3, None):
                *_, last = await pages(store, upto=upto, page_bytes=1)
                assert last.head == head

    async def test_the_token_of_a_head_changes_no_answer(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = commits(1, 2, 1, 3)
            tokens = [(0, b"")]
            head = Head(0)
            for one in made:
                head = await store.append(STREAM, [one], head)
                tokens.append((head.position, head.token))
            for after, token in tokens:
                assert await store.head(STREAM, token=token) == head
                read = await everything(store.read(STREAM, after=after, token=token, page_bytes=1))
                assert [c for page in read for c in page.commits] == [
                    c for c in made if c.last > after
                ]

    async def test_the_head_of_a_read_is_good_for_an_append(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            kept = await _five(store)
            *_, page = await pages(store)
            made = commits(1, after=5)
            await store.append(STREAM, made, page.head)
            assert await stored(store) == [*kept, *made]

    async def test_pages_are_bounded_at_every_size(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            sizes = [1, 0, 7, 3, 0, 0, 12, 1, 5]
            made = [commit(n, body=b"b" * size, meta=b"") for n, size in enumerate(sizes, start=1)]
            await append(store, STREAM, made)
            for page_bytes in range(1, sum(sizes) + 2):
                read = await pages(store, page_bytes=page_bytes)
                assert [c for page in read for c in page.commits] == made
                assert all(page.commits for page in read)
                for page in read:
                    before_last = sum(c.size_bytes for c in page.commits[:-1])
                    assert before_last < page_bytes, "A page goes on after its bound was reached."

    async def test_a_commit_larger_than_a_page_comes_whole(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = [commit(n, body=bytes([n]) * 5000) for n in range(1, 5)]
            await append(store, STREAM, made)
            read = await pages(store, page_bytes=1)
            assert [page.commits for page in read] == [[one] for one in made]

    async def test_small_pages_respect_every_bound(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = commits(1, 2, 3, 1)
            await append(store, STREAM, made)
            for after in range(9):
                for upto in (*range(9), None):
                    end = 1000 if upto is None else upto
                    wanted = [c for c in made if c.last > after and c.first <= end and after < end]
                    read = await pages(store, after=after, upto=upto, page_bytes=1)
                    assert [c for page in read for c in page.commits] == wanted
                    assert len(read) == max(1, len(wanted))

    async def test_a_read_may_be_left_halfway(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = commits(1, 1, 1)
            head = await append(store, STREAM, made)
            reading = aiter(store.read(STREAM, page_bytes=1))
            assert (await anext(reading)).commits == made[:1]
            await store.append(STREAM, commits(1, after=3), head)
            assert len(await stored(store)) == 4

    async def test_an_append_between_two_pages_is_seen_as_a_whole_or_not_at_all(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            made = commits(1, 1, 2, 2)
            head = await append(store, STREAM, made[:2])
            reading = aiter(store.read(STREAM, page_bytes=1))
            first = await anext(reading)
            assert (first.commits, first.head) == (made[:1], head)
            await store.append(STREAM, made[2:], Head(2, head.token))
            read = [first, *await everything(reading)]
            found = [c for page in read for c in page.commits]
            assert found in (made[:2], made)
            assert read[-1].head.position == found[-1].last


async def _five(store: EventStore) -> list[Commit]:
    made = five_events()
    await append(store, STREAM, made)
    assert await stored(store) == made
    return made
