"""The states a repository keeps are bounded, and none is needed."""

from __future__ import annotations

import pytest

from helenus import (
    RepositorySettings,
)
from helenus.testing import (
    FaultyStore,
)
from tests.unit.helenus.bank import (
    STREAM,
    NotEnough,
    deposit,
    withdraw,
)
from tests.unit.helenus.repositories import repository_on


async def test_the_cache_keeps_the_streams_used_last(store: FaultyStore) -> None:
    settings = RepositorySettings(snapshot_events=0, cache_streams_max=2)
    repository = repository_on(store, settings)
    for stream in ("one", "two", "one", "three"):
        await repository.transact(stream, deposit(1))
    assert repository.statistics().cached_streams == 2
    store.calls.clear()
    await repository.transact("one", deposit(1))
    assert store.calls == {"append": 1}
    await repository.transact("two", deposit(1))
    assert store.calls["read"] == 1


async def test_the_cache_is_bounded_in_bytes(store: FaultyStore) -> None:
    settings = RepositorySettings(snapshot_events=0, cache_bytes_max=50_000)
    repository = repository_on(store, settings)
    for number in range(200):
        await repository.transact(f"customer/{number}", deposit(1))
        assert repository.statistics().cached_bytes <= 50_000
    assert 0 < repository.statistics().cached_streams < 200


async def test_a_repository_works_without_any_room_for_states(store: FaultyStore) -> None:
    settings = RepositorySettings(snapshot_events=2, cache_bytes_max=1)
    repository = repository_on(store, settings)
    for number in range(1, 8):
        assert await repository.transact(STREAM, deposit(1), command_id=f"c{number}") == number
        assert await repository.transact(STREAM, deposit(1), command_id=f"c{number}") == number
        with pytest.raises(NotEnough):
            await repository.transact(STREAM, withdraw(100))
    assert repository.statistics().cached_bytes == 0
