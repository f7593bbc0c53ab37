"""The mock clock and the failing store do what tests rely on."""

import asyncio
from datetime import UTC, datetime

import pytest

from helenus import Conflict, Head, InvalidArgument, OutcomeUnknown, Snapshot, StoreUnavailable
from helenus.stores.memory import MemoryStore
from helenus.testing import (
    ByChance,
    Call,
    ConflictOnce,
    Delay,
    Duplicate,
    FailAfter,
    FailBefore,
    FailLate,
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


async def test_a_late_append_is_unknown_and_applied_when_it_is_released() -> None:
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        late, made = FailLate(), commits(1)
        store.inject("append", late)
        with pytest.raises(OutcomeUnknown) as unknown:
            await store.append(STREAM, made, Head(0))
        assert unknown.value.commit_ids == (made[0].id,)
        assert await stored(store) == []
        await late.release()
        await late.release()
        assert await stored(store) == made
        assert not late.refused


async def test_a_late_append_whose_place_was_taken_is_refused() -> None:
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        late, made = FailLate(), commits(1)
        store.inject("append", late)
        with pytest.raises(OutcomeUnknown):
            await store.append(STREAM, commits(1), Head(0))
        await store.append(STREAM, made, Head(0))
        await late.release()
        assert await stored(store) == made
        assert [type(error) for error in late.refused] == [Conflict]


async def test_a_duplicate_append_is_refused_and_its_caller_told_the_first_answer() -> None:
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        duplicate, made = Duplicate(), commits(1)
        store.inject("append", duplicate)
        assert await store.append(STREAM, made, Head(0)) == Head(1)
        assert await stored(store) == made
        assert [type(error) for error in duplicate.refused] == [Conflict]


async def test_a_duplicate_snapshot_changes_nothing() -> None:
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        duplicate, snapshot = Duplicate(), Snapshot(1, "f", b"body")
        store.inject("save_snapshot", duplicate)
        await store.save_snapshot(STREAM, snapshot)
        assert await store.load_snapshot(STREAM) == snapshot
        assert not duplicate.refused


@pytest.mark.parametrize("after", [False, True])
async def test_a_delay_passes_on_the_clock_that_it_was_given(after: bool) -> None:
    class Watching(MemoryStore):
        async def head(self, stream: str, *, token: bytes = b"") -> Head:
            asked_at.append(clock.now_us() - began)
            return await super().head(stream, token=token)

    clock, asked_at = MockClock(), list[int]()
    began = clock.now_us()
    async with Watching() as memory:
        store = FaultyStore(memory)
        store.inject("head", Delay(2.5, clock, after=after))
        await store.head(STREAM)
    assert asked_at == [0 if after else 2_500_000]
    assert clock.now_us() - began == 2_500_000


@pytest.mark.parametrize("after", [False, True])
async def test_a_hanging_append_can_be_cancelled(after: bool) -> None:
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        hold, made = Hold(after=after), commits(1)
        store.inject("append", hold)
        task = asyncio.ensure_future(store.append(STREAM, made, Head(0)))
        await hold.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await stored(store) == (made if after else [])


async def test_a_plan_may_let_calls_pass() -> None:
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        store.inject("head", None, FailBefore())
        await store.head(STREAM)
        with pytest.raises(StoreUnavailable):
            await store.head(STREAM)
        await store.head(STREAM)


async def fates(seed: int, probability: float) -> tuple[list[bool], ByChance]:
    chance = ByChance(seed, probability=probability, faults={"head": [FailBefore()]})
    failed = []
    async with MemoryStore() as memory:
        store = FaultyStore(memory, choose=chance)
        for number in range(100):
            try:
                await store.head(f"s/{number}")
            except StoreUnavailable:
                failed.append(True)
            else:
                failed.append(False)
        await store.load_snapshot(STREAM)
    return failed, chance


async def test_faults_by_chance_are_those_of_their_seed() -> None:
    (one, chance), (same, _), (other, _) = [await fates(seed, 0.3) for seed in (1, 1, 2)]
    assert one == same != other
    assert chance.met == {"head": sum(one)}
    assert 15 < sum(one) < 45


async def test_faults_by_chance_may_be_none_or_all() -> None:
    assert not any((await fates(1, 0))[0])
    assert all((await fates(1, 1))[0])
    with pytest.raises(InvalidArgument, match="from 0 to 1"):
        ByChance(1, probability=1.1, faults={})
