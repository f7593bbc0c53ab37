"""Problem details (RFC 9457): the one form of every answer that is not a success."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

import msgspec
from litestar import Response

from download_licensing.documents import PROBLEMS_SHOWN_MAX, DocumentError
from download_licensing.domain.refusals import DownloadRefused
from download_licensing.domain.unmet import Unmet

PROBLEM_MEDIA_TYPE = "application/problem+json"
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong.

    Attributes:
        type: `/problems/` and the reason, for programs.
        title: the kind of problem, the same for all problems of a type.
        status: of the response.
        detail: what is the matter with this request.
        remedy: what the caller can do next.
    """

    type: str
    title: str
    status: int
    detail: str
    remedy: str


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one part of a request.

    Attributes:
        field: a field of the body, a parameter of the path or query, or a header.
        message: what is wrong with it.
    """

    field: str
    message: str


class InvalidRequest(Problem, frozen=True, kw_only=True):
    """A request with parts that cannot be used; all of them are listed."""

    errors: tuple[FieldError, ...]


class Refused(Problem, frozen=True, kw_only=True):
    """A request that does not meet every rule. The first unmet one is repeated at the top.

    Attributes:
        reason: what is the matter.
        rule: the rule, as policies name it.
        limit: the most that the rule allows; null: it does not count.
        used: the use so far; null: the rule does not count.
        resets_at: when the rule would allow it if nothing else happened; null: never by waiting.
        frees: what becomes free then, or what is wanted, as a phrase.
        unmet: every rule that is not met.
        policy_version: of the policy that it was decided by.
        at: the time it was decided as of.
        position: of the customer's last event that it was decided on.
    """

    reason: str
    rule: str
    limit: int | None
    used: int | None
    resets_at: datetime | None
    frees: str
    unmet: tuple[Unmet, ...]
    policy_version: str = ""
    at: datetime | None = None
    position: int = 0


class PolicyProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to correct in a policy document.

    Attributes:
        line: from 1 on; null: nowhere in particular.
        column: in characters, from 1 on.
        path: of the entry, its keys joined by dots.
        message: what is wrong, and what to do.
    """

    line: int | None
    column: int | None
    path: str
    message: str


class UnsoundPolicy(Problem, frozen=True, kw_only=True):
    """A policy document that cannot be published; the one in force stays.

    Attributes:
        errors: the first of what is to correct, in the order of the document.
        errors_found: how many there are.
    """

    errors: tuple[PolicyProblem, ...]
    errors_found: int


class Kind(msgspec.Struct, frozen=True):
    """What all problems of one type share."""

    status: int
    title: str
    remedy: str


_SEE_LIST = "See the list of operations at /."
_LATER = "Nothing was written. Send it again after the seconds in Retry-After."

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "malformed-json": Kind(400, "The body is not JSON", "Send one JSON object, in UTF-8."),
        "invalid-request": Kind(
            400, "The request has parts that cannot be used", "Correct what `errors` lists."
        ),
        "idempotency-key-missing": Kind(
            400,
            "The Idempotency-Key is missing",
            "Send a key of your own, new for each command; repeat it when you repeat the command.",
        ),
        "idempotency-key-invalid": Kind(
            400,
            "The Idempotency-Key cannot be used",
            "Send one key of 1 to 200 printable ASCII characters.",
        ),
        "rehearsal-off": Kind(
            400,
            "This service does not take the time from requests",
            "Leave the header Rehearsal-Time out, or start the service with rehearsal = true.",
        ),
        "refused": Kind(403, "The download is not permitted now", ""),
        "not-found": Kind(404, "There is nothing at this path", _SEE_LIST),
        "account-not-found": Kind(404, "There is no such account", ""),
        "license-not-found": Kind(404, "There is no such licence", ""),
        "device-not-found": Kind(404, "There is no such device", ""),
        "title-not-found": Kind(404, "There is no such title", ""),
        "policy-not-found": Kind(404, "There is no such policy", ""),
        "method-not-allowed": Kind(
            405, "The path does not take this method", "Use a method of the header Allow."
        ),
        "account-exists": Kind(409, "The account is open with another plan or region", ""),
        "license-released": Kind(409, "The licence was released", ""),
        "title-withdrawn": Kind(409, "The title was withdrawn", ""),
        "license-elsewhere": Kind(409, "The licence is on another device", ""),
        "license-revoked": Kind(409, "The licence was revoked", ""),
        "policy-version-taken": Kind(409, "The version stands for another policy", ""),
        "policy-overtaken": Kind(409, "Another policy was published meanwhile", ""),
        "policy-dates-overlap": Kind(409, "The dates of two policies overlap", ""),
        "policy-in-force": Kind(409, "The policy cannot be taken back any more", ""),
        "body-too-large": Kind(413, "The body is too large", "Send a smaller body."),
        "unsupported-media-type": Kind(
            415, "The body is of another type", "Send JSON, with Content-Type: application/json."
        ),
        "policy-unsound": Kind(
            422, "The policy cannot be published", "Correct what `errors` lists."
        ),
        "policy-too-early": Kind(422, "The policy would take effect too early", ""),
        "policy-first-too-late": Kind(422, "The first policy has to hold at once", ""),
        "position-beyond-head": Kind(
            422, "The history is not that long", "Name a position within the history."
        ),
        "time-before-history": Kind(422, "Nothing had been recorded yet", "Name a later time."),
        "moments-not-in-order": Kind(
            422, "The later moment was named first", "Name the earlier moment first."
        ),
        "policy-version-unknown": Kind(
            422, "There is no policy of this version", "Name a version that was published."
        ),
        "no-policy-then": Kind(422, "No policy was in force then", "Name the version to judge by."),
        "nothing-refused": Kind(
            422, "No such refusal was noted", "Ask about a device and a title, or a licence."
        ),
        "title-unknown": Kind(422, "The title is not in the catalogue", ""),
        "time-zone-unknown": Kind(422, "There is no such time zone", ""),
        "plan-unknown": Kind(422, "The plan is not in the catalogue", ""),
        "idempotency-key-reused": Kind(
            422,
            "The Idempotency-Key was used for another command",
            "Send a new command under a new key; repeat a key only for the very same command.",
        ),
        "command-too-large": Kind(
            422, "The command is over a limit", "Nothing was written. Ask for less at once."
        ),
        "internal-error": Kind(
            500, "The service failed", "Report the X-Request-Id; its cause is in the log."
        ),
        "overloaded": Kind(503, "The service has too much to do", _LATER),
        "store-unavailable": Kind(503, "The store cannot be used now", _LATER),
        "outcome-unknown": Kind(
            503,
            "The command may have taken effect",
            "Repeat it with the same Idempotency-Key: it takes effect once.",
        ),
        "answer-unreadable": Kind(
            503,
            "The command took effect, but its answer cannot be read",
            "Do not send it again; read the licence or the history.",
        ),
        "history-unreadable": Kind(
            503,
            "The history of this customer cannot be read",
            "Report the X-Request-Id; other customers are not affected.",
        ),
    }
)


class ProblemError(Exception):
    """Ends a request with a problem.

    Attributes:
        problem: the answer.
        headers: to go with it.
    """

    def __init__(self, problem: Problem, headers: Mapping[str, str] = NO_HEADERS) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.headers = headers


def problem_of(reason: str, detail: str, remedy: str = "") -> Problem:
    """A problem of one of `KINDS`."""
    kind = KINDS[reason]
    return Problem(
        type=f"/problems/{reason}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        remedy=remedy or kind.remedy,
    )


def invalid_request(errors: Sequence[FieldError]) -> InvalidRequest:
    """The problem of a request with parts that cannot be used."""
    base = problem_of("invalid-request", f"{errors[0].field}: {errors[0].message}")
    return InvalidRequest(**msgspec.structs.asdict(base), errors=tuple(errors))


def refused(refusal: DownloadRefused) -> Refused:
    """The problem of a request that does not meet every rule."""
    first = refusal.unmet[0]
    kind = KINDS["refused"]
    return Refused(
        type=f"/problems/{first.reason}",
        title=kind.title,
        status=kind.status,
        detail=first.detail,
        remedy=first.remedy,
        reason=first.reason,
        rule=first.rule,
        limit=first.limit,
        used=first.used,
        resets_at=first.resets_at,
        frees=first.frees,
        unmet=refusal.unmet,
        policy_version=refusal.policy_version,
        at=refusal.at,
        position=refusal.position,
    )


def unsound_policy(error: DocumentError) -> UnsoundPolicy:
    """The problem of a document that cannot be published."""
    errors = [
        PolicyProblem(
            line=problem.place.line if problem.place else None,
            column=problem.place.column if problem.place else None,
            path=problem.path,
            message=problem.message,
        )
        for problem in error.problems
    ]
    base = problem_of("policy-unsound", error.problems[0].shown(error.source))
    return UnsoundPolicy(
        **msgspec.structs.asdict(base),
        errors=tuple(errors[:PROBLEMS_SHOWN_MAX]),
        errors_found=len(errors),
    )


def response_of(problem: Problem, headers: Mapping[str, str] = NO_HEADERS) -> Response[bytes]:
    """The response that carries a problem."""
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=PROBLEM_MEDIA_TYPE,
        headers=dict(headers),
    )
