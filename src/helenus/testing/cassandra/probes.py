"""Whether a node serves clients, and whether it reaches the others."""

from __future__ import annotations

from helenus.testing.cassandra.handshake import CONSISTENCY_ALL, Connection, NotServing
from helenus.testing.cassandra.options import ClusterOptions

# Replicated on every node of a small cluster, and part of every cluster.
EVERYWHERE = "SELECT * FROM system_distributed.parent_repair_history LIMIT 1"

LOG_IN_TIMEOUT_S = 5.0
QUERY_TIMEOUT_S = 20.0


def serves(number: int, options: ClusterOptions) -> bool:
    """Whether a client can log in to a node."""
    try:
        with _connected(number, options, LOG_IN_TIMEOUT_S) as connection:
            connection.log_in()
    except NotServing:
        return False
    return True


def trouble_reaching_others(number: int, options: ClusterOptions) -> str | None:
    """What a node says when it cannot read, through all nodes, what all keep; None if it can."""
    try:
        with _connected(number, options, QUERY_TIMEOUT_S) as connection:
            connection.log_in()
            connection.query(EVERYWHERE, CONSISTENCY_ALL)
    except NotServing as error:
        return str(error)
    return None


def _connected(number: int, options: ClusterOptions, timeout_s: float) -> Connection:
    return Connection(
        options.addresses[number - 1],
        options.native_port,
        timeout_s=timeout_s,
        credentials=options.credentials,
        tls=options.tls,
    )
