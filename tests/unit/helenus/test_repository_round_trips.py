"""How often a command asks the store, and what travels together."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from helenus.testing import (
    FaultyStore,
    Hold,
)
from tests.unit.helenus.bank import (
    STREAM,
    NotEnough,
    deposit,
    withdraw,
)
from tests.unit.helenus.repositories import NEVER, histories, repository_on


async def test_a_warm_command_reads_nothing(store: FaultyStore) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(1))
    store.calls.clear()
    for _ in range(5):
        await repository.transact(STREAM, deposit(1))
    assert store.calls == {"append": 5}


async def test_a_cold_command_loads_once_and_appends_once(store: FaultyStore) -> None:
    await repository_on(store).transact(STREAM, deposit(1))
    store.calls.clear()
    await repository_on(store).transact(STREAM, deposit(1))
    assert store.calls == {"read": 1, "append": 1}


async def test_a_warm_refusal_reads_the_head_once(store: FaultyStore) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(1))
    store.calls.clear()
    with pytest.raises(NotEnough):
        await repository.transact(STREAM, withdraw(2))
    assert store.calls == {"head": 1}


async def test_a_cold_refusal_reads_no_head(store: FaultyStore) -> None:
    await repository_on(store).transact(STREAM, deposit(1))
    store.calls.clear()
    with pytest.raises(NotEnough):
        await repository_on(store).transact(STREAM, withdraw(2))
    assert store.calls == {"read": 1}


async def test_a_warm_load_reads_the_head_once(store: FaultyStore) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(1))
    store.calls.clear()
    await repository.load(STREAM)
    assert store.calls == {"head": 1}


async def test_waiting_commands_travel_in_one_append(store: FaultyStore) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(1))
    hold = Hold()
    store.inject("append", hold)
    first = asyncio.ensure_future(repository.transact(STREAM, deposit(1)))
    await hold.reached.wait()
    others = [asyncio.ensure_future(repository.transact(STREAM, deposit(1))) for _ in range(50)]
    await asyncio.sleep(0)
    hold.release()
    assert await asyncio.gather(first, *others) == list(range(2, 53))
    assert store.calls["append"] == 3
    assert len({event.commit_id for event in await histories(repository)}) == 52


async def test_a_group_is_bounded_in_commands_and_bytes(store: FaultyStore) -> None:
    for bound in ({"group_commands_max": 10}, {"group_bytes_max": 1}):
        settings = msgspec.structs.replace(NEVER, **bound)
        repository = repository_on(store, settings)
        store.calls.clear()
        await asyncio.gather(*(repository.transact(STREAM, deposit(1)) for _ in range(40)))
        assert store.calls["append"] == (4 if "group_commands_max" in bound else 40)


async def test_a_refusal_in_a_group_is_confirmed_by_its_append(store: FaultyStore) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(10))
    store.calls.clear()
    answers = await asyncio.gather(
        *(repository.transact(STREAM, withdraw(4)) for _ in range(5)), return_exceptions=True
    )
    assert [type(a) for a in answers] == [int, int, NotEnough, NotEnough, NotEnough]
    assert store.calls == {"append": 1}


async def test_disjoint_streams_do_not_wait_for_each_other(store: FaultyStore) -> None:
    repository = repository_on(store)
    hold = Hold()
    store.inject("append", hold)
    stuck = asyncio.ensure_future(repository.transact("stuck", deposit(1)))
    await hold.reached.wait()
    assert await asyncio.wait_for(repository.transact(STREAM, deposit(1)), 10) == 1
    hold.release()
    await stuck
