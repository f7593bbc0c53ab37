"""Snapshots and time change no answer (G5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from helenus import (
    RepositorySettings,
    Snapshot,
    StoreUnavailable,
    UnitOfWork,
)
from helenus.testing import (
    FailBefore,
    FaultyStore,
    Hold,
    MockClock,
)
from tests.unit.helenus.bank import (
    STREAM,
    Account,
    Closed,
    Deposited,
    balance,
    deposit,
)
from tests.unit.helenus.repositories import ALWAYS, balance_of, histories, repository_on


async def test_a_failing_snapshot_never_fails_a_command(store: FaultyStore) -> None:
    repository = repository_on(store, ALWAYS)
    errors = [StoreUnavailable("full"), RuntimeError("a bug"), ValueError("another")]
    store.inject("save_snapshot", *[FailBefore(error) for error in errors])
    for number in range(1, 4):
        assert await repository.transact(STREAM, deposit(1)) == number
        await repository.settle()
    assert repository.statistics().snapshots_failed == 3
    await repository.transact(STREAM, deposit(1))
    await repository.settle()
    assert repository.statistics().snapshots_saved == 1


async def test_a_snapshot_that_cannot_be_encoded_never_fails_a_command(
    store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = repository_on(store, ALWAYS)

    def fail(_: object) -> None:
        raise TypeError("cannot be encoded")

    monkeypatch.setattr(repository._loader._snapshots, "encode", fail)
    assert await repository.transact(STREAM, deposit(1)) == 1
    assert repository.statistics().snapshots_failed == 1


async def test_a_slow_snapshot_delays_no_command(store: FaultyStore) -> None:
    repository = repository_on(store, ALWAYS)
    hold = Hold()
    store.inject("save_snapshot", hold)
    for number in range(1, 6):
        answer = await asyncio.wait_for(repository.transact(STREAM, deposit(1)), 10)
        assert answer == number
    hold.release()
    await repository.settle()
    snapshot = await store.load_snapshot(STREAM)
    assert snapshot is not None
    assert snapshot.position == 5
    assert store.calls["save_snapshot"] == 2  # those in between were not worth saving


async def test_waiting_snapshots_are_bounded(store: FaultyStore) -> None:
    repository = repository_on(
        store, RepositorySettings(snapshot_events=1, snapshots_waiting_max=2)
    )
    hold = Hold()
    store.inject("save_snapshot", *[hold] * 100)
    for number in range(30):
        await repository.transact(f"customer/{number}", deposit(1))
    statistics = repository.statistics()
    assert statistics.snapshots_skipped > 0
    hold.release()
    await repository.settle()
    statistics = repository.statistics()
    assert statistics.snapshots_saved + statistics.snapshots_skipped == 30


async def test_a_snapshot_is_used_and_only_the_rest_is_read(store: FaultyStore) -> None:
    async with repository_on(store, RepositorySettings(snapshot_events=10)) as writer:
        for _ in range(12):
            await writer.transact(STREAM, deposit(1))
    reader = repository_on(store)
    read: list[int] = []
    memory: Any = store.wrapped
    original = memory.read

    async def watched(stream: str, **how: Any) -> Any:
        async for page in original(stream, **how):
            read.extend(commit.last for commit in page.commits)
            yield page

    memory.read = watched
    assert await balance_of(reader) == 12
    assert read == [11, 12]


@pytest.mark.parametrize(
    ("field", "damage"),
    [
        pytest.param("body", lambda s: s[:-1], id="cut off"),
        pytest.param("body", lambda s: s[:20] + b"\xff" + s[21:], id="a changed byte"),
        pytest.param("body", lambda s: b"", id="empty"),
        pytest.param("body", lambda s: bytes(4), id="a checksum of nothing"),
        pytest.param("fingerprint", lambda s: "other", id="other definitions"),
    ],
)
async def test_a_snapshot_that_is_damaged_or_of_other_definitions_is_not_used(
    store: FaultyStore, field: str, damage: Callable[[bytes], object]
) -> None:
    async with repository_on(store, ALWAYS) as writer:
        for number in range(3):
            await writer.transact(STREAM, deposit(1), command_id=f"c{number}")
    snapshot = await store.load_snapshot(STREAM)
    assert isinstance(snapshot, Snapshot)
    await store.save_snapshot(STREAM, None)
    damaged = msgspec.structs.replace(snapshot, **{field: damage(snapshot.body)})
    await store.save_snapshot(STREAM, damaged)
    async with repository_on(store, ALWAYS) as reader:
        assert await balance_of(reader) == 3
        assert await reader.transact(STREAM, deposit(1), command_id="c0") == 1
        assert await reader.transact(STREAM, deposit(1)) == 4
    assert await store.load_snapshot(STREAM) != damaged


async def test_recorded_time_never_falls(store: FaultyStore) -> None:
    clock = MockClock()
    one, other = repository_on(store, ALWAYS, clock), repository_on(store, clock=clock)
    start = clock.now
    for step in (10, -100, 5, -3600, 0, 4000, -1):
        clock.advance(step)
        await one.transact(STREAM, deposit(1))
        await other.transact(STREAM, deposit(1))
        await repository_on(store, clock=clock).transact(STREAM, deposit(1))
    times = [event.recorded_at for event in await histories(one)]
    assert times == sorted(times)
    assert times[0] == start + timedelta(seconds=10)
    assert times[-1] > times[0]


async def test_the_recorded_event_carries_all_that_was_given(store: FaultyStore) -> None:
    clock = MockClock()
    repository = repository_on(store, clock=clock)
    await repository.transact(
        STREAM,
        deposit(5),
        command_id="c",
        actor="operator/ž",
        correlation_id="order-1",
        causation_id="message-2",
    )
    [event] = await histories(repository)
    assert (event.stream, event.position, event.recorded_at) == (STREAM, 1, clock.now)
    assert (event.aggregate_type, event.aggregate_id) == ("test-account", "a")
    assert (event.name, event.version, event.event) == ("test-deposited", 1, Deposited(amount=5))
    assert (event.command_id, event.actor) == ("c", "operator/ž")
    assert (event.correlation_id, event.causation_id) == ("order-1", "message-2")


async def test_history_has_bounds_to_the_event(store: FaultyStore) -> None:
    repository = repository_on(store, RepositorySettings(snapshot_events=0, page_bytes=1))

    def decide(unit: UnitOfWork) -> None:
        for _ in range(3):
            unit.get(Account, "a").deposit(1)

    for _ in range(3):
        await repository.transact(STREAM, decide)
    for after in range(11):
        for upto in (*range(11), None):
            found = [
                event.position for event in await histories(repository, after=after, upto=upto)
            ]
            assert found == list(range(after + 1, min(9, 9 if upto is None else upto) + 1))
    for count in (0, 1, 4):
        taken: list[int] = []
        events = repository.history(STREAM)
        while len(taken) < count:
            taken.append((await anext(events)).position)
        await events.aclose()  # type: ignore[attr-defined]  # it is a generator
        assert taken == list(range(1, count + 1))


async def test_finished_aggregates_leave_the_state_and_the_snapshot(store: FaultyStore) -> None:
    def close(unit: UnitOfWork) -> None:
        unit.get(Account, "a").record(Closed())

    async with repository_on(store, ALWAYS) as repository:
        await repository.transact(STREAM, deposit(5))
        await repository.transact(STREAM, deposit(7, "b"))
        await repository.transact(STREAM, close)
    for reader in (repository_on(store), repository_on(store, ALWAYS)):
        view = await reader.load(STREAM)
        assert [account.id for account in view.all(Account)] == ["b"]
        assert view.get(Account, "a").balance == 0
        assert await reader.transact(STREAM, balance) == 0


async def test_aggregates_come_in_the_same_order_from_memory_and_replay(
    store: FaultyStore,
) -> None:
    def reopen(unit: UnitOfWork) -> list[str]:
        unit.get(Account, "a").record(Closed())
        unit.get(Account, "a").deposit(1)
        return [account.id for account in unit.all(Account)]

    warm = repository_on(store)
    for account in ("a", "b", "c"):
        await warm.transact(STREAM, deposit(1, account))
    together = [warm.transact(STREAM, reopen), warm.transact(STREAM, reopen)]
    assert await asyncio.gather(*together) == [["b", "c", "a"]] * 2
    for reader in (warm, repository_on(store), repository_on(store, ALWAYS)):
        view = await reader.load(STREAM)
        assert [account.id for account in view.all(Account)] == ["b", "c", "a"]


async def test_state_at_a_time_is_that_of_the_last_commit_until_then(store: FaultyStore) -> None:
    clock = MockClock()
    start = clock.now
    repository = repository_on(store, RepositorySettings(snapshot_events=2, page_bytes=1), clock)
    for _ in range(6):
        clock.advance(60)
        await repository.transact(STREAM, deposit(1))
    await repository.settle()
    for minutes in range(8):
        view = await repository.load(STREAM, at_time=start + timedelta(minutes=minutes))
        assert view.get(Account, "a").balance == min(minutes, 6)
        view = await repository.load(
            STREAM, at_time=start + timedelta(minutes=minutes, microseconds=-1)
        )
        assert view.get(Account, "a").balance == min(max(minutes - 1, 0), 6)
