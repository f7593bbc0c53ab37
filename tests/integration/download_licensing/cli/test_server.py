"""The server in this process, in front of an application that does not answer."""

import asyncio
import socket
from typing import Any

import pytest

from download_licensing.cli.server import server_of
from download_licensing.settings import Settings

PATIENT = Settings(shutdown_grace_s=600)


class Unanswering:
    """Takes requests and never answers them."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.cancelled = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for stage in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{stage}.complete"})
            return
        self.reached.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise


async def told_twice_to_end() -> Unanswering:
    """An application that has a request while its server is told to end, and told again."""
    app = Unanswering()
    server = server_of(PATIENT, app)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        _, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await app.reached.wait()
        server.end()
        server.end()
        await serving
        writer.close()
    return app


def test_a_request_that_is_given_up_at_the_end_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = asyncio.run(asyncio.wait_for(told_twice_to_end(), timeout=60))
    assert app.cancelled
    assert caplog.records == []
