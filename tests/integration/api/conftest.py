"""The whole service in this process, on each store."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.settings import Settings
from helenus.store import EventStore
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from tests.integration.api.asgi_client import AsgiClient

POLICY = Path(__file__).with_name("policy.yaml")
CATALOGUE = b"""
plans:
  basic: {name: Basic}
  standard: {name: Standard}
titles:
  harbour: {name: Harbour, studio: Tide}
  meadow: {name: Meadow, studio: Tide}
  summit: {name: Summit, studio: Peak}
"""


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue.parse(CATALOGUE, "test")


@pytest.fixture
def settings() -> Settings:
    return Settings(rehearsal=True, policy=POLICY)


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EventStore]:
    opening = MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "s.sqlite3")
    async with opening as opened:
        yield opened


@pytest.fixture
async def client(
    store: EventStore, settings: Settings, catalogue: Catalogue
) -> AsyncIterator[AsgiClient]:
    async with open_api(settings, catalogue, store) as api:
        yield AsgiClient(api.gate)
