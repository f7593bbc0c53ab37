"""The port between a cluster and what runs its nodes: processes of our own, or Docker."""

from __future__ import annotations

import enum
from typing import Protocol

from helenus.testing.cassandra.configuration import NodeDirectory
from helenus.testing.cassandra.options import ClusterOptions
from helenus.testing.cassandra.progress import Progress


class Life(enum.Enum):
    """What the process of a node is doing. Whether it also serves clients is another question."""

    RUNNING = "running"
    PAUSED = "paused"
    ENDED = "ended"


class Runner(Protocol):
    """Runs nodes. Whatever it ends, it has started, in this process or in an earlier one."""

    @property
    def name(self) -> str:
        """By which ``runner_named`` finds it again."""

    def prepare(self, progress: Progress) -> None:
        """Get everything that starting a node takes, however long that is."""

    def start(self, node: NodeDirectory, options: ClusterOptions) -> None:
        """Start a node whose directory is configured, and return at once."""

    def life(self, node: NodeDirectory) -> Life:
        """What its process is doing."""

    def pid(self, node: NodeDirectory) -> int | None:
        """Its process id, where it runs."""

    def kill(self, node: NodeDirectory) -> None:
        """End it without a chance to do anything (SIGKILL); nothing if it has ended."""

    def stop(self, node: NodeDirectory, timeout_s: float) -> None:
        """Have it flush and end (SIGTERM), and kill it when that takes too long."""

    def pause(self, node: NodeDirectory) -> None:
        """Halt it where it is (SIGSTOP): its sockets stay, and nothing answers."""

    def resume(self, node: NodeDirectory) -> None:
        """Let it go on (SIGCONT)."""
