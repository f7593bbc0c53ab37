"""The calls in HTTP, and which answers to them the contract allows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from download_licensing.simulate.calls import Call
from download_licensing.simulate.oracle import answers
from download_licensing.simulate.oracle.answers import Body, decode_body
from download_licensing.simulate.oracle.journal import CallKind

Statuses = Mapping[int, tuple[str, ...]]

# For each call the statuses that are right, errors with the problem types that go with them.
_RIGHT: Mapping[CallKind, Statuses] = {
    "open": {200: (), 201: (), 409: ("account-exists",)},
    "plan": {200: ()},
    "region": {200: ()},
    "standing": {200: ()},
    "block": {200: ()},
    "unblock": {200: ()},
    "request": {201: (), 409: ("title-withdrawn",)},
    "renew": {200: (), 409: ("license-released", "license-revoked", "title-withdrawn")},
    "play": {200: ()},
    "session": {200: ()},
    "sync": {200: ()},
    "release": {200: ()},
    "revoke": {200: ()},
    "remove": {200: (), 404: ("device-not-found",)},
    "license": {200: ()},
    "devices": {200: ()},
    "allowance": {200: (), 409: ("title-withdrawn",)},
    "renewals": {200: ()},
    "withdraw": {200: ()},
    "reinstate": {200: ()},
}
_REUSED: Statuses = {422: ("idempotency-key-reused",)}
# Problems of a 503, each with whether it has to say when to come back.
_NOT_NOW = {
    "/problems/overloaded": True,
    "/problems/store-unavailable": True,
    "/problems/outcome-unknown": False,
}
_REFUSABLE = {"request", "renew"}
_encode = msgspec.json.Encoder().encode
_decode_problem = msgspec.json.Decoder(answers.Problem).decode


class Violation(Exception):
    """An answer that the contract does not allow; the message says in what."""


class HttpRequest(msgspec.Struct, frozen=True, gc=False):
    """A call as it is sent.

    Attributes:
        method: of HTTP.
        path: with the query.
        headers: names in lower case.
        body: None: there is none.
        process: of the service that it is for; None: whose turn it is.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    process: int | None = None


class HttpResponse(msgspec.Struct, frozen=True, gc=False):
    """What came back; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def to_http(call: Call) -> HttpRequest:
    """Encode a call."""
    method, path, body = _line(call, f"/v1/customers/{call.customer_id}")
    headers = {"rehearsal-time": call.at.isoformat()}
    if call.key:
        headers["idempotency-key"] = call.key
    if body is not None:
        headers["content-type"] = "application/json"
    return HttpRequest(method, path, headers, body, call.process)


Line = tuple[str, str, bytes | None]


def _line(call: Call, customer: str) -> Line:
    """Method, path and body."""
    license_path = f"{customer}/licenses/{call.license_id}"
    match call.kind:
        case "open":
            told = {"plan": call.plan, "country": call.country, "time_zone": call.time_zone}
            wanted = {name: value for name, value in told.items() if value}
            return "PUT", f"{customer}/account", _encode(wanted)
        case "plan":
            return "PUT", f"{customer}/account/plan", _encode({"plan": call.plan})
        case "region":
            region = {"country": call.country, "time_zone": call.time_zone}
            return "PUT", f"{customer}/account/region", _encode(region)
        case "renewals":
            wanted_ids = [item.license_id for item in call.items]
            return "POST", f"{customer}/renewals", _encode({"license_ids": wanted_ids})
        case "withdraw":
            return "PUT", _withdrawal(call), _encode({"reason": call.reason})
        case "reinstate":
            return "DELETE", _withdrawal(call), None
        case "standing" | "block" | "unblock" | "revoke":
            return _operators_line(call, customer.replace("/v1/", "/v1/admin/", 1))
        case "request":
            wish = {"device_id": call.device_id, "title_id": call.title_id}
            return "POST", f"{customer}/licenses", _encode(wish)
        case "renew":
            return "POST", f"{license_path}/renewals", b"{}"
        case "play":
            return "POST", f"{license_path}/plays", _encode({"played_at": call.device_time})
        case "session":
            events = [{"kind": kind, "at": at} for kind, at in call.events]
            path = f"{license_path}/sessions/{call.session_id}"
            return "POST", path, _encode({"events": events})
        case "sync":
            return "POST", f"{customer}/sync", _synced(call)
        case "release":
            return "POST", f"{license_path}/release", _released(call.device_time)
        case "remove":
            return "DELETE", f"{customer}/devices/{call.device_id}", None
        case "license":
            return "GET", license_path, None
        case "devices":
            return "GET", f"{customer}/devices", None
        case "allowance":
            about = f"title_id={call.title_id}&device_id={call.device_id}"
            return "GET", f"{customer}/allowance?{about}", None


def _withdrawal(call: Call) -> str:
    return f"/v1/admin/titles/{call.title_id}/withdrawal"


def _synced(call: Call) -> bytes:
    """The items by their kinds, in the order in which the device tells them."""
    brought: dict[str, list[dict[str, object]]] = {}
    for item in call.items:
        told: dict[str, object] = {"item_id": item.item_id, "license_id": item.license_id}
        if item.kind == "session":
            events = [{"kind": kind, "at": at} for kind, at in item.events]
            told |= {"session_id": item.session_id, "events": events}
        elif item.device_time is not None:
            told[_TOLD_AT[item.kind]] = item.device_time
        brought.setdefault(_PLURALS[item.kind], []).append(told)
    return _encode({"device_id": call.device_id, **brought})


_PLURALS = {"release": "releases", "play": "plays", "session": "sessions", "renew": "renewals"}
_TOLD_AT = {"release": "released_at", "play": "played_at"}


def _operators_line(call: Call, customer: str) -> Line:
    match call.kind:
        case "standing":
            return "PUT", f"{customer}/standing", _encode({"standing": call.standing})
        case "block":
            return "PUT", f"{customer}/block", _encode({"reason": call.reason})
        case "unblock":
            return "DELETE", f"{customer}/block", None
        case _:
            path = f"{customer}/licenses/{call.license_id}/revocation"
            return "PUT", path, _encode({"reason": call.reason})


def _released(at: datetime | None) -> bytes:
    return b"{}" if at is None else _encode({"released_at": at})


def read_answer(call: Call, response: HttpResponse) -> Body:
    """Decode an answer and hold it against the contract.

    Raises:
        Violation: the status, the media type or the body is none that the contract allows here.
    """
    right = _REUSED if call.reuses_key else _RIGHT[call.kind]
    status = response.status
    refused = status == 403 and call.kind in _REFUSABLE and not call.reuses_key
    if status not in right and not refused:
        raise Violation(f"{call.kind} was answered {status}: {response.body[:300]!r}")
    _check_media_type(response)
    try:
        body = decode_body(call.kind, status, response.body)
    except msgspec.DecodeError as error:
        raise Violation(f"{call.kind} ({status}): {error}: {response.body[:300]!r}") from error
    match body:
        case answers.Refusal():
            _check_refusal(body)
        case answers.Plan():
            _check_addressee(call, body.account)
        case answers.Session():
            _check_addressee(call, body.license)
        case answers.Problem():
            kinds = {f"/problems/{kind}" for kind in right[status]}
            if body.type not in kinds or body.status != status:
                raise Violation(f"{call.kind} was answered {status} with problem {body.type}")
        case _:
            _check_addressee(call, body)
    return body


def read_not_now(response: HttpResponse) -> float:
    """How long a 503 asks to wait before the same is sent again, in seconds.

    Raises:
        Violation: it is none that the contract knows, so repeating the request may be of no use.
    """
    _check_media_type(response)
    try:
        problem = _decode_problem(response.body)
    except msgspec.DecodeError as error:
        raise Violation(f"503: {error}: {response.body[:300]!r}") from error
    wait = response.headers.get("retry-after", "")
    if problem.type not in _NOT_NOW or (_NOT_NOW[problem.type] and not wait.isdigit()):
        raise Violation(f"a 503 with problem {problem.type}, Retry-After {wait!r}")
    return float(wait) if wait.isdigit() else 0.0


def _check_media_type(response: HttpResponse) -> None:
    expected = "application/json" if response.status < 400 else "application/problem+json"
    media_type = response.headers.get("content-type", "").partition(";")[0]
    if media_type != expected:
        raise Violation(
            f"the media type of a {response.status} is {media_type!r}, not {expected!r}"
        )


def _check_refusal(body: answers.Refusal) -> None:
    first = body.unmet[0] if body.unmet else None
    if first != answers.Unmet(body.reason, body.rule, body.limit, body.used, body.resets_at):
        raise Violation(
            f"a refusal for {body.reason} does not repeat its first unmet rule: {first}"
        )
    if body.type != f"/problems/{body.reason}" or body.status != 403:
        raise Violation(f"a refusal for {body.reason} is of type {body.type}, status {body.status}")


def _check_addressee(call: Call, body: Body) -> None:
    """What the answer is about is what the call was about."""
    for name in ("customer_id", "license_id", "device_id", "title_id", "plan"):
        asked, answered = getattr(call, name), getattr(body, name, "")
        if asked and answered and asked != answered:
            raise Violation(f"{call.kind} about {name} {asked} was answered about {answered}")
