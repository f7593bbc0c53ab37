"""The Cassandra store conforms, on a real node, also where every few commits fill a bucket."""

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
    def make_store(self, empty_installation: CassandraSettings) -> MakeStore:
        return lambda: CassandraStore(empty_installation)


class TestCassandraStoreWithTinyBuckets(
    StoreConformance, DirectoryCases, DurableCases, SharedCases
):
    @pytest.fixture
    def make_store(self, empty_installation: CassandraSettings) -> MakeStore:
        tiny = msgspec.structs.replace(empty_installation, bucket_bytes=150, inline_bytes_max=100)
        return lambda: CassandraStore(tiny)
