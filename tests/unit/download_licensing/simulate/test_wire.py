"""Calls as HTTP, and which answers to them are against the contract."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from download_licensing.simulate.calls import Call
from download_licensing.simulate.oracle.answers import Problem, Refusal
from download_licensing.simulate.wire import (
    HttpResponse,
    Violation,
    read_answer,
    read_not_now,
    to_http,
)

AT = datetime(2026, 1, 1, tzinfo=UTC)
JSON = {"content-type": "application/json"}
PROBLEM = {"content-type": "application/problem+json"}
UNMET = {"reason": "device-limit", "rule": "device-limit", "limit": 1, "used": 1, "resets_at": None}
DECIDED = {"policy_version": "v1", "at": AT, "position": 7}
REFUSAL = {"type": "/problems/device-limit", "status": 403, **UNMET, "unmet": [UNMET], **DECIDED}


def call(kind: Any = "request", **about: Any) -> Call:
    named = {
        "key": "k",
        "license_id": "lic-1",
        "device_id": "tv",
        "title_id": "t",
        "plan": "basic",
        "device_time": AT,
        **about,
    }
    return msgspec.structs.replace(Call(kind=kind, customer_id="anna", at=AT), **named)


def answer(status: int, body: object, headers: dict[str, str] = PROBLEM) -> HttpResponse:
    return HttpResponse(status, headers, msgspec.json.encode(body))


@pytest.mark.parametrize(
    ("kind", "line", "body"),
    [
        ("open", "PUT /v1/customers/anna/account", b'{"plan":"basic"}'),
        ("request", "POST /v1/customers/anna/licenses", b'{"device_id":"tv","title_id":"t"}'),
        ("renew", "POST /v1/customers/anna/licenses/lic-1/renewals", b"{}"),
        (
            "play",
            "POST /v1/customers/anna/licenses/lic-1/plays",
            b'{"played_at":"2026-01-01T00:00:00Z"}',
        ),
        (
            "release",
            "POST /v1/customers/anna/licenses/lic-1/release",
            b'{"released_at":"2026-01-01T00:00:00Z"}',
        ),
        ("remove", "DELETE /v1/customers/anna/devices/tv", None),
        ("license", "GET /v1/customers/anna/licenses/lic-1", None),
        ("devices", "GET /v1/customers/anna/devices", None),
        ("allowance", "GET /v1/customers/anna/allowance?title_id=t&device_id=tv", None),
    ],
)
def test_every_call_has_its_line_and_body(kind: str, line: str, body: bytes | None) -> None:
    request = to_http(call(kind))
    assert (f"{request.method} {request.path}", request.body) == (line, body)
    assert request.headers["rehearsal-time"] == "2026-01-01T00:00:00+00:00"
    assert request.headers["idempotency-key"] == "k"
    assert ("content-type" in request.headers) == (body is not None)


def test_a_query_has_no_key() -> None:
    assert "idempotency-key" not in to_http(call("devices", key="")).headers


def test_a_refusal_is_read() -> None:
    body = read_answer(call(), answer(403, REFUSAL))
    assert isinstance(body, Refusal)
    assert body.unmet[0].reason == "device-limit"


def test_a_problem_that_goes_with_the_call_is_read() -> None:
    problem = {"type": "/problems/license-released", "title": "Released", "status": 409}
    assert isinstance(read_answer(call("renew"), answer(409, problem)), Problem)


@pytest.mark.parametrize(
    ("asked", "response"),
    [
        (call(), answer(500, REFUSAL)),
        (call(), answer(409, REFUSAL)),
        (call("play"), answer(403, REFUSAL)),
        (call(), answer(403, REFUSAL, JSON)),
        (call(), answer(403, {**REFUSAL, "limit": "1"})),
        (call(), answer(403, {**REFUSAL, "limit": 2})),
        (call(), answer(403, {**REFUSAL, "unmet": []})),
        (call(), answer(403, {**REFUSAL, "type": "/problems/other"})),
        (call(), answer(201, {"license_id": "lic-1"}, JSON)),
        (call(), HttpResponse(201, JSON, b"{")),
        (call("renew"), answer(409, {"type": "/problems/other", "title": "", "status": 409})),
        (call(reuses_key=True), answer(403, REFUSAL)),
        (call("remove"), answer(200, {"device_id": "phone", "released_licenses": []}, JSON)),
    ],
    ids=[
        *("500", "409", "403 for a play", "media type", "type of a field", "first not repeated"),
        *("no unmet rule", "problem type", "missing fields", "no JSON", "other problem"),
        *("key reused, yet decided", "other device"),
    ],
)
def test_an_answer_against_the_contract_is_refused(asked: Call, response: HttpResponse) -> None:
    with pytest.raises(Violation):
        read_answer(asked, response)


def test_a_503_says_when_to_come_back() -> None:
    problem = {"type": "/problems/overloaded", "title": "Not now", "status": 503}
    unknown = {**problem, "type": "/problems/outcome-unknown"}
    assert read_not_now(answer(503, problem, {**PROBLEM, "retry-after": "7"})) == 7
    assert read_not_now(answer(503, unknown)) == 0


@pytest.mark.parametrize(
    ("kind", "headers"),
    [("overloaded", PROBLEM), ("other", {**PROBLEM, "retry-after": "1"}), ("overloaded", JSON)],
    ids=["no Retry-After", "other problem", "media type"],
)
def test_a_503_against_the_contract_is_refused(kind: str, headers: dict[str, str]) -> None:
    problem = {"type": f"/problems/{kind}", "title": "Not now", "status": 503}
    with pytest.raises(Violation):
        read_not_now(answer(503, problem, headers))
