"""helenus: event sourcing for Python, on Apache Cassandra and on embedded SQLite.

Write event types, aggregates and a service; choose a store where the program is put together.
"""

from helenus.aggregates import Aggregate, applies
from helenus.clock import Clock, SystemClock
from helenus.codec import Codec
from helenus.errors import (
    CodecError,
    CommandIdReused,
    CommandRefused,
    Conflict,
    CorruptData,
    DefinitionError,
    DomainError,
    HelenusError,
    InvalidArgument,
    LimitExceeded,
    Outcome,
    OutcomeUnknown,
    OutcomeUnreadable,
    Overloaded,
    StoreClosed,
    StoreError,
    StoreUnavailable,
    StoreUnusable,
    UnknownEvent,
)
from helenus.events import Event, RecordedEvent, upcast
from helenus.repository import AggregateRepository, Statistics
from helenus.service import AggregateService, Command, CommandContext, handles
from helenus.settings import RepositorySettings
from helenus.state import StreamView
from helenus.store import Commit, EventFeed, EventStore, FeedEntry, Head, Page, Snapshot
from helenus.unit_of_work import UnitOfWork

__all__ = [
    "Aggregate",
    "AggregateRepository",
    "AggregateService",
    "Clock",
    "Codec",
    "CodecError",
    "Command",
    "CommandContext",
    "CommandIdReused",
    "CommandRefused",
    "Commit",
    "Conflict",
    "CorruptData",
    "DefinitionError",
    "DomainError",
    "Event",
    "EventFeed",
    "EventStore",
    "FeedEntry",
    "Head",
    "HelenusError",
    "InvalidArgument",
    "LimitExceeded",
    "Outcome",
    "OutcomeUnknown",
    "OutcomeUnreadable",
    "Overloaded",
    "Page",
    "RecordedEvent",
    "RepositorySettings",
    "Snapshot",
    "Statistics",
    "StoreClosed",
    "StoreError",
    "StoreUnavailable",
    "StoreUnusable",
    "StreamView",
    "SystemClock",
    "UnitOfWork",
    "UnknownEvent",
    "applies",
    "handles",
    "upcast",
]
