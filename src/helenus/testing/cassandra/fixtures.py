"""For pytest: one cluster for all tests of a session.

Import the fixture into a ``conftest.py``; however many do so, they share one cluster::

    from helenus.testing.cassandra.fixtures import cassandra  # noqa: F401

A test that cannot have its cluster fails, and says what is missing; it is not skipped.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from helenus.testing.cassandra.cluster import Cluster
from helenus.testing.cassandra.errors import ClusterError, ClusterNotRunning, InvalidClusterOptions
from helenus.testing.cassandra.handshake import Connection, NotServing
from helenus.testing.cassandra.options import ClusterOptions

SETTING = "HELENUS_TEST_CASSANDRA"
"""Names a running cluster to use instead of starting one: ``host:port[,host:port]``."""


@dataclass(frozen=True, slots=True)
class Contact:
    """Where a cluster is found.

    Attributes:
        hosts: addresses of nodes.
        port: of all of them.
        cluster: by which faults can be injected; None where the cluster is not ours.
    """

    hosts: tuple[str, ...]
    port: int
    cluster: Cluster | None = None


@pytest.fixture(scope="session")
def cassandra() -> Iterator[Contact]:
    """A cluster of one node, or the one that HELENUS_TEST_CASSANDRA names."""
    with contextlib.ExitStack() as stack:
        try:
            contact = stack.enter_context(_shared.use())
        except ClusterError as error:
            pytest.fail(f"There is no Cassandra to test with. {error}", pytrace=False)
        yield contact


def named_contact(setting: str) -> Contact:
    """The cluster that a setting names, seen to answer.

    Raises:
        InvalidClusterOptions: the setting is not ``host:port[,host:port]`` with one port for all.
        ClusterNotRunning: a node does not answer.
    """
    pairs = [node.strip().rpartition(":") for node in setting.split(",")]
    if not all(host and port.isdecimal() for host, _, port in pairs):
        raise InvalidClusterOptions(f"{SETTING} is {setting!r}, not host:port[,host:port].")
    if len({port for *_, port in pairs}) > 1:
        raise InvalidClusterOptions(f"{SETTING} is {setting!r}; all nodes must share one port.")
    contact = Contact(tuple(host for host, *_ in pairs), int(pairs[0][2]))
    for host in contact.hosts:
        try:
            with Connection(host, contact.port) as connection:
                connection.log_in()
        except NotServing as error:
            raise ClusterNotRunning(
                f"{SETTING} names {host}:{contact.port}, where no Cassandra serves: {error}."
            ) from None
    return contact


class _Shared:
    """Counts its users: starts a cluster with the first and ends it with the last.

    pytest makes a fixture anew for each ``conftest.py`` that imports it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._contact: Contact | None = None

    @contextlib.contextmanager
    def use(self) -> Iterator[Contact]:
        with self._lock:
            contact = self._contact = self._contact or _obtain()
            self._users += 1
        try:
            yield contact
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._contact = None
                    if contact.cluster:
                        contact.cluster.delete()


def _obtain() -> Contact:
    if setting := os.environ.get(SETTING):
        return named_contact(setting)
    # Not the usual ports: those may be taken by a Cassandra that somebody works with.
    cluster = Cluster(ClusterOptions(native_port=0, storage_port=0, jmx_port=0)).__enter__()
    return Contact(cluster.contact_points, cluster.port, cluster)


_shared = _Shared()
