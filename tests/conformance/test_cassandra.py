"""The Cassandra store conforms on a real node, by each driver and with buckets of any size."""

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
