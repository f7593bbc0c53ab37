"""A real node, and a store on it whose statements can be lost."""

import msgspec
import pytest

from helenus.stores.cassandra import CassandraSettings


@pytest.fixture
def small_buckets(on_each_driver: CassandraSettings) -> CassandraSettings:
    return msgspec.structs.replace(on_each_driver, bucket_bytes=600)
