"""What operators see of the framework: spans, and counts of what was done.

Nothing here is on unless the program wraps its store and its repository, and nothing here holds a
stream's name, an event or a message: they may be personal.

    async with ObservedStore(SqliteStore(path), tracer=tracer) as store:
        repository = ObservedRepository(store, AGGREGATES, tracer=tracer)
        registry.register(StatisticsCollector("shop", {"store": store.statistics}))

`StatisticsCollector` is in `helenus.observability.prometheus`.
"""

from helenus.observability.durations import BOUNDS_S, Durations
from helenus.observability.repository import ObservedRepository
from helenus.observability.spans import SPANS
from helenus.observability.store import ObservedStore, OperationStatistics, StoreStatistics

__all__ = [
    "BOUNDS_S",
    "SPANS",
    "Durations",
    "ObservedRepository",
    "ObservedStore",
    "OperationStatistics",
    "StoreStatistics",
]
