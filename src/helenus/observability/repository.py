"""A repository that makes a span of each command and of each load."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from helenus.aggregates import Aggregate
from helenus.clock import Clock
from helenus.observability.spans import tell
from helenus.repository import AggregateRepository
from helenus.settings import RepositorySettings
from helenus.state import StreamView
from helenus.store import EventStore
from helenus.unit_of_work import UnitOfWork

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

T = TypeVar("T")


class ObservedRepository(AggregateRepository):
    """See `AggregateRepository`. Spans of its store, and of what drivers do, are their children.

    Args:
        store: an open store; the repository does not close it.
        aggregates: the aggregate types that may occur in its streams.
        tracer: makes the spans.
        settings: see `RepositorySettings`.
        clock: tells the time that is recorded.
    """

    def __init__(
        self,
        store: EventStore,
        aggregates: Iterable[type[Aggregate]],
        *,
        tracer: Tracer,
        settings: RepositorySettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        super().__init__(store, aggregates, settings=settings, clock=clock)
        self._tracer = tracer

    async def transact(
        self,
        stream: str,
        decide: Callable[[UnitOfWork], T],
        *,
        command_id: str | None = None,
        returns: Any = None,
        fingerprint: bytes = b"",
        actor: str | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
    ) -> T:
        """See `AggregateRepository.transact`."""
        with self._span("helenus.transact"):
            return await super().transact(
                stream,
                decide,
                command_id=command_id,
                returns=returns,
                fingerprint=fingerprint,
                actor=actor,
                correlation_id=correlation_id,
                causation_id=causation_id,
            )

    async def load(
        self, stream: str, *, at_position: int | None = None, at_time: datetime | None = None
    ) -> StreamView:
        """See `AggregateRepository.load`."""
        with self._span("helenus.load"):
            return await super().load(stream, at_position=at_position, at_time=at_time)

    @contextmanager
    def _span(self, name: str) -> Iterator[None]:
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                tell(span, error)
                raise
