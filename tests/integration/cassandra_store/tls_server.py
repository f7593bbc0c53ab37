"""Servers on loopback that stand in for a node, or before one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Iterator

from tests.unit.helenus.certificates import Pair


@contextlib.contextmanager
def serving_tls(pair: Pair) -> Iterator[int]:
    """The port of a server that completes handshakes, and closes each connection after it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return  # it has been closed
                with connection, contextlib.suppress(OSError):
                    connection.settimeout(5)
                    context.wrap_socket(connection, server_side=True).close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextlib.asynccontextmanager
async def forwarding(address: str, to: str, port: int) -> AsyncIterator[None]:
    """What arrives at an address goes on to another, on the same port, and back."""

    writers: list[asyncio.StreamWriter] = []
    handlers: list[asyncio.Task[None] | None] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        there, back = await asyncio.open_connection(to, port)
        await asyncio.gather(copy(reader, back), copy(there, writer))

    async with await asyncio.start_server(forward, address, port):
        yield
        for writer in writers:
            writer.close()
        await asyncio.gather(*(handler for handler in handlers if handler))
