"""The timeline: a customer's history in words, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import msgspec

from download_licensing.debugging.errors import PositionBeyondHead
from download_licensing.debugging.sentences import sentence
from download_licensing.domain.refusals import AccountNotFound
from download_licensing.service.licensing import stream_of
from helenus.errors import InvalidArgument
from helenus.events import Event, RecordedEvent
from helenus.repository import AggregateRepository

ENTRIES_MAX = 10_000
"""Most entries of one page."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One event of a timeline.

    Attributes:
        position: in the customer's history.
        at: when it was decided, which came with the command; None: the event tells no time.
        recorded_at: when it was committed, by the clock of the service.
        aggregate_type: account, downloaded-title, device or license.
        aggregate_id: which of them.
        event: its name.
        sentence: what happened.
        commit_id: the same for events that one command recorded.
        command_id: the command's idempotency key.
        actor: who acted.
        correlation_id: the request's id.
    """

    position: int
    at: datetime | None
    recorded_at: datetime
    aggregate_type: str
    aggregate_id: str
    event: str
    sentence: str
    commit_id: UUID
    command_id: str | None
    actor: str | None
    correlation_id: str | None


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a timeline.

    Attributes:
        customer_id: whose.
        head: the position of the last event there is.
        next_after: the position to go on after; None: this page ends at the head.
        entries: in the order in which they happened.
    """

    customer_id: str
    head: int
    next_after: int | None
    entries: list[Entry]


async def timeline(
    repository: AggregateRepository,
    customer_id: str,
    *,
    after: int = 0,
    limit: int = 1_000,
) -> Timeline:
    """A page of a customer's timeline.

    Args:
        repository: of the customers' streams.
        customer_id: whose.
        after: a position; the page begins behind it.
        limit: most entries, 1 to `ENTRIES_MAX`.

    Raises:
        AccountNotFound: nothing was ever recorded for this customer.
        PositionBeyondHead: the history ends before `after`.
        helenus.InvalidArgument: `limit` is out of its range.
    """
    if not 1 <= limit <= ENTRIES_MAX:
        raise InvalidArgument(f"limit is 1 to {ENTRIES_MAX:,}, not {limit}.")
    head = await head_of(repository, customer_id)
    if after > head:
        raise PositionBeyondHead(after, head)
    upto = min(after + limit, head)
    found = [entry async for entry in entries(repository, customer_id, after=after, upto=upto)]
    return Timeline(
        customer_id=customer_id,
        head=head,
        next_after=upto if upto < head else None,
        entries=found,
    )


async def entries(
    repository: AggregateRepository, customer_id: str, *, after: int, upto: int
) -> AsyncIterator[Entry]:
    """The entries of a customer with ``after < position <= upto``, however many."""
    if upto <= after:
        return
    async for recorded in repository.history(stream_of(customer_id), after=after, upto=upto):
        yield entry_of(recorded)


async def head_of(repository: AggregateRepository, customer_id: str) -> int:
    """The position of the last event of a customer.

    Raises:
        AccountNotFound: nothing was ever recorded for this customer.
    """
    view = await repository.load(stream_of(customer_id))
    if not view.position:
        raise AccountNotFound(customer_id)
    return view.position


def entry_of(recorded: RecordedEvent[Event]) -> Entry:
    """An event as an entry of a timeline."""
    return Entry(
        position=recorded.position,
        at=decided_at(recorded.event),
        recorded_at=recorded.recorded_at,
        aggregate_type=recorded.aggregate_type,
        aggregate_id=recorded.aggregate_id,
        event=recorded.name,
        sentence=sentence(recorded.event, recorded.aggregate_id),
        commit_id=recorded.commit_id,
        command_id=recorded.command_id,
        actor=recorded.actor,
        correlation_id=recorded.correlation_id,
    )


def decided_at(event: Event) -> datetime | None:
    """The time of the decision that an event records; None: it tells no time."""
    at = getattr(event, "at", None)
    return at if isinstance(at, datetime) else None
