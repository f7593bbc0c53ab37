"""For pytest: stores, a repository and a clock. Needs `pytest` and `pytest-asyncio`.

Load them all in a ``conftest.py``, and say there which aggregates the repository knows::

    pytest_plugins = ["helenus.testing.fixtures"]


    @pytest.fixture
    def aggregates():
        return [Account]

The repository works on `counting_store`, which works on `faulty_store`, which works on
`event_store`. That is `memory_store` unless a ``conftest.py``, a module or a class has an
`event_store` of its own, such as one that returns `sqlite_store`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from helenus.aggregates import Aggregate
from helenus.repository import AggregateRepository
from helenus.settings import RepositorySettings
from helenus.store import EventStore
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from helenus.testing.clock import MockClock
from helenus.testing.counting import CountingStore
from helenus.testing.faults import FaultyStore


@pytest.fixture
def mock_clock() -> MockClock:
    """A clock that stands still until the test moves it."""
    return MockClock()


@pytest_asyncio.fixture
async def memory_store() -> AsyncIterator[MemoryStore]:
    """An open memory store, empty."""
    async with MemoryStore() as store:
        yield store


@pytest_asyncio.fixture
async def sqlite_store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """An open SQLite store on a file of its own in `tmp_path`."""
    async with SqliteStore(tmp_path / "events.db") as store:
        yield store


@pytest.fixture
def event_store(memory_store: MemoryStore) -> EventStore:
    """What all else works on; define your own to put it on another store."""
    return memory_store


@pytest.fixture
def faulty_store(event_store: EventStore) -> FaultyStore:
    """Fails as the test injects; what it did not inject goes through."""
    return FaultyStore(event_store)


@pytest.fixture
def counting_store(faulty_store: FaultyStore) -> CountingStore:
    """Counts what the repository asks."""
    return CountingStore(faulty_store)


@pytest.fixture
def aggregates() -> Sequence[type[Aggregate]]:
    """The aggregates of `repository`: yours to define."""
    pytest.fail(
        "Define a fixture `aggregates` that returns your aggregate classes: the `repository` of"
        " helenus.testing.fixtures asks for it.",
        pytrace=False,
    )


@pytest.fixture
def repository_settings() -> RepositorySettings:
    """The settings of `repository`; define your own to change them."""
    return RepositorySettings()


@pytest_asyncio.fixture
async def repository(
    counting_store: CountingStore,
    aggregates: Sequence[type[Aggregate]],
    repository_settings: RepositorySettings,
    mock_clock: MockClock,
) -> AsyncIterator[AggregateRepository]:
    """A repository on `counting_store`, by `mock_clock`."""
    async with AggregateRepository(
        counting_store, aggregates, settings=repository_settings, clock=mock_clock
    ) as opened:
        yield opened
