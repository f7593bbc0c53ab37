"""The counting store tells what was asked of a store, and how many round trips that took."""

import pytest

from helenus import AggregateRepository, Head, Snapshot, StoreUnavailable
from helenus.stores.memory import MemoryStore
from helenus.testing import CountingStore, FailBefore, FaultyStore
from helenus.testing.conformance.fixtures import STREAM, commits, everything, stored
from tests.unit.helenus.bank import AGGREGATES, deposit


async def test_every_operation_is_counted_and_handed_on() -> None:
    async with MemoryStore() as memory:
        store = CountingStore(memory)
        made, snapshot = commits(1, 2), Snapshot(3, "f", b"body")
        head = await store.append(STREAM, made, Head(0))
        assert await stored(store) == made
        assert await store.head(STREAM, token=head.token) == head
        await store.save_snapshot(STREAM, snapshot)
        assert await store.load_snapshot(STREAM) == snapshot
        assert store.calls.made == ["append", "read", "head", "save_snapshot", "load_snapshot"]
        assert (store.calls.commits, store.calls.pages, store.calls.round_trips) == (2, 1, 5)


async def test_each_page_of_a_read_is_a_round_trip() -> None:
    async with MemoryStore() as memory:
        store = CountingStore(memory)
        await store.append(STREAM, commits(1, 1, 1), Head(0))
        with store.counted() as calls:
            await everything(store.read(STREAM, page_bytes=1))
        assert calls.counts == {"read": 1}
        assert calls.pages == calls.round_trips == 3


async def test_what_is_counted_within_a_block_is_counted_in_all_as_well() -> None:
    async with MemoryStore() as memory:
        store = CountingStore(memory)
        await store.head(STREAM)
        with store.counted() as outer:
            await store.head(STREAM)
            with store.counted() as inner:
                await store.head(STREAM)
        await store.head(STREAM)
        assert [calls["head"] for calls in (inner, outer, store.calls)] == [1, 2, 4]
        assert repr(outer) == "{'head': 2} in 2 round trips"


async def test_a_call_that_fails_is_counted() -> None:
    async with MemoryStore() as memory:
        faulty = FaultyStore(memory)
        faulty.inject("head", FailBefore())
        store = CountingStore(faulty)
        with pytest.raises(StoreUnavailable):
            await store.head(STREAM)
        assert store.calls.round_trips == 1


async def test_a_warm_command_takes_one_round_trip() -> None:
    async with MemoryStore() as memory:
        store = CountingStore(memory)
        async with AggregateRepository(store, AGGREGATES) as repository:
            with store.counted() as cold:
                await repository.transact(STREAM, deposit(1))
            with store.counted() as warm:
                await repository.transact(STREAM, deposit(1))
    assert cold.made == ["read", "append"]
    assert warm.made == ["append"]
    assert warm.round_trips == 1
