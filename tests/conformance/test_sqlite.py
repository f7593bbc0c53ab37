"""The SQLite store conforms, also when several are open on one file."""

from pathlib import Path

import pytest

from helenus.stores.sqlite import SqliteStore
from helenus.testing.conformance import (
    DirectoryCases,
    DurableCases,
    FeedCases,
    MakeStore,
    SharedCases,
    SharedFeedCases,
    StoreConformance,
)


class TestSqliteStore(
    StoreConformance, FeedCases, DirectoryCases, DurableCases, SharedCases, SharedFeedCases
):
    @pytest.fixture
    def make_store(self, tmp_path: Path) -> MakeStore:
        return lambda: SqliteStore(tmp_path / "events.db")
