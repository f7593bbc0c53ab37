"""A memory store that counts its calls and fails on demand."""

from collections.abc import AsyncIterator

import pytest

from helenus.stores.memory import MemoryStore
from helenus.testing import FaultyStore


@pytest.fixture
async def store() -> AsyncIterator[FaultyStore]:
    async with MemoryStore() as memory:
        yield FaultyStore(memory)
