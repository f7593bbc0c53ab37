"""What can stand in the way of a cluster. Each says what is missing and what to do about it.

ClusterError
├── InvalidClusterOptions   options that make no cluster, or do not fit the one in the directory
├── ClusterNotRunning       there is no cluster where one is needed
├── AddressInUse            something else listens where a node would
├── NotEnoughMemory         the machine has less than the nodes need
├── RuntimeMissing          neither a Java runtime nor a Docker engine can run a node
├── ArtifactsUnavailable    Cassandra's files could not be fetched, or are not what was published
├── NodeFailed              a node died, or did not answer in time
└── DirectoryBusy           another process is starting or stopping this cluster
"""

from __future__ import annotations

from typing import ClassVar

from helenus.errors import HelenusError


class ClusterError(HelenusError):
    """Base of all errors of a local cluster.

    Attributes:
        exit_code: what the ``helenus`` command exits with.
    """

    exit_code: ClassVar[int] = 1


class InvalidClusterOptions(ClusterError):
    """Options that make no cluster, or that do not fit the cluster in the directory."""

    exit_code = 2


class ClusterNotRunning(ClusterError):
    """There is no running cluster where one is needed."""

    exit_code = 3


class AddressInUse(ClusterError):
    """Something else listens where a node would, or the address is not on this machine."""

    exit_code = 4


class NotEnoughMemory(ClusterError):
    """The machine has less memory available than the nodes need."""

    exit_code = 5


class RuntimeMissing(ClusterError):
    """Neither a Java runtime nor a Docker engine that could run a node."""

    exit_code = 6


class ArtifactsUnavailable(ClusterError):
    """Cassandra's files could not be fetched, or are not what was published."""

    exit_code = 7


class NodeFailed(ClusterError):
    """A node died, or did not answer in time; the message ends with the tail of its log."""

    exit_code = 8


class DirectoryBusy(ClusterError):
    """Another process is starting or stopping the cluster in this directory."""

    exit_code = 9
