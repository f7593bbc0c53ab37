"""The store conformance suite: what every adapter of the store port must do.

Subclass `StoreConformance`, and give it a fixture `make_store`:

    class TestMyStore(StoreConformance, FeedCases, DurableCases, SharedCases):
        @pytest.fixture
        def make_store(self, tmp_path: Path) -> MakeStore:
            return lambda: MyStore(tmp_path / "data")

Each call makes a store that is not open yet; all of one test are on the same, at first empty, data.
`FeedCases` are for stores that are an `EventFeed`, `DirectoryCases` for those that are a
`StreamDirectory`, `DurableCases` for those whose data outlives
them, `SharedCases` (and `SharedFeedCases`) for those of which several may be open on the same data.
The cases are coroutines: they need pytest-asyncio (in its mode ``auto``, or mark
the class). A store that does nothing fails every one of them, which helenus' own tests prove.
"""

from __future__ import annotations

from helenus.testing.conformance.appends import AppendCases
from helenus.testing.conformance.concurrency import ConcurrencyCases
from helenus.testing.conformance.directory import DirectoryCases
from helenus.testing.conformance.feed import FeedCases, SharedFeedCases
from helenus.testing.conformance.fixtures import MakeStore
from helenus.testing.conformance.lifecycle import DurableCases, LifecycleCases, SharedCases
from helenus.testing.conformance.reads import ReadCases
from helenus.testing.conformance.snapshots import SnapshotCases

__all__ = [
    "DirectoryCases",
    "DurableCases",
    "FeedCases",
    "MakeStore",
    "SharedCases",
    "SharedFeedCases",
    "StoreConformance",
    "cases",
]


class StoreConformance(AppendCases, ReadCases, SnapshotCases, ConcurrencyCases, LifecycleCases):
    """All that holds for every store."""


def cases(suite: type) -> list[str]:
    """The names of a suite's cases."""
    return sorted(name for name in dir(suite) if name.startswith("test_"))
