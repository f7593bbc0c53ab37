"""Asks a node, in CQL's native protocol, whether it serves clients. No driver is needed for that.

An open port is not enough: a node listens a moment before it answers, and a stopped process
(SIGSTOP) still has its socket accepted by the kernel.

Source: the native protocol specification, version 4 (doc/native_protocol_v4.spec in Cassandra's
repository).
"""

from __future__ import annotations

import socket
import ssl
import struct
from types import TracebackType
from typing import Self

from helenus.testing.cassandra.options import ClientTls, Credentials

_REQUEST_V4 = 0x04
_ERROR, _STARTUP, _READY, _AUTHENTICATE, _SUPPORTED = 0x00, 0x01, 0x02, 0x03, 0x06
_OPTIONS, _QUERY, _RESULT, _AUTH_RESPONSE, _AUTH_SUCCESS = 0x05, 0x07, 0x08, 0x0F, 0x10
_HEADER = struct.Struct(">BBhBi")

CONSISTENCY_ONE = 0x0001
CONSISTENCY_ALL = 0x0005


class NotServing(Exception):
    """The node does not answer as one that serves clients; the message says how it does."""


class Connection:
    """One connection to a node, for a few requests, one at a time.

    Args:
        host: its address.
        port: its native port.
        timeout_s: for each step.
        credentials: to log in with if asked.
        tls: to encrypt with; None connects in the clear.

    Raises:
        NotServing: from every method, whatever is wrong.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        timeout_s: float = 2.0,
        credentials: Credentials | None = None,
        tls: ClientTls | None = None,
    ) -> None:
        self._credentials = credentials or Credentials()
        try:
            plain = socket.create_connection((host, port), timeout_s)
        except OSError as error:
            raise NotServing(f"{host}:{port}: {error}") from None
        try:
            self._socket = _context(tls).wrap_socket(plain) if tls else plain
        except OSError as error:
            plain.close()
            raise NotServing(f"{host}:{port}: TLS: {error}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def log_in(self) -> None:
        """Make the connection ready for queries."""
        self._ask(_OPTIONS, b"", _SUPPORTED)
        options = struct.pack(">H", 1) + _string("CQL_VERSION") + _string("3.0.0")
        opcode, _ = self._ask(_STARTUP, options, _READY, _AUTHENTICATE)
        if opcode == _AUTHENTICATE:
            name, password = self._credentials.username, self._credentials.password
            token = f"\0{name}\0{password}".encode()
            self._ask(_AUTH_RESPONSE, struct.pack(">i", len(token)) + token, _AUTH_SUCCESS)

    def query(self, cql: str, consistency: int = CONSISTENCY_ONE) -> bytes:
        """Run a statement; gives the body of its result as it came."""
        text = cql.encode()
        body = struct.pack(">i", len(text)) + text + struct.pack(">HB", consistency, 0)
        return self._ask(_QUERY, body, _RESULT)[1]

    def _ask(self, opcode: int, body: bytes, *expected: int) -> tuple[int, bytes]:
        try:
            self._socket.sendall(_HEADER.pack(_REQUEST_V4, 0, 0, opcode, len(body)) + body)
            version, _, _, answer, length = _HEADER.unpack(self._receive(_HEADER.size))
            if version != 0x80 | _REQUEST_V4 or answer not in (*expected, _ERROR):
                raise NotServing("What listens there is not Cassandra.")
            received = self._receive(length)
        except OSError as error:
            raise NotServing(str(error) or type(error).__name__) from None
        if answer == _ERROR:
            code, size = struct.unpack_from(">iH", received)
            message = received[6 : 6 + size].decode(errors="replace")
            raise NotServing(f"{message} (error 0x{code:04x})")
        return answer, received

    def _receive(self, size: int) -> bytes:
        received = bytearray()
        while len(received) < size:
            if not (chunk := self._socket.recv(size - len(received))):
                raise ConnectionResetError("The node closed the connection.")
            received += chunk
        return bytes(received)


def _string(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()


def _context(tls: ClientTls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.authorities)
    # The question is whether the node serves; whose name it bears is for real clients to check.
    context.check_hostname = False
    if tls.certificate:
        context.load_cert_chain(tls.certificate, tls.key or None)
    return context
