"""A decision on a state that is no longer the head is never committed (G2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from helenus import (
    Conflict,
    Outcome,
    RepositorySettings,
    StreamView,
)
from helenus.testing import (
    ConflictOnce,
    FaultyStore,
    MockClock,
)
from tests.unit.helenus.bank import (
    STREAM,
    Account,
    NotEnough,
    deposit,
    withdraw,
)
from tests.unit.helenus.repositories import balance_of, repository_on


async def test_a_conflict_is_decided_again_on_the_new_state(store: FaultyStore) -> None:
    one, other = repository_on(store), repository_on(store)
    await one.transact(STREAM, deposit(10))
    assert await other.transact(STREAM, withdraw(6)) == 4
    with pytest.raises(NotEnough):
        await one.transact(STREAM, withdraw(6))
    assert await one.transact(STREAM, withdraw(4)) == 0
    assert one.statistics().conflicts == 1
    assert await other.transact(STREAM, deposit(1)) == 1
    assert other.statistics().conflicts == 1


async def test_attempts_are_bounded_and_wait_longer_each_time(store: FaultyStore) -> None:
    clock = MockClock()
    began = clock.now_us()
    repository = repository_on(store, RepositorySettings(attempts_max=3, backoff_s=0.5), clock)
    await repository.transact(STREAM, deposit(1))
    store.calls.clear()
    store.inject("append", *[ConflictOnce()] * 3)
    with pytest.raises(Conflict) as caught:
        await repository.transact(STREAM, deposit(1))
    assert caught.value.outcome is Outcome.DID_NOT_HAPPEN
    assert store.calls["append"] == 3
    assert clock.now_us() - began <= (0.5 + 1.0) * 1_000_000
    assert await repository.transact(STREAM, deposit(1)) == 2


async def test_a_refusal_on_a_stale_state_is_decided_again(store: FaultyStore) -> None:
    one, other = repository_on(store), repository_on(store)
    await one.transact(STREAM, deposit(1))
    await other.transact(STREAM, deposit(9))
    assert await one.transact(STREAM, withdraw(10)) == 0


async def test_a_load_sees_what_another_repository_acknowledged(store: FaultyStore) -> None:
    one, other = repository_on(store), repository_on(store)
    await one.transact(STREAM, deposit(1))
    await other.transact(STREAM, deposit(9))
    assert await balance_of(one) == 10


async def test_a_view_is_not_changed_by_later_commits(store: FaultyStore) -> None:
    one, other = repository_on(store), repository_on(store)
    await one.transact(STREAM, deposit(1))
    view = await one.load(STREAM)
    await other.transact(STREAM, deposit(1))
    assert await balance_of(one) == 2  # caught up with events of another repository
    await one.transact(STREAM, deposit(1))
    assert await balance_of(one) == 3
    assert (view.position, view.get(Account, "a").balance) == (1, 1)
    view.get(Account, "a").balance = 7
    assert view.get(Account, "a").balance == 1


async def test_a_view_taken_among_waiting_commands_is_of_one_position(store: FaultyStore) -> None:
    clock = MockClock()
    repository = repository_on(store, clock=clock)
    await repository.transact(STREAM, deposit(1))
    clock.advance(5)
    loads: list[Any] = []
    for _ in range(3):
        loads += [repository.transact(STREAM, deposit(1)), repository.load(STREAM)]
    for answer in await asyncio.gather(*loads):
        if isinstance(answer, StreamView):
            assert answer.position == answer.get(Account, "a").balance
            assert answer.recorded_at == clock.now
    assert await balance_of(repository) == 4
