"""The Cassandra store conforms on one real node and on three, by each driver; any bucket size."""

import uuid
from typing import ClassVar

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
from tests.conformance.own_streams import NEED_BARE_NAMES, NEED_EMPTY_TABLES, OwnStreams
from tests.conftest import DRIVERS


class CassandraConformance(StoreConformance, DirectoryCases, DurableCases, SharedCases):
    """All cases, each in streams of its own, or in empty tables where it needs them."""

    changes: ClassVar[dict[str, int]] = {}

    def stores(self, request: pytest.FixtureRequest, place: str, **changes: str) -> MakeStore:
        case = request.node.originalname
        prefix = "" if case in NEED_BARE_NAMES | NEED_EMPTY_TABLES else f"{uuid.uuid4().hex}/"
        if case in NEED_EMPTY_TABLES:
            place = f"empty_{place}"
        settings: CassandraSettings = request.getfixturevalue(place)
        settings = msgspec.structs.replace(settings, **self.changes, **changes)
        return lambda: OwnStreams(CassandraStore(settings), prefix)


class TestCassandraStore(CassandraConformance):
    @pytest.fixture(params=DRIVERS)
    def make_store(self, request: pytest.FixtureRequest) -> MakeStore:
        return self.stores(request, "installation", driver=request.param)


class TestCassandraStoreWithTinyBuckets(TestCassandraStore):
    changes: ClassVar = {"bucket_bytes": 150, "inline_bytes_max": 100}


class TestCassandraStoreOnThreeNodes(CassandraConformance):
    @pytest.fixture(params=DRIVERS)
    def make_store(self, request: pytest.FixtureRequest) -> MakeStore:
        return self.stores(request, "three_copies", driver=request.param)


class TestCassandraStoreOnThreeNodesWithTinyBuckets(TestCassandraStoreOnThreeNodes):
    changes: ClassVar = {"bucket_bytes": 150, "inline_bytes_max": 100}
