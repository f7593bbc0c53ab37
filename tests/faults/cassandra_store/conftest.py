"""A real node, and a store on it whose statements can be lost."""

import msgspec
import pytest

from helenus.stores.cassandra import CassandraSettings


@pytest.fixture
def small_buckets(empty_installation: CassandraSettings) -> CassandraSettings:
    return msgspec.structs.replace(empty_installation, bucket_bytes=600)
