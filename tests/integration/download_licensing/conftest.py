from collections.abc import AsyncIterator

import pytest

from download_licensing.service.licensing import AGGREGATES, LicensingService
from helenus import AggregateRepository
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.member import Member, service_of


@pytest.fixture
async def service() -> AsyncIterator[LicensingService]:
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        yield service_of(repository)


@pytest.fixture
def member(service: LicensingService) -> Member:
    return Member(service)
