"""The mock clock and the failing store do what tests rely on."""

import asyncio
from datetime import UTC, datetime

import pytest

from helenus import Conflict, Head, OutcomeUnknown, StoreUnavailable
from helenus.stores.memory import MemoryStore
from helenus.testing import (
    Call,
    ConflictOnce,
    FailAfter,
    FailBefore,
    FailUnknownBefore,
    Fault,
    FaultyStore,
    Hold,
    MockClock,
)
from helenus.testing.conformance.fixtures import STREAM, commits, stored


async def test_the_clock_moves_only_when_it_is_moved() -> None:
    moment = datetime(2026, 5, 1, 12, tzinfo=UTC)
    clock = MockClock(moment)
    assert clock.now_us() == clock.now_us() == moment.timestamp() * 1_000_000
    clock.advance(0.000_001)
    assert clock.now.microsecond == 1
    clock.set(moment)
    clock.advance(-3600)
    assert clock.now.hour == 11


async def test_sleeping_moves_the_clock_and_lets_others_run_once() -> None:
    clock = MockClock()
    began = clock.now_us()
    turns = 0

    async def other() -> None:
        nonlocal turns
        for _ in range(100):
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.ensure_future(other())
    await clock.sleep(86_400)
    assert (clock.now_us() - began, turns) == (86_400_000_000, 1)
    await task


@pytest.mark.parametrize(
    ("fault", "error", "happened"),
    [
        (FailBefore(), StoreUnavailable, False),
        (FailBefore(ValueError("own")), ValueError, False),
        (FailUnknownBefore(), OutcomeUnknown, False),
        (FailAfter(), OutcomeUnknown, True),
        (ConflictOnce(), Conflict, False),
    ],
    ids=["before", "own", "unknown", "after", "conflict"],
)
async def test_a_fault_happens_once_and_where_it_says(
    fault: Fault, error: type[Exception], happened: bool
) -> None:
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        store.inject("append", fault)
        made = commits(1)
        with pytest.raises(error):
            await store.append(STREAM, made, Head(0))
        assert await stored(store) == (made if happened else [])
        if not happened:
            await store.append(STREAM, made, Head(0))
        assert store.calls["read"] == 1


async def test_a_held_operation_stands_still_until_it_is_released() -> None:
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        for after in (False, True):
            hold = Hold(after=after)
            store.inject("append", hold)
            stream = f"s/{after}"
            task = asyncio.ensure_future(store.append(stream, commits(1), Head(0)))
            await asyncio.wait_for(hold.reached.wait(), 10)
            assert (await store.head(stream)).position == int(after)
            assert not task.done()
            hold.release()
            assert await task == Head(1)


async def test_faults_can_be_chosen_for_every_call() -> None:
    def choose(call: Call) -> Fault | None:
        return FailBefore() if (call.operation, call.stream) == ("head", "bad") else None

    async with MemoryStore() as memory:
        store = FaultyStore(memory, choose=choose)
        await store.head("good")
        with pytest.raises(StoreUnavailable):
            await store.head("bad")
        assert store.calls == {"head": 2}


async def test_faults_reach_reads_and_snapshots() -> None:
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        store.inject("read", FailBefore(), FailAfter())
        with pytest.raises(StoreUnavailable):
            await stored(store)
        with pytest.raises(OutcomeUnknown):
            await stored(store)
        store.inject("load_snapshot", FailBefore())
        with pytest.raises(StoreUnavailable):
            await store.load_snapshot(STREAM)
        store.inject("save_snapshot", FailBefore())
        with pytest.raises(StoreUnavailable):
            await store.save_snapshot(STREAM, None)
