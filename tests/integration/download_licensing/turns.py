"""Several processes of the service that take turns, and a journal in memory."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from download_licensing.simulate.oracle import Entry, Mark
from download_licensing.simulate.wire import HttpRequest, HttpResponse
from tests.integration.api.asgi_client import AsgiClient


class Turns:
    """A transport to several processes that take turns.

    Attributes:
        clients: of the processes.
    """

    def __init__(self, clients: Sequence[AsgiClient]) -> None:
        self.clients = clients
        self._turns = cycle(clients)

    async def send(self, request: HttpRequest) -> HttpResponse:
        body, headers = request.body or b"", list(request.headers.items())
        answer = await next(self._turns).raw(request.method, request.path, [body], headers)
        return HttpResponse(answer.status, answer.headers, answer.body)


class Recorded:
    """A journal in memory."""

    def __init__(self) -> None:
        self.of: dict[str, list[Entry]] = {}

    def write(self, line: Entry | Mark) -> None:
        assert isinstance(line, Entry)
        self.of.setdefault(line.customer_id, []).append(line)

    def flush(self) -> None: ...
