"""Before the first member lives: is the service there, and does it take the simulated time?"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

from download_licensing.simulate.calls import Call
from download_licensing.simulate.transport import Transport, Unreachable
from download_licensing.simulate.wire import HttpResponse, to_http

_PAUSE_S = 0.1


class ServiceUnfit(Exception):
    """The service cannot be simulated against; the message says why and what to do."""


async def await_service(transport: Transport, run: str, at: datetime, patience_s: float) -> None:
    """Wait until the service answers a query that carries a simulated time.

    Raises:
        ServiceUnfit: it does not within the patience, in seconds, or it refuses the time.
    """
    response = await _first_answer(transport, run, at, patience_s)
    if response.status == 404 and b"account-not-found" in response.body:
        return
    if b"rehearsal-off" in response.body:
        raise ServiceUnfit("The service takes no simulated time: start it with --rehearsal.")
    raise ServiceUnfit(
        "The service answers a query for an unknown customer with"
        f" {response.status} {response.body[:300].decode(errors='replace')}"
    )


async def _first_answer(
    transport: Transport, run: str, at: datetime, patience_s: float
) -> HttpResponse:
    request = to_http(Call(kind="devices", customer_id=f"{run}-nobody", at=at))
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
                f"The service gave no answer for {patience_s:g} s: {reason}. Start it with"
                " `download-licensing serve --rehearsal`, or name another by --url."
            )
        await asyncio.sleep(_PAUSE_S)
