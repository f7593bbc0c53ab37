"""Whether the service is well: for those, and the programs, that keep it running."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec
from litestar import MediaType, Response, get
from prometheus_client import CONTENT_TYPE_LATEST

from download_licensing.api.documentation import problem_responses
from download_licensing.api.problems import ProblemError, problem_of
from download_licensing.api.requests import AnyRequest
from helenus.errors import HelenusError

_PROBE = "health/readiness"
"""A stream that no customer has: reading its head asks the store and touches nothing."""


class Health(msgspec.Struct, frozen=True):
    """How the service is.

    Attributes:
        status: live: the process answers; ready: it can carry out commands.
    """

    status: Literal["live", "ready"]


@get(
    "/health/live",
    summary="Is the process alive?",
    tags=["health"],
    operation_id="getLiveness",
    sync_to_thread=False,
)
def live() -> Health:
    """Whether the process answers. If it does not, start it anew."""
    return Health("live")


@get(
    "/health/ready",
    summary="Can it carry out commands?",
    tags=["health"],
    operation_id="getReadiness",
    responses=problem_responses("store-unavailable"),
)
async def ready(request: AnyRequest) -> Health:
    """Whether the store answers in time. If it does not, send requests elsewhere for now."""
    state = request.app.state
    try:
        async with asyncio.timeout(state.readiness_timeout_s):
            await state.store.head(_PROBE)
    except TimeoutError:
        detail = f"The store did not answer within {state.readiness_timeout_s:g} s."
        raise ProblemError(problem_of("store-unavailable", detail), state.retry) from None
    except HelenusError as error:
        detail = f"The store cannot be read ({type(error).__name__}): {error}"
        raise ProblemError(problem_of("store-unavailable", detail), state.retry) from None
    if not state.policies.policies.position:
        detail = "Which policy is in force was not read from the store yet."
        raise ProblemError(problem_of("store-unavailable", detail), state.retry)
    return Health("ready")


@get(
    "/metrics",
    summary="Metrics",
    tags=["health"],
    operation_id="getMetrics",
    media_type=MediaType.TEXT,
    sync_to_thread=False,
)
def metrics(request: AnyRequest) -> Response[bytes]:
    """All metrics in the Prometheus text format."""
    return Response(request.app.state.metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


HEALTH = (live, ready, metrics)
