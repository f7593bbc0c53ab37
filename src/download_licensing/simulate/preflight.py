"""Before the first member lives: is each process there, and does it take the simulated time?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime

from download_licensing.simulate.calls import Call
from download_licensing.simulate.transport import HttpTransport, Transport, Unreachable
from download_licensing.simulate.wire import HttpRequest, HttpResponse, to_http

_PAUSE_S = 0.1


class ServiceUnfit(Exception):
    """The service cannot be simulated against; the message says why and what to do."""


async def await_services(
    urls: Sequence[str], run: str, at: datetime, *, timeout_s: float, patience_s: float
) -> None:
    """Wait until each of the processes answers a query that carries a simulated time.

    Raises:
        ServiceUnfit: one does not within the patience, in seconds, or it refuses the time.
    """
    request = to_http(Call(kind="devices", customer_id=f"{run}-nobody", at=at))
    for url in urls:
        async with HttpTransport([url], 1, timeout_s) as transport:
            _require_fit(await _first_answer(transport, url, request, patience_s), url)


def _require_fit(response: HttpResponse, url: str) -> None:
    if response.status == 404 and b"account-not-found" in response.body:
        return
    if b"rehearsal-off" in response.body:
        raise ServiceUnfit(
            f"The service at {url} takes no simulated time: start it with --rehearsal."
        )
    raise ServiceUnfit(
        f"The service at {url} answers a query for an unknown customer with"
        f" {response.status} {response.body[:300].decode(errors='replace')}"
    )


async def _first_answer(
    transport: Transport, url: str, request: HttpRequest, patience_s: float
) -> HttpResponse:
    give_up_at = time.monotonic() + patience_s
    while True:
        try:
            response = await transport.send(request)
            if response.status != 503:
                return response
            reason = "it answers 503"
        except Unreachable as error:
            reason = str(error)
        if time.monotonic() >= give_up_at:
            raise ServiceUnfit(
                f"The service at {url} gave no answer for {patience_s:g} s: {reason}. Start it with"
                " `download-licensing serve --rehearsal`, or name another by --url."
            )
        await asyncio.sleep(_PAUSE_S)
