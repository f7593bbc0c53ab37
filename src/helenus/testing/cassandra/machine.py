"""What the machine has to offer: addresses, ports, memory."""

from __future__ import annotations

import contextlib
import errno
import random
import socket

from helenus.testing.cassandra.errors import AddressInUse, NotEnoughMemory
from helenus.testing.cassandra.options import ClusterOptions

# Off the heap: compiled code, buffers, threads. Measured with a heap of 512 MiB: 0.84 GB resident.
OFF_HEAP_MIB = 400

# Below those that Linux and macOS give to whoever connects: one of those could be a connection's
# before the node that it was picked for listens.
_PORTS = range(15_000, 32_000)


def pick_ports(options: ClusterOptions) -> ClusterOptions:
    """Fill in the ports that were asked for as 0 with ones that are free on all addresses."""
    picked: dict[str, int] = {}
    with contextlib.ExitStack() as taken:
        for name in ("native_port", "storage_port", "jmx_port"):
            if getattr(options, name) == 0:
                picked[name] = _free_port(options, jmx=name == "jmx_port", taken=taken)
    return options.with_ports(**picked)


def _free_port(options: ClusterOptions, *, jmx: bool, taken: contextlib.ExitStack) -> int:
    """Free wherever it will be needed."""
    for _ in range(50):
        port = random.choice(_PORTS)  # no secret
        with contextlib.ExitStack() as attempt:
            try:
                for index, address in enumerate(options.addresses):
                    wanted = ("127.0.0.1", port + index) if jmx else (address, port)
                    attempt.enter_context(_bound(*wanted))
            except OSError:
                continue
            # Kept until all are picked, so that no two of them are the same.
            taken.push(attempt.pop_all())
            return port
    raise AddressInUse("No port is free on all addresses of the cluster.")


def check_addresses(options: ClusterOptions, node: int) -> None:
    """See whether a node could listen.

    Raises:
        AddressInUse: it could not; says who listens there, where that can be seen.
    """
    address = options.addresses[node - 1]
    wanted = {
        "clients": (address, options.native_port),
        "other nodes": (address, options.storage_port),
        "JMX": ("127.0.0.1", options.jmx_port + node - 1),
    }
    for purpose, (host, port) in wanted.items():
        try:
            _bound(host, port).close()
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise AddressInUse(
                    f"{host} is not an address of this machine.",
                    remedy=f"On macOS: sudo ifconfig lo0 alias {host}",
                ) from None
            raise AddressInUse(
                f"Node {node} cannot listen for {purpose} on {host}:{port}: "
                f"{_listener(host, port) or error.strerror}.",
                remedy="Stop what listens there, or choose another port.",
            ) from None


def check_memory(options: ClusterOptions, nodes: int) -> None:
    """See whether so many nodes fit.

    Raises:
        NotEnoughMemory: they do not.
    """
    import psutil  # noqa: PLC0415  # not there where only a keyspace is made

    needed = nodes * (options.heap_mib + OFF_HEAP_MIB)
    available = psutil.virtual_memory().available // 2**20
    if available < needed:
        raise NotEnoughMemory(
            f"{nodes} node(s) with a heap of {options.heap_mib} MiB need about {needed:,} MiB of "
            f"memory; {available:,} MiB are available.",
            remedy="Give each a smaller heap, or start fewer.",
        )


def _bound(host: str, port: int) -> socket.socket:
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1)
    except BaseException:
        listener.close()
        raise
    return listener


def _listener(host: str, port: int) -> str:
    """Who listens there, as far as this user may know."""
    import psutil  # noqa: PLC0415  # as above

    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return ""
    for connection in connections:
        local = connection.laddr
        if (
            connection.status == psutil.CONN_LISTEN
            and local
            and local.port == port
            and local.ip in (host, "0.0.0.0", "::", f"::ffff:{host}")
            and connection.pid
        ):
            with contextlib.suppress(psutil.Error):
                return f"{psutil.Process(connection.pid).name()} ({connection.pid}) does"
    return ""
