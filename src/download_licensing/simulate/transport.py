"""Carries requests to the running service: one aiohttp session, a bounded number of connections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from types import TracebackType
from typing import Protocol, Self

import aiohttp
from yarl import URL

from download_licensing.simulate.wire import HttpRequest, HttpResponse


class Unreachable(Exception):
    """No answer came; the request may or may not have been carried out."""


class Transport(Protocol):
    """Sends one request and brings the answer."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        """Send a request.

        Raises:
            Unreachable: no answer came.
        """


class HttpTransport:
    """The real one. Use it as an async context manager.

    Args:
        urls: of the service, without a path; several processes of it take turns.
        connections: most requests in flight; further ones wait.
        timeout_s: after which an answer is not waited for any more.
    """

    def __init__(self, urls: Sequence[str], connections: int, timeout_s: float) -> None:
        self._urls = [url.rstrip("/") for url in urls]
        self._turns = cycle(self._urls)
        self._connections = connections
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._connections),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"user-agent": "download-licensing-simulate", "accept": "*/*"},
            skip_auto_headers=("accept-encoding",),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def send(self, request: HttpRequest) -> HttpResponse:
        """See `Transport`."""
        asked = next(self._turns) if request.process is None else self._urls[request.process]
        url = URL(asked + request.path, encoded=True)
        try:
            async with self._session.request(
                request.method, url, data=request.body, headers=request.headers
            ) as response:
                return HttpResponse(
                    response.status, _lowered(response.headers), await response.read()
                )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{type(error).__name__}: {error}") from error


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
