"""Repositories for tests, on a store that counts and fails on demand."""

from __future__ import annotations

from typing import Any

from helenus import (
    AggregateRepository,
    RepositorySettings,
)
from helenus.testing import (
    FaultyStore,
    MockClock,
)
from tests.unit.helenus.bank import (
    AGGREGATES,
    STREAM,
    Account,
)

NEVER = RepositorySettings(snapshot_events=0)
ALWAYS = RepositorySettings(snapshot_events=1)


def repository_on(
    store: FaultyStore, settings: RepositorySettings | None = None, clock: MockClock | None = None
) -> AggregateRepository:
    return AggregateRepository(
        store, AGGREGATES, settings=settings or NEVER, clock=clock or MockClock()
    )


async def balance_of(repository: AggregateRepository, account: str = "a") -> int:
    return (await repository.load(STREAM)).get(Account, account).balance


async def histories(repository: AggregateRepository, **bounds: Any) -> list[Any]:
    return [event async for event in repository.history(STREAM, **bounds)]
