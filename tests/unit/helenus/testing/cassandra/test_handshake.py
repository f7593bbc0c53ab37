import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from helenus.testing.cassandra import Credentials
from helenus.testing.cassandra.handshake import Connection, NotServing

HEADER = struct.Struct(">BBhBi")
SUPPORTED = (0x06, b"\0\0")
READY = (0x02, b"")
AUTHENTICATE = (0x03, b"\0\x01x")
AUTH_SUCCESS = (0x10, b"\xff\xff\xff\xff")
REFUSED = (0x00, struct.pack(">iH", 0x0100, 12) + b"Bad password")


def answering(*answers: tuple[int, bytes], asked: list[bytes]) -> Callable[[socket.socket], None]:
    def converse(client: socket.socket) -> None:
        for opcode, body in answers:
            *_, length = HEADER.unpack(client.recv(HEADER.size))
            asked.append(client.recv(length) if length else b"")
            client.sendall(HEADER.pack(0x84, 0, 0, opcode, len(body)) + body)

    return converse


@contextmanager
def serving(converse: Callable[[socket.socket], None]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            client, _ = server.accept()
            with client:
                converse(client)

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        thread.join()


def log_in(port: int, credentials: Credentials | None = None) -> None:
    with Connection("127.0.0.1", port, timeout_s=0.5, credentials=credentials) as connection:
        connection.log_in()


def test_a_node_that_is_ready_serves() -> None:
    asked: list[bytes] = []
    with serving(answering(SUPPORTED, READY, asked=asked)) as port:
        log_in(port)
    assert asked == [b"", b"\0\x01\0\x0bCQL_VERSION\0\x053.0.0"]


def test_a_node_that_asks_for_a_password_is_given_it() -> None:
    asked: list[bytes] = []
    with serving(answering(SUPPORTED, AUTHENTICATE, AUTH_SUCCESS, asked=asked)) as port:
        log_in(port, Credentials("me", "secret"))
    assert asked[-1] == b"\0\0\0\x0a\0me\0secret"


def test_a_refused_password_is_said_so() -> None:
    with (
        serving(answering(SUPPORTED, AUTHENTICATE, REFUSED, asked=[])) as port,
        pytest.raises(NotServing, match=r"Bad password \(error 0x0100\)"),
    ):
        log_in(port)


def test_nobody_listening_is_not_serving() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(NotServing, match="refused"):
        log_in(port)


def test_one_who_accepts_and_says_nothing_is_not_serving() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(NotServing, match="time"):
        log_in(server.getsockname()[1])


def test_one_who_hangs_up_is_not_serving() -> None:
    with (
        serving(answering(SUPPORTED, asked=[])) as port,
        pytest.raises(NotServing, match=r"closed|reset"),
    ):
        log_in(port)


def test_something_else_that_listens_is_not_serving() -> None:
    def http(client: socket.socket) -> None:
        client.recv(64)
        client.sendall(b"HTTP/1.1\0\0\0\1 400 Bad Request")

    with serving(http) as port, pytest.raises(NotServing, match="not Cassandra"):
        log_in(port)
