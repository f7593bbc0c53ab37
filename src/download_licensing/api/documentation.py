"""What OpenAPI says beyond the handlers' signatures: headers, examples, every problem response."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Response, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin, YamlRenderPlugin
from litestar.openapi.spec import (
    Example,
    OpenAPIResponse,
    Operation,
    Parameter,
    Reference,
    Schema,
    Tag,
)
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from download_licensing.api.headers import IDEMPOTENCY_KEY, KEY_CHARACTERS_MAX, REHEARSAL_TIME
from download_licensing.api.problems import (
    KINDS,
    PROBLEM_MEDIA_TYPE,
    FieldError,
    InvalidRequest,
    Problem,
    Refused,
    UnsoundPolicy,
    invalid_request,
    problem_of,
    refused,
    response_of,
)
from download_licensing.domain.refusals import DownloadRefused
from download_licensing.domain.unmet import Unmet

DESCRIPTION = """\
Accounts for the licences of offline downloads: grants, counts, refuses, renews and releases them.

Every answer that is not a success is a problem (RFC 9457) whose `type` names the reason and whose
`remedy` says what to do next. A command that was answered is on disk. A 503 says whether it took
effect: only `outcome-unknown` leaves that open, and repeating the command under its
`Idempotency-Key` settles it.
"""

TAGS = [
    Tag(name="accounts", description="A customer's account and devices."),
    Tag(name="licences", description="Download permissions and what becomes of them."),
    Tag(name="tokens", description="What verifies the tokens of grants."),
    Tag(name="history", description="What was recorded."),
    Tag(
        name="administration",
        description="For billing and operators: standing, blocks, policies, histories explained.",
    ),
    Tag(name="health", description="Whether the service is well, and its metrics."),
]

_DETAILED: Mapping[str, Any] = {
    "invalid-request": InvalidRequest | Problem,
    "policy-unsound": UnsoundPolicy | Problem,
}
_EVERY_OPERATION = ("invalid-request", "rehearsal-off", "store-unavailable", "overloaded")
_EVERY_COMMAND = ("idempotency-key-invalid", "idempotency-key-reused", "outcome-unknown")
_EVERY_BODY = ("malformed-json", "body-too-large", "unsupported-media-type")


def openapi(version: str) -> OpenAPIConfig:
    """The document's frame, served as JSON and YAML. No page that loads scripts from elsewhere."""
    return OpenAPIConfig(
        title="Download licensing",
        version=version,
        description=DESCRIPTION,
        tags=TAGS,
        openapi_router=Router(
            "/schema",
            route_handlers=[],
            include_in_schema=False,
            after_request=_not_found_as_problem,
        ),
        render_plugins=[JsonRenderPlugin(), YamlRenderPlugin()],
        use_handler_docstrings=True,
    )


def _not_found_as_problem(response: Response[Any]) -> Response[Any]:
    """Litestar answers other paths below the document's with a page of its own."""
    if response.status_code != KINDS["not-found"].status:
        return response
    return response_of(problem_of("not-found", "No document has this path."))


def query_problems(*reasons: str) -> Mapping[int, ResponseSpec]:
    """The problem responses of a query."""
    return problem_responses(*_EVERY_OPERATION, *reasons)


def command_problems(
    *reasons: str, key: bool = True, body: bool = True, rules: bool = False
) -> Mapping[int, ResponseSpec]:
    """The problem responses of a command.

    Args:
        reasons: those of this command alone.
        key: whether it needs an idempotency key.
        body: whether it takes a body.
        rules: whether rules can refuse it.
    """
    common = (*_EVERY_OPERATION, *_EVERY_COMMAND, *(_EVERY_BODY if body else ()))
    needed = ("idempotency-key-missing",) if key else ()
    responses = dict(problem_responses(*common, *needed, *reasons))
    if rules:
        responses[403] = ResponseSpec(
            Refused,
            generate_examples=False,
            media_type=PROBLEM_MEDIA_TYPE,
            description="Rules are not met; `unmet` lists all of them.",
            examples=[Example(summary="device-limit", value=_builtins(refused(_REFUSAL)))],
        )
    return responses


def problem_responses(*reasons: str) -> Mapping[int, ResponseSpec]:
    """The problem responses for these reasons, by status."""
    by_status: dict[int, list[str]] = {}
    for reason in dict.fromkeys(reasons):
        by_status.setdefault(KINDS[reason].status, []).append(reason)
    return {
        status: ResponseSpec(
            next((_DETAILED[reason] for reason in of_status if reason in _DETAILED), Problem),
            generate_examples=False,
            media_type=PROBLEM_MEDIA_TYPE,
            description="; ".join(f"`{reason}`: {KINDS[reason].title}" for reason in of_status),
            examples=[Example(summary=reason, value=_example(reason)) for reason in of_status],
        )
        for status, of_status in by_status.items()
    }


def _example(reason: str) -> Any:
    if reason == "invalid-request":
        error = FieldError(field="device_id", message="is missing")
        return _builtins(invalid_request([error]))
    kind = KINDS[reason]
    return _builtins(problem_of(reason, f"{kind.title}.", kind.remedy or "…"))


def _builtins(problem: Problem) -> Any:
    return msgspec.to_builtins(problem)


_UNMET = Unmet(
    reason="device-limit",
    rule="device-limit",
    limit=2,
    used=2,
    resets_at=None,
    frees="the place of another device, when its last licence ends",
    remedy="Delete all downloads on one device, or remove a device from the account.",
    detail="Downloads are on 2 devices already; the plan allows 2.",
)
_REFUSAL = DownloadRefused(
    [_UNMET],
    policy_version="2026-03",
    at=datetime(2026, 3, 1, 18, 30, tzinfo=UTC),
    position=12,
)

_TEXT = Schema(type=OpenAPIType.STRING)


@dataclass
class TimedOperation(Operation):
    """An operation that a rehearsal may set the time of."""

    def __post_init__(self) -> None:
        self.parameters = [*(self.parameters or []), _REHEARSAL, _REQUEST_ID]
        _let_alternatives_overlap(self.responses or {})


@dataclass
class KeyedOperation(TimedOperation):
    """An operation that needs an idempotency key."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parameters = [*(self.parameters or []), _key(required=True)]


@dataclass
class KeyableOperation(TimedOperation):
    """An operation that takes an idempotency key and can do without."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.parameters = [*(self.parameters or []), _key(required=False)]


def _let_alternatives_overlap(responses: Mapping[str, OpenAPIResponse | Reference]) -> None:
    """Say `anyOf` where Litestar says `oneOf`: an invalid request is a problem as well."""
    for response in responses.values():
        for content in (getattr(response, "content", None) or {}).values():
            if isinstance(content.schema, Schema) and content.schema.one_of:
                content.schema = Schema(any_of=content.schema.one_of)


def _key(*, required: bool) -> Parameter:
    return Parameter(
        name=IDEMPOTENCY_KEY,
        param_in="header",
        required=required,
        schema=Schema(
            type=OpenAPIType.STRING,
            min_length=1,
            max_length=KEY_CHARACTERS_MAX,
            pattern=r"^[\x20-\x7e]+$",
        ),
        description="Names this command of this customer: repeated under the same key it takes"
        " effect once and gets the first answer.",
    )


_REHEARSAL = Parameter(
    name=REHEARSAL_TIME,
    param_in="header",
    schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
    description="The time of the decision. Only in a service started with `rehearsal`.",
)
_REQUEST_ID = Parameter(
    name="X-Request-Id",
    param_in="header",
    schema=_TEXT,
    description="Your id of this request, 1 to 100 of `A-Za-z0-9._~-`; any other is replaced. It is"
    " given back, logged, and recorded as correlation id.",
)
