"""From exceptions to problems."""

import uuid
from typing import Any

import msgspec
import pytest
import structlog
from litestar import Request
from litestar.exceptions import HTTPException, InternalServerException, TooManyRequestsException
from structlog.testing import capture_logs

from download_licensing.api.failures import Failures
from download_licensing.api.problems import KINDS
from download_licensing.domain import refusals
from download_licensing.domain.unmet import Unmet
from helenus import errors

UNMET = Unmet(
    reason="device-limit", limit=1, used=1, resets_at=None, remedy="Remove one.", detail="Full."
)


def respond(error: Exception) -> tuple[int, dict[str, Any], dict[str, str]]:
    scope: Any = {"type": "http", "method": "GET", "headers": []}
    request: Request[Any, Any, Any] = Request(scope)
    response = Failures(retry_after_s=9).respond(request, error)
    headers = {name: str(response.headers[name]) for name in response.headers}
    return response.status_code or 0, msgspec.json.decode(response.content), headers


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (refusals.DownloadRefused([UNMET]), 403, "device-limit"),
        (refusals.AccountNotFound("c"), 404, "account-not-found"),
        (refusals.LicenseNotFound("l"), 404, "license-not-found"),
        (refusals.DeviceNotFound("d"), 404, "device-not-found"),
        (refusals.TitleNotFound("t"), 404, "title-not-found"),
        (refusals.UnknownTitle("t"), 422, "title-unknown"),
        (refusals.UnknownPlan("p", ["basic"]), 422, "plan-unknown"),
        (refusals.UnknownTimeZone("Mars"), 422, "time-zone-unknown"),
        (refusals.AccountExists("c", "basic"), 409, "account-exists"),
        (refusals.LicenseReleased("l"), 409, "license-released"),
        (refusals.LicenseRevoked("l"), 409, "license-revoked"),
        (refusals.TitleWithdrawn("t"), 409, "title-withdrawn"),
        (refusals.LicenseElsewhere("l", "d"), 409, "license-elsewhere"),
        (refusals.KeyReused(), 422, "idempotency-key-reused"),
        (errors.CommandIdReused("k"), 422, "idempotency-key-reused"),
        (errors.InvalidArgument("a"), 400, "invalid-request"),
        (errors.LimitExceeded("l"), 422, "command-too-large"),
        (errors.Overloaded("o"), 503, "overloaded"),
        (errors.Conflict("s", 1, 2), 503, "overloaded"),
        (errors.StoreUnavailable("s"), 503, "store-unavailable"),
        (errors.StoreClosed("s"), 503, "store-unavailable"),
        (errors.StoreUnusable("s"), 503, "store-unavailable"),
        (errors.OutcomeUnknown("o", (uuid.uuid4(),)), 503, "outcome-unknown"),
        (errors.OutcomeUnreadable("o"), 503, "answer-unreadable"),
        (errors.CorruptData("c"), 503, "history-unreadable"),
        (errors.UnknownEvent("u"), 503, "history-unreadable"),
        (errors.DomainError("d"), 500, "internal-error"),
        (ZeroDivisionError(), 500, "internal-error"),
        (InternalServerException(), 500, "internal-error"),
        (TooManyRequestsException("slow"), 400, "invalid-request"),
        (HTTPException(status_code=405, headers={"allow": "GET"}), 405, "method-not-allowed"),
    ],
)
def test_each_exception_becomes_its_problem(error: Exception, status: int, reason: str) -> None:
    answered, problem, _ = respond(error)
    assert (answered, problem["status"], problem["type"]) == (
        *(status, status),
        f"/problems/{reason}",
    )
    for part in ("title", "detail", "remedy"):
        assert problem[part]


def test_every_refusal_has_a_problem() -> None:
    def reasons(kind: type[refusals.Refusal]) -> set[str]:
        below = [reasons(sub) for sub in kind.__subclasses__()]
        domain = kind.__module__ == refusals.__name__  # others are told on the command line
        return {kind.reason if domain else ""}.union(*below) - {""}

    assert reasons(refusals.Refusal) <= KINDS.keys()


def test_every_problem_says_what_to_do_or_its_refusal_does() -> None:
    told_by_the_refusal = {
        *("refused", "account-not-found", "license-not-found", "device-not-found"),
        *("title-not-found", "account-exists", "license-released", "title-unknown"),
        *("plan-unknown", "time-zone-unknown", "license-revoked", "license-elsewhere"),
        "title-withdrawn",
        *("policy-dates-overlap", "policy-first-too-late", "policy-in-force", "policy-not-found"),
        *("policy-overtaken", "policy-too-early", "policy-version-taken"),
    }
    assert {reason for reason, kind in KINDS.items() if not kind.remedy} == told_by_the_refusal


def test_what_may_be_tried_again_says_when() -> None:
    again = [
        errors.Overloaded("o"),
        errors.Conflict("s", 1, 2),
        errors.StoreUnavailable("s"),
        errors.OutcomeUnknown("o", ()),
    ]
    assert [respond(error)[2].get("Retry-After") for error in again] == ["9"] * 4
    never = [errors.OutcomeUnreadable("o"), errors.CorruptData("c")]
    assert [respond(error)[2].get("Retry-After") for error in never] == [None] * 2


def test_a_method_that_is_not_taken_says_which_are() -> None:
    error = HTTPException(status_code=405, headers={"allow": "PUT, GET"})
    assert respond(error)[2]["Allow"] == "GET, PUT"


def test_where_a_file_lies_is_not_told() -> None:
    for kind in (errors.StoreUnavailable, errors.CorruptData, errors.OutcomeUnreadable):
        _, problem, _ = respond(kind("/secret/path"))
        assert "secret" not in str(problem)


def test_a_failure_is_logged_without_the_customer_unless_what_is_stored_is_damaged() -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        respond(errors.Overloaded("Too many wait for stream 'customer/ada'."))
        respond(errors.CorruptData("Stream 'customer/ada' is damaged."))
    assert ["ada" in line["cause"] for line in lines] == [False, True]


def test_a_refusal_leaves_no_cycle_of_frames() -> None:
    try:
        raise refusals.AccountNotFound("c")
    except refusals.AccountNotFound as raised:
        error = raised
    respond(error)
    assert error.__traceback__ is None
