"""What a cluster is to be like."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from helenus.testing.cassandra.errors import InvalidClusterOptions

NODE_COUNTS = (1, 3)
HEAP_MIB_MIN = 256
DEFAULT_HEAP_MIB = 512
DEFAULT_NATIVE_PORT = 9042
DEFAULT_STORAGE_PORT = 7000
DEFAULT_JMX_PORT = 7199


class Credentials(msgspec.Struct, frozen=True):
    """How to log in where a node asks for a password.

    Attributes:
        username: the role.
        password: its password. A new cluster has the role "cassandra" with that word as password.
    """

    username: str = "cassandra"
    password: str = "cassandra"


class ClientTls(msgspec.Struct, frozen=True):
    """How to reach nodes whose settings encrypt client connections.

    Attributes:
        authorities: file with the certificates to trust, PEM.
        certificate: file with the client's own certificate and chain, PEM; "" for none.
        key: file with the client's key, PEM; "" for none.
    """

    authorities: str
    certificate: str = ""
    key: str = ""


class ClusterOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a cluster is to be like.

    All nodes share the native and the storage port, on 127.0.0.1, 127.0.0.2 and 127.0.0.3; their
    JMX ports count up from ``jmx_port``, all on 127.0.0.1.

    Attributes:
        nodes: 1 or 3.
        heap_mib: of each node; what it takes in all is about 400 MiB more.
        native_port: where clients connect; 0 picks a free one, as for the next two.
        storage_port: where nodes talk to each other.
        jmx_port: of the first node.
        settings: of cassandra.yaml, added to ours or in their place; None takes one of ours away.
        jvm_options: further flags of each node's virtual machine.
        wrapper: a command that each node's own is given to, such as ``("faketime", "+5s")``.
        credentials: to log in with when asked for a password, to see whether a node is up.
        tls: to connect with, for the same purpose; None connects in the clear.
        start_timeout_s: how long one node may take until it answers.
    """

    nodes: int = 1
    heap_mib: int = DEFAULT_HEAP_MIB
    native_port: int = DEFAULT_NATIVE_PORT
    storage_port: int = DEFAULT_STORAGE_PORT
    jmx_port: int = DEFAULT_JMX_PORT
    settings: Mapping[str, Any] = {}
    jvm_options: tuple[str, ...] = ()
    wrapper: tuple[str, ...] = ()
    credentials: Credentials = Credentials()
    tls: ClientTls | None = None
    start_timeout_s: float = 180.0

    def __post_init__(self) -> None:
        if self.nodes not in NODE_COUNTS:
            raise InvalidClusterOptions(f"A cluster has 1 or 3 nodes, not {self.nodes}.")
        if self.heap_mib < HEAP_MIB_MIN:
            raise InvalidClusterOptions(
                f"A heap of {self.heap_mib} MiB is too small for Cassandra.",
                remedy=f"Give it {HEAP_MIB_MIN} MiB or more.",
            )
        for name in ("native_port", "storage_port", "jmx_port"):
            port = getattr(self, name)
            if not 0 <= port <= 65_535 - len(self.addresses):
                raise InvalidClusterOptions(f"{port} is no port that can be {name}.")

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of all nodes, in their order."""
        return tuple(f"127.0.0.{node}" for node in range(1, self.nodes + 1))

    def with_ports(self, **ports: int) -> ClusterOptions:
        """The same with other ports."""
        return msgspec.structs.replace(self, **ports)


_SIZE = re.compile(r"(\d+)\s*(?:(M|MB|MiB)|(G|GB|GiB))", re.IGNORECASE)


def parse_heap(text: str) -> int:
    """A size such as ``512M`` or ``1G``, in MiB.

    Raises:
        InvalidClusterOptions: it is not one.
    """
    if not (match := _SIZE.fullmatch(text.strip())):
        raise InvalidClusterOptions(f"{text!r} is no heap size.", remedy="Write 512M or 1G.")
    return int(match[1]) * (1024 if match[3] else 1)
