"""Recorded events in the form that leaves the service."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from helenus.events import Event, RecordedEvent


class HistoryEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it was recorded.

    Attributes:
        position: 1, 2, 3 … in the customer's history, without gaps.
        aggregate_type: account, downloaded-title, device or license.
        aggregate_id: which of them.
        name: of the event.
        version: of its form.
        commit_id: the same for events that were recorded together.
        recorded_at: when; UTC.
        command_id: the Idempotency-Key of the command.
        actor: who acted.
        correlation_id: the X-Request-Id of the request.
        causation_id: the message that caused the command.
        data: the fields of the event.
    """

    position: int
    aggregate_type: str
    aggregate_id: str
    name: str
    version: int
    commit_id: UUID
    recorded_at: datetime
    command_id: str | None
    actor: str | None
    correlation_id: str | None
    causation_id: str | None
    data: dict[str, Any]


class History(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a customer's history.

    Attributes:
        customer_id: whose.
        head: the position of the last event there is.
        events: in order.
    """

    customer_id: str
    head: int
    events: list[HistoryEvent]


class TitleHistory(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the history of titles.

    Attributes:
        head: the position of the last event there is.
        events: in order; the aggregate is a title-withdrawal, its id the title's.
    """

    head: int
    events: list[HistoryEvent]


def history_event(recorded: RecordedEvent[Event]) -> HistoryEvent:
    """A recorded event in the form that leaves the service."""
    return HistoryEvent(
        position=recorded.position,
        aggregate_type=recorded.aggregate_type,
        aggregate_id=recorded.aggregate_id,
        name=recorded.name,
        version=recorded.version,
        commit_id=recorded.commit_id,
        recorded_at=recorded.recorded_at,
        command_id=recorded.command_id,
        actor=recorded.actor,
        correlation_id=recorded.correlation_id,
        causation_id=recorded.causation_id,
        data=msgspec.structs.asdict(recorded.event),
    )
