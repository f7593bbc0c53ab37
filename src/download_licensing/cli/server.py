"""The HTTP server: it ends by a signal, with every request answered, or by two at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from download_licensing.background import in_background
from download_licensing.settings import Settings


class Server(uvicorn.Server):
    """Ends when it is told to, once for good order, and once more for haste.

    Leaves signals to `Ending`: uvicorn would raise them again at the end.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._told_again = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def end(self) -> None:
        """Finish the requests in flight; told again, do not wait for them."""
        if self.should_exit:
            self.force_exit = True
            self._loop.call_soon_threadsafe(self._told_again.set)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, wait for the requests in flight, and stop the application."""
        async with in_background(self._break_off()):
            await super().shutdown(sockets)
        if self.force_exit:
            # Uvicorn leaves the application waiting then, until the end of the loop cancels it.
            await self.lifespan.shutdown()

    async def _break_off(self) -> None:
        """Once told again to end, close the connections: while there are any, the end waits."""
        await self._told_again.wait()
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def server_of(settings: Settings, app: Any) -> Server:
    """A server for an ASGI application. Make it within the event loop."""
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)
    return Server(
        uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=settings.listen_backlog,
            timeout_keep_alive=settings.keep_alive_s,
            timeout_graceful_shutdown=settings.shutdown_grace_s,
        )
    )


class Ending:
    """What SIGINT and SIGTERM bring about, from now until the process is gone.

    Attributes:
        told: the signal that came before there was a server.
    """

    def __init__(self) -> None:
        self.told: int | None = None
        self._server: Server | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._hear)

    def hand_over(self, server: Server) -> bool:
        """From now on a signal ends the server. Returns whether one has come before."""
        self._server = server
        return self.told is not None

    def _hear(self, number: int, _frame: object) -> None:
        if self._server is not None:
            # Also the third time: it would interrupt the store while it closes.
            self._server.end()
        elif self.told is None:
            self.told = number  # what has begun to start is let start, and then ended in good order
        else:
            raise KeyboardInterrupt


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    """Whether a log line is worth telling: a request that was given up at the end is no error."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)
