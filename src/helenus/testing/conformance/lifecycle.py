"""Cases on opening and closing, on what survives, and on several stores on the same data."""

from __future__ import annotations

import asyncio

from helenus.errors import StoreClosed
from helenus.store import PAGE_BYTES, Head, Snapshot
from helenus.testing.conformance.concurrency import (
    assert_each_won,
    assert_prefixes,
    check_random_history,
    race,
    read_while_appending,
)
from helenus.testing.conformance.fixtures import (
    OTHER,
    STREAM,
    MakeStore,
    append,
    commits,
    everything,
    expect,
    five_events,
    stored,
)
from helenus.testing.conformance.snapshots import check_read_from_snapshot


class LifecycleCases:
    """A store works between its opening and its closing, and says so outside."""

    async def test_a_store_that_was_closed_refuses_everything(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            head = await append(store, STREAM, five_events())
        with expect(StoreClosed):
            await store.append(STREAM, commits(1, after=5), head)
        with expect(StoreClosed):
            await store.head(STREAM)
        with expect(StoreClosed):
            await stored(store)
        with expect(StoreClosed):
            await store.load_snapshot(STREAM)
        with expect(StoreClosed):
            await store.save_snapshot(STREAM, Snapshot(5, "f", b"body"))

    async def test_a_read_under_way_ends_when_the_store_is_closed(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await append(store, STREAM, five_events())
            reading = aiter(store.read(STREAM, page_bytes=1))
            await anext(reading)
        with expect(StoreClosed):
            await everything(reading)

    async def test_appends_that_wait_when_the_store_closes_are_answered(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await append(store, OTHER, five_events())
            assert len(await stored(store, OTHER)) == 4
            tries = [
                asyncio.ensure_future(store.append(f"customer/{number}", commits(1), Head(0)))
                for number in range(10, 110)
            ]
            await asyncio.sleep(0)
        answers = await asyncio.wait_for(asyncio.gather(*tries, return_exceptions=True), 30)
        assert all(isinstance(a, Head | StoreClosed) for a in answers)


class DurableCases:
    """For stores that keep their data: what was acknowledged is there when it is opened again."""

    async def test_everything_acknowledged_is_there_after_reopening(
        self, make_store: MakeStore
    ) -> None:
        made, others = five_events(), commits(2)
        snapshot = Snapshot(5, "f", b"body")
        async with make_store() as store:
            await append(store, STREAM, made)
            await append(store, OTHER, others)
            await store.save_snapshot(STREAM, snapshot)
        async with make_store() as store:
            assert await stored(store) == made
            assert await stored(store, OTHER) == others
            assert (await store.head(STREAM)).position == 5
            assert await store.load_snapshot(STREAM) == snapshot

    async def test_a_reopened_store_reads_on_from_a_snapshot(self, make_store: MakeStore) -> None:
        made = commits(*[1] * 20)
        async with make_store() as store:
            head = Head(0)
            for one in made:
                head = await store.append(STREAM, [one], head)
                if one.last == 13:
                    await store.save_snapshot(STREAM, Snapshot(13, "f", b"body", head.token))
        async with make_store() as store:
            for page_bytes in (1, PAGE_BYTES):
                await check_read_from_snapshot(store, STREAM, made, 13, page_bytes)

    async def test_a_stream_goes_on_where_it_was_after_reopening(
        self, make_store: MakeStore
    ) -> None:
        made = commits(*[1] * 20)
        head = Head(0)
        for one in made:
            async with make_store() as store:
                head = await store.append(STREAM, [one], head)
        async with make_store() as store:
            assert await stored(store) == made

    async def test_what_was_answered_while_closing_is_true(self, make_store: MakeStore) -> None:
        made = {f"customer/{number}": commits(1, 1) for number in range(100)}
        async with make_store() as store:
            await append(store, OTHER + "/x", commits(1))
            tries = [
                asyncio.ensure_future(store.append(stream, some, Head(0)))
                for stream, some in made.items()
            ]
            await asyncio.sleep(0)
        answers = await asyncio.gather(*tries, return_exceptions=True)
        async with make_store() as store:
            assert len(await stored(store, OTHER + "/x")) == 1
            for (stream, some), answer in zip(made.items(), answers, strict=True):
                assert await stored(store, stream) == (some if isinstance(answer, Head) else [])

    async def test_the_same_store_can_be_entered_again(self, make_store: MakeStore) -> None:
        made = five_events()
        opened = make_store()
        async with opened as store:
            await append(store, STREAM, made)
        async with opened as store:
            assert await stored(store) == made


class SharedCases:
    """For stores of which several may be open on the same data, also in several processes."""

    async def test_what_one_store_acknowledged_the_other_sees(self, make_store: MakeStore) -> None:
        async with make_store() as one, make_store() as other:
            made = five_events()
            head = await append(one, STREAM, made)
            assert await other.head(STREAM) == head
            assert await stored(other) == made
            more = commits(1, after=5)
            await other.append(STREAM, more, head)
            assert await stored(one) == made + more

    async def test_snapshots_are_shared(self, make_store: MakeStore) -> None:
        async with make_store() as one, make_store() as other:
            newer = Snapshot(5, "f", b"newer")
            await one.save_snapshot(STREAM, newer)
            assert await other.load_snapshot(STREAM) == newer
            await other.save_snapshot(STREAM, Snapshot(4, "f", b"older"))
            assert await one.load_snapshot(STREAM) == newer

    async def test_exactly_one_of_several_stores_wins_each_position(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as one, make_store() as two, make_store() as three:
            assert_each_won(await race([one, two, three, one, two, three]), await stored(one))

    async def test_reads_by_one_store_during_appends_by_another_are_prefixes(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as reader, make_store() as writer:
            assert_prefixes(await read_while_appending(reader, writer), await stored(writer))

    async def test_closing_one_store_leaves_the_other_working(self, make_store: MakeStore) -> None:
        async with make_store() as kept:
            made = commits(1, 1)
            head = await append(kept, STREAM, made[:1])
            async with make_store() as closed:
                assert await stored(closed) == made[:1]
            await kept.append(STREAM, made[1:], head)
            async with make_store() as later:
                assert await stored(later) == made

    async def test_a_random_history_of_several_stores_is_linearizable(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as one, make_store() as two:
            await check_random_history([one, two], seed=2)
