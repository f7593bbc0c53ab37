"""A real Cassandra for tests: started, killed, paused and restarted at will, on loopback.

Needs the extra ``helenus[cassandra-local]``, and nothing else on the machine but Python.
"""

from helenus.testing.cassandra.cluster import Cluster, NodeStatus
from helenus.testing.cassandra.errors import ClusterError
from helenus.testing.cassandra.options import ClientTls, ClusterOptions, Credentials
from helenus.testing.cassandra.progress import Progress, Step

__all__ = [
    "ClientTls",
    "Cluster",
    "ClusterError",
    "ClusterOptions",
    "Credentials",
    "NodeStatus",
    "Progress",
    "Step",
]
