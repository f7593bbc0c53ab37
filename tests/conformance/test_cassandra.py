"""The Cassandra store conforms on one real node, by each driver, and on three; any bucket size."""

import msgspec
import pytest

from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.testing.conformance import (
    DirectoryCases,
    DurableCases,
    MakeStore,
    SharedCases,
    StoreConformance,
)


class TestCassandraStore(StoreConformance, DirectoryCases, DurableCases, SharedCases):
    @pytest.fixture
    def make_store(self, on_each_driver: CassandraSettings) -> MakeStore:
        return lambda: CassandraStore(on_each_driver)


class TestCassandraStoreWithTinyBuckets(
    StoreConformance, DirectoryCases, DurableCases, SharedCases
):
    @pytest.fixture
    def make_store(self, on_each_driver: CassandraSettings) -> MakeStore:
        tiny = msgspec.structs.replace(on_each_driver, bucket_bytes=150, inline_bytes_max=100)
        return lambda: CassandraStore(tiny)


class TestCassandraStoreOnThreeNodes(StoreConformance, DirectoryCases, DurableCases, SharedCases):
    @pytest.fixture
    def make_store(self, empty_three_copies: CassandraSettings) -> MakeStore:
        return lambda: CassandraStore(empty_three_copies)


class TestCassandraStoreOnThreeNodesWithTinyBuckets(
    StoreConformance, DirectoryCases, DurableCases, SharedCases
):
    @pytest.fixture
    def make_store(self, empty_three_copies: CassandraSettings) -> MakeStore:
        tiny = msgspec.structs.replace(empty_three_copies, bucket_bytes=150, inline_bytes_max=100)
        return lambda: CassandraStore(tiny)
