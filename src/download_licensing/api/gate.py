"""The gate in front of the application: plain ASGI, because every request pays for it.

It gives each request its id, refuses what it may not even look at, and sheds load before any work
is done: a service that queues without bound answers everybody late.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from random import getrandbits
from time import perf_counter
from typing import Any, Protocol

import msgspec
import structlog

from download_licensing.api.problems import (
    NO_HEADERS,
    PROBLEM_MEDIA_TYPE,
    FieldError,
    Problem,
    invalid_request,
    problem_of,
)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Scope = Any
App = Callable[[Scope, Any, Any], Awaitable[None]]

_log = structlog.get_logger("download_licensing.access")

REQUEST_ID = "download_licensing.request_id"
REQUEST_ID_HEADER = b"x-request-id"
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~-]{1,100}")
_ALWAYS_ADMITTED = frozenset({"/health/live", "/health/ready", "/metrics"})
_HIDDEN_SEPARATOR = re.compile(rb"%(?:2f|5c|00)", re.IGNORECASE)


class Observer(Protocol):
    """Is told about requests."""

    def request_started(self) -> None:
        """A request was admitted."""

    def request_ended(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """A request that was admitted has been answered; status 0: the connection was lost."""

    def request_shed(self) -> None:
        """A request was refused for load."""


class Gate:
    """Admits requests to an application.

    Args:
        app: the application.
        observer: is told about requests.
        requests_in_flight_max: more than these at once are refused with 503.
        retry_after_s: what such an answer carries as Retry-After, in seconds.
        access_log: whether each request gets a line.
    """

    def __init__(
        self,
        app: App,
        observer: Observer,
        *,
        requests_in_flight_max: int,
        retry_after_s: int,
        access_log: bool = False,
    ) -> None:
        self._app = app
        self._observer = observer
        self._in_flight_max = requests_in_flight_max
        self._retry = {"retry-after": str(retry_after_s)}
        self._in_flight = 0
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope["headers"])
        scope[REQUEST_ID] = request_id.decode()
        if _HIDDEN_SEPARATOR.search(scope.get("raw_path") or b""):
            await _answer(send, _hidden_separator(), request_id, NO_HEADERS)
        elif self._in_flight >= self._in_flight_max and scope["path"] not in _ALWAYS_ADMITTED:
            self._observer.request_shed()
            await _answer(send, _overloaded(self._in_flight), request_id, self._retry)
        else:
            await self._admit(scope, receive, send, request_id)

    async def _admit(self, scope: Scope, receive: Receive, send: Send, request_id: bytes) -> None:
        status = 0
        started = perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID_HEADER, request_id)]
            await send(message)

        self._in_flight += 1
        self._observer.request_started()
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            self._in_flight -= 1
            seconds = perf_counter() - started
            self._ended(scope, status, seconds)

    def _ended(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = scope["method"], scope.get("path_template", "")
        self._observer.request_ended(method=method, route=route, status=status, seconds=seconds)
        if self._access_log:
            _log.info(
                "request",
                request_id=scope[REQUEST_ID],
                method=method,
                route=route,
                status=status,
                ms=round(seconds * 1_000, 3),
            )


def request_id_of(scope: Any) -> str:
    """The id of the request that this scope belongs to."""
    found: str = scope.get(REQUEST_ID, "")
    return found


def _request_id(headers: list[tuple[bytes, bytes]]) -> bytes:
    for name, value in headers:
        if name == REQUEST_ID_HEADER and _REQUEST_ID.fullmatch(value):
            return value
    return b"%032x" % getrandbits(128)  # an address, not a secret


def _overloaded(in_flight: int) -> Problem:
    return problem_of("overloaded", f"{in_flight:,} requests are already being carried out.")


def _hidden_separator() -> Problem:
    message = "holds an encoded slash, backslash or NUL, which no id may"
    return invalid_request([FieldError(field="path", message=message)])


async def _answer(
    send: Send, problem: Problem, request_id: bytes, headers: Mapping[str, str]
) -> None:
    body = msgspec.json.encode(problem)
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [
                (b"content-type", PROBLEM_MEDIA_TYPE.encode()),
                (b"content-length", str(len(body)).encode()),
                (REQUEST_ID_HEADER, request_id),
                *((name.encode(), value.encode()) for name, value in headers.items()),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
