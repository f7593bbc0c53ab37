"""The operations that explain one customer to those who run the service. They only read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from download_licensing.api.documentation import TimedOperation, query_problems
from download_licensing.api.headers import require_sound_time
from download_licensing.api.parameters import POSITION_MAX, AfterInQuery, CustomerInPath
from download_licensing.api.paths import ADMIN_CUSTOMER
from download_licensing.api.requests import AnyRequest
from download_licensing.api.times import TimeInQuery, time_if_told
from download_licensing.debugging.debugger import Debugger, NotedRefusals, PolicyVerdict
from download_licensing.debugging.states import HEAD, Changes, Moment, StateAt
from download_licensing.debugging.timeline import Timeline
from download_licensing.debugging.why import Explanation, Question
from download_licensing.domain.ids import ID_CHARACTERS_MAX, ID_PATTERN, LICENSE_ID_PATTERN
from download_licensing.policies.document import VERSION_PATTERN

PAGE_MAX = 1_000
LINES_MEDIA_TYPE = "application/jsonl"

LimitInQuery = Annotated[
    int, QueryParameter(ge=1, le=PAGE_MAX, description="Most of each kind in the answer.")
]
PositionInQuery = Annotated[
    int | None,
    QueryParameter(ge=0, le=POSITION_MAX, description="A position in the customer's history."),
]
AggregateInQuery = Annotated[
    str | None,
    QueryParameter(max_length=100, description="Only aggregates of this type, such as `license`."),
]

DeviceAsked = Annotated[
    str | None,
    QueryParameter(
        pattern=ID_PATTERN, max_length=ID_CHARACTERS_MAX, description="Of a new download."
    ),
]
TitleAsked = Annotated[
    str | None,
    QueryParameter(
        pattern=ID_PATTERN, max_length=ID_CHARACTERS_MAX, description="Of a new download."
    ),
]
LicenseAsked = Annotated[
    str | None,
    QueryParameter(pattern=LICENSE_ID_PATTERN, description="The licence to be extended."),
]
LatestInQuery = Annotated[
    int,
    QueryParameter(
        ge=1, le=PAGE_MAX, description="Which refusal: 1 the last one, 2 the one before it."
    ),
]
PolicyInQuery = Annotated[
    str | None,
    QueryParameter(
        pattern=VERSION_PATTERN, description="A version of the policy. Default: the one in force."
    ),
]

_HISTORY = ("account-not-found", "history-unreadable")
_MOMENT = ("position-beyond-head", "time-before-history")


@get(
    f"{ADMIN_CUSTOMER}/timeline",
    summary="The history in words",
    tags=["administration"],
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
    require_sound_time(request)
    return await _debugger(request).timeline(customer_id, after=after, limit=limit)


@get(
    f"{ADMIN_CUSTOMER}/state",
    summary="The state at a moment",
    tags=["administration"],
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
    require_sound_time(request)
    moment = _moment(position, time, "time")
    return await _debugger(request).state(customer_id, moment, of=aggregate, limit=limit)


@get(
    f"{ADMIN_CUSTOMER}/changes",
    summary="What changed between two moments",
    tags=["administration"],
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
    require_sound_time(request)
    before = _moment(from_position, from_time, "from_time")
    return await _debugger(request).changes(
        customer_id,
        before if before != HEAD else Moment(position=0),
        _moment(to_position, to_time, "to_time"),
        limit=limit,
    )


@get(
    f"{ADMIN_CUSTOMER}/refusals",
    summary="What was refused",
    tags=["administration"],
    operation_id="listRefusals",
    operation_class=TimedOperation,
    responses=query_problems(*_HISTORY),
)
async def list_refusals(
    request: AnyRequest, customer_id: CustomerInPath, limit: LimitInQuery = 100
) -> NotedRefusals:
    """The latest refusals of a customer that were noted, the last one first."""
    require_sound_time(request)
    return await _debugger(request).refusals(customer_id, limit=limit)


@get(
    f"{ADMIN_CUSTOMER}/why",
    summary="Why is it refused?",
    tags=["administration"],
    operation_id="explainDecision",
    operation_class=TimedOperation,
    responses=query_problems(
        *_HISTORY,
        *("position-beyond-head", "license-not-found", "license-released", "license-revoked"),
        *("title-not-found", "policy-version-unknown", "no-policy-then", "nothing-refused"),
    ),
)
async def explain_decision(
    request: AnyRequest,
    customer_id: CustomerInPath,
    *,
    device_id: DeviceAsked = None,
    title_id: TitleAsked = None,
    license_id: LicenseAsked = None,
    latest: LatestInQuery = 1,
    position: PositionInQuery = None,
    at: TimeInQuery = None,
    policy: PolicyInQuery = None,
) -> Explanation:
    """Decide a question again, and tell what each rule saw and which events its numbers came from.

    The question is about a device and a title, or about a licence; without any, it is that of the
    latest refusal that was noted, exactly as it was decided.
    """
    require_sound_time(request)
    question = Question(
        device_id=device_id,
        title_id=title_id,
        license_id=license_id,
        position=position,
        at=time_if_told(at, "at"),
        policy_version=policy,
    )
    return await _debugger(request).why(customer_id, question, latest=latest)


@get(
    f"{ADMIN_CUSTOMER}/what-if",
    summary="What would a policy have said?",
    tags=["administration"],
    operation_id="judgeDecisions",
    operation_class=TimedOperation,
    responses=query_problems(*_HISTORY, "policy-version-unknown"),
)
async def judge_decisions(
    request: AnyRequest,
    customer_id: CustomerInPath,
    *,
    policy: PolicyInQuery = None,
    since: TimeInQuery = None,
    limit: LimitInQuery = 100,
) -> PolicyVerdict:
    """Judge every recorded decision of a customer by a policy, each at its own moment.

    The policy is taken as if it had always been in force; without one, it is at each time the one
    in force then.
    """
    require_sound_time(request)
    debugger = _debugger(request)
    return await debugger.what_if_customer(
        customer_id,
        None if policy is None else debugger.policies.named(policy),
        since=time_if_told(since, "since"),
        told_max=limit,
    )


@get(
    f"{ADMIN_CUSTOMER}/bundle",
    media_type=LINES_MEDIA_TYPE,
    summary="The case in a file",
    tags=["administration"],
    operation_id="getBundle",
    operation_class=TimedOperation,
    response_description="Lines of JSON; the last one says that they are whole.",
    responses=query_problems(*_HISTORY),
)
async def get_bundle(request: AnyRequest, customer_id: CustomerInPath) -> Stream:
    """The customer's events, policies and decisions, masked, to be replayed anywhere."""
    require_sound_time(request)
    lines = _debugger(request).bundle(customer_id)
    first = await anext(lines)

    async def whole() -> AsyncIterator[bytes]:
        yield first
        async for line in lines:
            yield line

    return Stream(whole(), media_type=LINES_MEDIA_TYPE)


def _moment(position: int | None, time: str | None, field: str) -> Moment:
    return Moment(position=position, time=time_if_told(time, field))


def _debugger(request: AnyRequest) -> Debugger:
    debugger: Debugger = request.app.state.debugger
    return debugger


DEBUGGING = (
    get_timeline,
    get_state,
    get_changes,
    list_refusals,
    explain_decision,
    judge_decisions,
    get_bundle,
)
