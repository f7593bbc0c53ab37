"""Each limit of a repository lets through what just fits, and refuses one unit more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import msgspec
import pytest

from helenus import AggregateRepository, EventStore, LimitExceeded, RepositorySettings, UnitOfWork
from helenus.errors import Outcome
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from helenus.testing.conformance.fixtures import stored
from tests.unit.helenus.bank import AGGREGATES, STREAM, Account, Opened, deposit

NEVER = RepositorySettings(snapshot_events=0)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EventStore]:
    opened = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "events.db")
    async with opened as entered:
        yield entered


def repository_of(store: EventStore, **limits: int) -> AggregateRepository:
    settings = msgspec.structs.replace(NEVER, **limits)
    return AggregateRepository(store, AGGREGATES, settings=settings)


def open_account(unit: UnitOfWork) -> None:
    unit.get(Account, "a").record(Opened(owner="Ada Lovelace"))


def deposits(count: int) -> Callable[[UnitOfWork], None]:
    def decide(unit: UnitOfWork) -> None:
        for _ in range(count):
            unit.get(Account, "a").deposit(1)

    return decide


async def test_a_commit_may_have_as_many_bytes_as_the_limit_says(store: EventStore) -> None:
    async with repository_of(store) as repository:
        await repository.transact("measured", open_account)
    (measured,) = await stored(store, "measured")
    size = measured.size_bytes
    async with repository_of(store, commit_bytes_max=size - 1) as tight:
        with pytest.raises(LimitExceeded, match=rf"{size:,} bytes.*commit_bytes_max") as refused:
            await tight.transact(STREAM, open_account)
    assert refused.value.outcome is Outcome.DID_NOT_HAPPEN
    assert await stored(store, STREAM) == []
    async with repository_of(store, commit_bytes_max=size) as wide:
        await wide.transact(STREAM, open_account)
    assert [one.size_bytes for one in await stored(store, STREAM)] == [size]


@pytest.mark.parametrize("limit", [1, 7])
async def test_a_commit_may_have_as_many_events_as_the_limit_says(
    store: EventStore, limit: int
) -> None:
    async with repository_of(store, commit_events_max=limit) as repository:
        with pytest.raises(LimitExceeded, match="commit_events_max"):
            await repository.transact(STREAM, deposits(limit + 1))
        assert (await store.head(STREAM)).position == 0
        await repository.transact(STREAM, deposits(limit))
        assert (await store.head(STREAM)).position == limit


@pytest.mark.parametrize("events", [1, 4])
async def test_a_snapshot_is_taken_at_the_event_that_the_limit_says(
    store: EventStore, events: int
) -> None:
    async with repository_of(store, snapshot_events=events) as repository:
        for _ in range(events - 1):
            await repository.transact(STREAM, deposit(1))
    assert await store.load_snapshot(STREAM) is None
    async with repository_of(store, snapshot_events=events) as repository:
        await repository.transact(STREAM, deposit(1))
    kept = await store.load_snapshot(STREAM)
    assert kept is not None
    assert kept.position == events
