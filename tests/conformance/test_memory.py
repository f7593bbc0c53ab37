"""The memory store conforms."""

import pytest

from helenus.stores.memory import MemoryStore
from helenus.testing.conformance import DirectoryCases, FeedCases, MakeStore, StoreConformance


class TestMemoryStore(StoreConformance, FeedCases, DirectoryCases):
    @pytest.fixture
    def make_store(self) -> MakeStore:
        return MemoryStore
