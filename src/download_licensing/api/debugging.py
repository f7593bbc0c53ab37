"""The operations that explain one customer to those who run the service. They only read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, get
from litestar.params import QueryParameter

from download_licensing.api.admin import CUSTOMER
from download_licensing.api.documentation import TimedOperation, query_problems
from download_licensing.api.headers import decision_time, in_calendar
from download_licensing.api.parameters import POSITION_MAX, AfterInQuery, CustomerInPath
from download_licensing.debugging import states
from download_licensing.debugging.states import Changes, Moment, StateAt
from download_licensing.debugging.timeline import Timeline, timeline
from helenus.repository import AggregateRepository

AnyRequest = Request[Any, Any, Any]

PAGE_MAX = 1_000

LimitInQuery = Annotated[
    int, QueryParameter(ge=1, le=PAGE_MAX, description="Most of each kind in the answer.")
]
PositionInQuery = Annotated[
    int | None,
    QueryParameter(ge=0, le=POSITION_MAX, description="A position in the customer's history."),
]
TimeInQuery = Annotated[
    datetime | None,
    QueryParameter(description="A time with its zone; what was recorded up to then counts."),
]
AggregateInQuery = Annotated[
    str | None,
    QueryParameter(max_length=100, description="Only aggregates of this type, such as `license`."),
]

_HISTORY = ("account-not-found", "history-unreadable")
_MOMENT = ("position-beyond-head", "time-before-history")


@get(
    f"{CUSTOMER}/timeline",
    summary="The history in words",
    tags=["operations"],
    operation_id="getTimeline",
    operation_class=TimedOperation,
    responses=query_problems(*_HISTORY, "position-beyond-head"),
)
async def get_timeline(
    request: AnyRequest,
    customer_id: CustomerInPath,
    after: AfterInQuery = 0,
    limit: LimitInQuery = 100,
) -> Timeline:
    """What happened to a customer, a sentence for each event, oldest first."""
    decision_time(request)
    return await timeline(_repository(request), customer_id, after=after, limit=limit)


@get(
    f"{CUSTOMER}/state",
    summary="The state at a moment",
    tags=["operations"],
    operation_id="getState",
    operation_class=TimedOperation,
    responses=query_problems(*_HISTORY, *_MOMENT),
)
async def get_state(
    request: AnyRequest,
    customer_id: CustomerInPath,
    *,
    position: PositionInQuery = None,
    time: TimeInQuery = None,
    aggregate: AggregateInQuery = None,
    limit: LimitInQuery = 100,
) -> StateAt:
    """Every aggregate as it stood at a position or a time; without either, as it stands."""
    decision_time(request)
    moment = _moment(position, time, "time")
    return await states.state_at(
        _repository(request), customer_id, moment, of=aggregate, limit=limit
    )


@get(
    f"{CUSTOMER}/changes",
    summary="What changed between two moments",
    tags=["operations"],
    operation_id="getChanges",
    operation_class=TimedOperation,
    responses=query_problems(*_HISTORY, *_MOMENT, "moments-not-in-order"),
)
async def get_changes(
    request: AnyRequest,
    customer_id: CustomerInPath,
    *,
    from_position: PositionInQuery = None,
    from_time: TimeInQuery = None,
    to_position: PositionInQuery = None,
    to_time: TimeInQuery = None,
    limit: LimitInQuery = 100,
) -> Changes:
    """What happened between two moments, and what came of it.

    Without a first moment it begins before the first event, without a second one it ends at the
    head.
    """
    decision_time(request)
    before = _moment(from_position, from_time, "from_time")
    return await states.changes(
        _repository(request),
        customer_id,
        before if before != states.HEAD else Moment(position=0),
        _moment(to_position, to_time, "to_time"),
        limit=limit,
    )


def _moment(position: int | None, time: datetime | None, field: str) -> Moment:
    return Moment(position=position, time=None if time is None else in_calendar(time, field))


def _repository(request: AnyRequest) -> AggregateRepository:
    repository: AggregateRepository = request.app.state.licensing.repository
    return repository


DEBUGGING = (get_timeline, get_state, get_changes)
