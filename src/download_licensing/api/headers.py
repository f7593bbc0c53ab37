"""What the headers of a request mean: the idempotency key and the time of the decision."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from download_licensing.api.gate import request_id_of
from download_licensing.api.problems import (
    FieldError,
    ProblemError,
    invalid_request,
    problem_of,
)
from download_licensing.api.requests import AnyRequest
from download_licensing.api.times import time_told
from helenus.service import CommandContext

IDEMPOTENCY_KEY = "Idempotency-Key"
REHEARSAL_TIME = "Rehearsal-Time"
KEY_CHARACTERS_MAX = 200

_KEY = re.compile(rb"[\x20-\x7e]{1,%d}" % KEY_CHARACTERS_MAX)


def command_context(request: AnyRequest, *, key_required: bool) -> CommandContext:
    """What comes with a command.

    Raises:
        ProblemError: the key is missing or cannot be used, or the time cannot be taken.
    """
    return CommandContext(
        at=decision_time(request),
        command_id=_key(request, required=key_required),
        correlation_id=request_id_of(request.scope),
    )


def decision_time(request: AnyRequest) -> datetime:
    """The time a command or query is decided at: now, or in a rehearsal what the request says.

    Raises:
        ProblemError: a time was sent outside a rehearsal, or it cannot be used.
    """
    values = _values(request, b"rehearsal-time")
    if not values:
        return datetime.now(UTC)
    if not request.app.state.rehearsal:
        raise ProblemError(
            problem_of("rehearsal-off", "The header Rehearsal-Time counts in a rehearsal only.")
        )
    if len(values) > 1:
        raise ProblemError(
            invalid_request([FieldError(field=REHEARSAL_TIME, message="comes more than once")])
        )
    return time_told(values[0].decode("latin-1"), REHEARSAL_TIME)


def require_sound_time(request: AnyRequest) -> None:
    """Refuse a time that `decision_time` would, where the answer is the same at any time.

    Raises:
        ProblemError: see `decision_time`.
    """
    decision_time(request)


def _key(request: AnyRequest, *, required: bool) -> str | None:
    values = _values(request, b"idempotency-key")
    if not values:
        if required:
            raise ProblemError(
                problem_of("idempotency-key-missing", "This operation needs an Idempotency-Key.")
            )
        return None
    if len(values) > 1 or not _KEY.fullmatch(values[0]):
        raise ProblemError(
            problem_of(
                "idempotency-key-invalid",
                f"A key has 1 to {KEY_CHARACTERS_MAX} printable ASCII characters, and comes once.",
            )
        )
    return values[0].decode("ascii")


def _values(request: AnyRequest, name: bytes) -> list[bytes]:
    return [value for key, value in request.scope["headers"] if key == name]
