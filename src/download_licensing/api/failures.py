"""From every exception that can end a request to the problem that the caller is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from litestar import Response
from litestar.exceptions import HTTPException

from download_licensing.api.gate import request_id_of
from download_licensing.api.problems import (
    NO_HEADERS,
    FieldError,
    Problem,
    ProblemError,
    invalid_request,
    problem_of,
    refused,
    response_of,
)
from download_licensing.api.requests import AnyRequest
from download_licensing.api.wording import readable
from download_licensing.domain.refusals import DownloadRefused, Refusal
from helenus.errors import (
    CodecError,
    CommandIdReused,
    Conflict,
    HelenusError,
    InvalidArgument,
    LimitExceeded,
    OutcomeUnknown,
    OutcomeUnreadable,
    Overloaded,
    StoreError,
)

Handler = Callable[[AnyRequest, Exception], Response[bytes]]

_log = structlog.get_logger("download_licensing.api")

# The first that fits holds, so the special stand before the general.
_REASONS: tuple[tuple[type[HelenusError], str], ...] = (
    (CommandIdReused, "idempotency-key-reused"),
    (OutcomeUnknown, "outcome-unknown"),
    (OutcomeUnreadable, "answer-unreadable"),
    (Overloaded, "overloaded"),
    (Conflict, "overloaded"),
    (StoreError, "store-unavailable"),
    (LimitExceeded, "command-too-large"),
    (CodecError, "history-unreadable"),
)
# The framework's own messages name files and streams, so they stay in the log, but for one: that of
# a command over a limit says which.
_DETAILS = {
    "idempotency-key-reused": "This key came before with another command of this customer.",
    "overloaded": "More commands wait than can be carried out soon.",
    "outcome-unknown": "The store did not say whether the command was written.",
    "answer-unreadable": "The command was carried out before; what it answered cannot be read.",
    "store-unavailable": "The store did not take the request; nothing was written.",
    "history-unreadable": "What is stored for this customer cannot be read.",
}
_BY_STATUS = {
    404: "not-found",
    405: "method-not-allowed",
    413: "body-too-large",
    415: "unsupported-media-type",
}


class Failures:
    """Turns exceptions into responses.

    Args:
        retry_after_s: what answers that say "not now" carry as Retry-After, in seconds.
    """

    def __init__(self, *, retry_after_s: int) -> None:
        self._retry = {"Retry-After": str(retry_after_s)}

    def handlers(self) -> dict[int | type[Exception], Handler]:
        """What Litestar calls for an exception."""
        return {Exception: self.respond}

    def respond(self, request: AnyRequest, error: Exception) -> Response[bytes]:
        """The response to a request that ended with this exception."""
        problem, headers = self._explain(error)
        if problem.status >= 500:
            _report(request, problem, error)
        # The traceback's frames hold the exception: without this each refusal leaves a cycle of a
        # hundred objects to the garbage collector, whose pauses the slowest requests wait for.
        error.__traceback__ = None
        return response_of(problem, headers)

    def _explain(self, error: Exception) -> tuple[Problem, Mapping[str, str]]:
        match error:
            case ProblemError():
                return error.problem, error.headers
            case DownloadRefused():
                return refused(error), NO_HEADERS
            case Refusal():
                return problem_of(error.reason, error.detail, error.remedy), NO_HEADERS
            case InvalidArgument():
                wrong = FieldError(field="request", message=str(error))
                return invalid_request([wrong]), NO_HEADERS
            case HelenusError():
                return self._explain_framework(error)
            case HTTPException():
                return _explain_http(error), _allow(error)
            case _:
                return problem_of("internal-error", "The request ended with an error."), NO_HEADERS

    def _explain_framework(self, error: HelenusError) -> tuple[Problem, Mapping[str, str]]:
        for kind, reason in _REASONS:
            if isinstance(error, kind):
                detail = _DETAILS.get(reason) or str(error.args[0])
                problem = problem_of(reason, detail)
                waits = reason in {"overloaded", "store-unavailable", "outcome-unknown"}
                return problem, self._retry if waits else NO_HEADERS
        return problem_of("internal-error", "The request ended with an error."), NO_HEADERS


def _explain_http(error: HTTPException) -> Problem:
    if isinstance(error.extra, list) and error.extra:
        parts = [part for part in error.extra if part.get("key") != "data"]
        # Where another part fails, a body that may be missing is named as well: leave it out.
        return invalid_request([_field_error(part) for part in parts or error.extra])
    if missing := _MISSING.search(error.detail):
        return invalid_request([FieldError(field=missing[1], message="is missing")])
    reason = _BY_STATUS.get(error.status_code)
    if reason is not None:
        return problem_of(reason, _HTTP_DETAILS[reason])
    if error.status_code < 500 or "disconnected" in error.detail:
        return invalid_request([FieldError(field="request", message=error.detail)])
    return problem_of("internal-error", "The request ended with an error.")


def _field_error(part: dict[str, Any]) -> FieldError:
    field = str(part.get("key", "request"))
    if field == "data":
        return FieldError(field="body", message="is missing; send a JSON object")
    return FieldError(field=field, message=readable(str(part.get("message", ""))))


_CUSTOMER = re.compile(r"customer/[A-Za-z0-9._~-]+")
_MISSING = re.compile(r"^Missing required \w+ parameter '(\w+)'")
_HTTP_DETAILS = {
    "not-found": "No operation has this path.",
    "method-not-allowed": "The operation at this path has another method.",
    "body-too-large": "The body is over the limit of this service.",
    "unsupported-media-type": "The body's type is not application/json.",
}


def _allow(error: HTTPException) -> Mapping[str, str]:
    allowed = {name.lower(): value for name, value in (error.headers or {}).items()}.get("allow")
    return {"Allow": ", ".join(sorted(allowed.split(", ")))} if allowed else NO_HEADERS


def _report(request: AnyRequest, problem: Problem, error: Exception) -> None:
    report = _log.error if problem.status == 500 else _log.warning
    report(
        "request failed",
        request_id=request_id_of(request.scope),
        method=request.method,
        route=request.scope.get("path_template", ""),
        problem=problem.type,
        error=type(error).__name__,
        cause=_cause(error),
        exc_info=error if problem.status == 500 else None,
    )


def _cause(error: Exception) -> str:
    """The error's message without the customer, but for damage: that is mended by its address."""
    message = str(error)
    return message if isinstance(error, CodecError) else _CUSTOMER.sub("customer/…", message)
