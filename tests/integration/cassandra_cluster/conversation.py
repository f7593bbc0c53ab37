"""Statements to a real node, without a driver."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from helenus.testing.cassandra.handshake import Connection, NotServing

CONSISTENCY_QUORUM = 0x0004
PATIENCE_S = 30.0

# A result of rows, of which the first column of the one row is a boolean, or the one column.
APPLIED = b"\0\0\0\1\1"


@contextmanager
def logged_in(host: str, port: int) -> Iterator[Connection]:
    with Connection(host, port, timeout_s=PATIENCE_S) as connection:
        connection.log_in()
        yield connection


@contextmanager
def table(hosts: tuple[str, ...], port: int) -> Iterator[str]:
    """A table with a static head, known to all nodes; dropped afterwards."""
    keyspace = f"h{uuid.uuid4().hex}"
    with logged_in(hosts[0], port) as connection:
        connection.query(
            f"CREATE KEYSPACE {keyspace} WITH replication = "
            f"{{'class': 'SimpleStrategy', 'replication_factor': {len(hosts)}}}"
        )
        connection.query(
            f"CREATE TABLE {keyspace}.streams "
            "(id text, position int, head int static, PRIMARY KEY (id, position))"
        )
    await_one_schema(hosts, port)
    yield f"{keyspace}.streams"
    # A connection of its own: the node may have been another one in between.
    with logged_in(hosts[0], port) as connection:
        connection.query(f"DROP KEYSPACE {keyspace}")


def await_one_schema(hosts: tuple[str, ...], port: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        versions = set()
        for host in hosts:
            with logged_in(host, port) as connection:
                versions.add(connection.query("SELECT schema_version FROM system.local"))
        if len(versions) == 1:
            return
        time.sleep(0.2)
    raise NotServing("The nodes do not agree on a schema.")


def advance(connection: Connection, table: str, stream: str, head: int | None, to: int) -> bool:
    """Move a head if it is where it is thought to be; whether it was."""
    expected = "null" if head is None else head
    answer = connection.query(
        f"UPDATE {table} SET head = {to} WHERE id = '{stream}' IF head = {expected}",
        CONSISTENCY_QUORUM,
    )
    return answer.endswith(APPLIED)
