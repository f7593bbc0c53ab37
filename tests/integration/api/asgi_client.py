"""Calls an ASGI application in the same event loop, with full control of the bytes."""

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec

from download_licensing.api.gate import Gate

JSON = "application/json"
PROBLEM = "application/problem+json"


class Answer(msgspec.Struct):
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def reason(self) -> str:
        """The reason of a problem, whose form is checked on the way."""
        assert self.headers["content-type"] == PROBLEM
        problem = self.json()
        assert problem["status"] == self.status
        assert problem["title"]
        assert problem["detail"]
        assert problem["remedy"]
        kind, _, reason = problem["type"].rpartition("/")
        assert kind == "/problems"
        return str(reason)

    @property
    def fields(self) -> set[str]:
        """The fields that an invalid request's problem names."""
        assert self.reason == "invalid-request"
        return {error["field"] for error in self.json()["errors"]}


class AsgiClient:
    """Calls an application.

    Args:
        app: behind its gate.
    """

    def __init__(self, app: Gate) -> None:
        self._app = app
        self._keys = 0

    async def get(self, path: str, *, at: str | None = None) -> Answer:
        return await self.call("GET", path, at=at)

    async def post(
        self,
        path: str,
        content: object = None,
        *,
        key: str | None = None,
        at: str | None = None,
    ) -> Answer:
        """Under a new key if none is given."""
        if key is None:
            self._keys += 1
            key = f"key-{self._keys}"
        return await self.call("POST", path, content, key=key, at=at)

    async def call(
        self,
        method: str,
        path: str,
        content: object = None,
        *,
        key: str | None = None,
        at: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Answer:
        """Call with JSON content."""
        body = b"" if content is None else msgspec.json.encode(content)
        sent = [*headers]
        if content is not None:
            sent.append(("content-type", JSON))
        if key is not None:
            sent.append(("idempotency-key", key))
        if at is not None:
            sent.append(("rehearsal-time", at))
        return await self.raw(method, path, [body], sent)

    async def raw(
        self,
        method: str,
        path: str,
        chunks: Sequence[bytes] = (b"",),
        headers: Sequence[tuple[str, str]] = (),
        *,
        hangs_up: bool = False,
    ) -> Answer:
        """Call with a body in pieces; the caller may hang up before it is whole."""
        waiting = list(chunks)
        answer = Answer(0, {}, b"")
        ended = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if waiting:
                chunk = waiting.pop(0)
                more = bool(waiting) or hangs_up
                return {"type": "http.request", "body": chunk, "more_body": more}
            if not hangs_up:
                await ended.wait()  # as a server tells of the end of a response
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {
                    name.decode().lower(): value.decode() for name, value in message["headers"]
                }
            else:
                answer.body += message.get("body", b"")
                if not message.get("more_body", False):
                    ended.set()

        await self._app(_scope(method, path, headers), receive, send)
        return answer


def _scope(method: str, path: str, headers: Sequence[tuple[str, str]]) -> dict[str, Any]:
    raw_path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": unquote_to_bytes(raw_path).decode("utf-8", "replace"),
        "raw_path": raw_path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers
        ],
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8080),
    }
