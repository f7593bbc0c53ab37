"""The SQLite store conforms, also when several are open on one file."""

from pathlib import Path

import pytest

from helenus.stores.sqlite import SqliteStore
from helenus.testing.conformance import (
    DurableCases,
    FeedCases,
    MakeStore,
    SharedCases,
    SharedFeedCases,
    StoreConformance,
)


class TestSqliteStore(StoreConformance, FeedCases, DurableCases, SharedCases, SharedFeedCases):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        return lambda: SqliteStore(tmp_path / "events.db")
