"""A real Cassandra cluster on this machine's loopback addresses, and the faults it can be given."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from helenus.testing.cassandra import machine
from helenus.testing.cassandra.available import default_runner, runner_named
from helenus.testing.cassandra.configuration import NodeDirectory
from helenus.testing.cassandra.errors import ClusterNotRunning, InvalidClusterOptions, NodeFailed
from helenus.testing.cassandra.leftovers import TemporaryDirectory, clean_up_abandoned
from helenus.testing.cassandra.locations import exclusive
from helenus.testing.cassandra.options import ClusterOptions
from helenus.testing.cassandra.probes import serves, trouble_reaching_others
from helenus.testing.cassandra.progress import Progress, Step, silent
from helenus.testing.cassandra.records import ClusterRecord, remove
from helenus.testing.cassandra.release import VERSION
from helenus.testing.cassandra.runners import Life, Runner

STOP_TIMEOUT_S = 60.0
BUSY_WAIT_S = 300.0
POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """How a node is.

    Attributes:
        number: from 1.
        address: where it listens.
        state: ``up`` (serves clients), ``starting`` (runs, does not serve), ``paused``, ``down``.
        pid: its process, where it runs.
    """

    number: int
    address: str
    state: str
    pid: int | None


class Cluster:
    """A cluster of one or three nodes in a directory.

    As a context manager, plain or async, it is started on entry. On exit it is ended: killed and
    deleted if the directory is a temporary one, else stopped with its data kept. All methods block;
    in async code, call those that wait through ``asyncio.to_thread``.

    Args:
        options: what it is to be like.
        directory: where it keeps everything; None for a temporary one that ends with this process,
            and is cleaned up by the next cluster to start anywhere if this process cannot.
        runner: "java" or "docker"; None takes Docker where an engine runs.
        progress: told what is going on during a start.
    """

    def __init__(
        self,
        options: ClusterOptions | None = None,
        *,
        directory: Path | None = None,
        runner: str | None = None,
        progress: Progress = silent,
    ) -> None:
        self.options = options or ClusterOptions()
        self._temporary = TemporaryDirectory() if directory is None else None
        self.directory = (
            self._temporary.path if self._temporary else Path(directory or "").resolve()
        )
        self._runner = None if runner is None else runner_named(runner)
        self._progress = progress
        self._given_up = threading.Event()

    @classmethod
    def open(cls, directory: Path, *, progress: Progress = silent) -> Cluster:
        """The cluster that was started in a directory, by whatever process.

        Raises:
            ClusterNotRunning: none ever was.
        """
        record = ClusterRecord.read(directory)
        if record is None:
            raise ClusterNotRunning(f"There is no cluster in {directory}.")
        return cls(record.options, directory=directory, runner=record.runner, progress=progress)

    @property
    def contact_points(self) -> tuple[str, ...]:
        """The addresses of all nodes."""
        return self.options.addresses

    @property
    def port(self) -> int:
        """Where clients connect, on every address. Known once the cluster has been started."""
        return self.options.native_port

    @property
    def runner(self) -> Runner:
        """What runs the nodes."""
        if self._runner is None:
            self._runner = default_runner()
        return self._runner

    def start(self) -> None:
        """Bring the cluster up: start what is down, resume what is paused, leave what runs.

        Raises:
            ClusterError: it cannot be; nodes that this call started have been ended again.
        """
        clean_up_abandoned()
        with self._exclusive():
            self._take_over()
            missing = [node for node in self._nodes() if self.runner.life(node) is Life.ENDED]
            machine.check_memory(self.options, len(missing))
            self.options = machine.pick_ports(self.options)
            for node in missing:
                self.runner.kill(node)  # what an interrupted run left without noting it
                machine.check_addresses(self.options, node.number)
            if missing:
                self.runner.prepare(self._progress)
            self._note()
            try:
                for node in missing:
                    self._progress(Step(f"Starting node {node.number} of {self.options.nodes}"))
                    node.write_configuration(self.options)
                    self.runner.start(node, self.options)
                for node in self._nodes():
                    if self.runner.life(node) is Life.PAUSED:
                        self.runner.resume(node)
                    self.wait_until_ready(node.number)
                self.wait_until_whole()
            except BaseException:
                for node in missing:
                    self.runner.kill(node)
                raise

    def stop(self) -> None:
        """End all nodes in good order and keep their data. Nothing if they have ended."""
        with self._exclusive():
            stopping = [
                threading.Thread(target=self.runner.stop, args=(node, STOP_TIMEOUT_S))
                for node in self._nodes()
            ]
            for thread in stopping:
                thread.start()
            for thread in stopping:
                thread.join()

    def delete(self) -> None:
        """Kill all nodes and delete the directory with all data."""
        with self._exclusive():
            for node in self._nodes():
                self.runner.kill(node)
        remove(self.directory)
        if self._temporary:
            self._temporary.release()
            self._temporary = None

    def start_node(self, number: int) -> None:
        """Start a node that has ended, and wait until it serves clients.

        Raises:
            NodeFailed: it does not.
        """
        node = self._node(number)
        if self.runner.life(node) is Life.ENDED:
            self.runner.kill(node)
            machine.check_addresses(self.options, number)
            node.write_configuration(self.options)
            self.runner.start(node, self.options)
        self.wait_until_ready(number)

    def stop_node(self, number: int) -> None:
        """Have a node flush and end."""
        self.runner.stop(self._node(number), STOP_TIMEOUT_S)

    def kill(self, number: int) -> None:
        """End a node without warning (SIGKILL)."""
        self.runner.kill(self._node(number))

    def pause(self, number: int) -> None:
        """Halt a node (SIGSTOP): connections stay open, and nothing answers.

        Raises:
            ClusterNotRunning: it does not run.
        """
        self.runner.pause(self._node(number))

    def resume(self, number: int) -> None:
        """Let a paused node go on (SIGCONT).

        Raises:
            ClusterNotRunning: it does not run.
        """
        self.runner.resume(self._node(number))

    def logs(self, number: int) -> Path:
        """The file that a node logs to."""
        return self._node(number).system_log

    def output(self, number: int) -> Path:
        """The file with what a node's virtual machine printed."""
        return self._node(number).output

    def status(self) -> list[NodeStatus]:
        """How each node is."""
        return [
            NodeStatus(
                node.number,
                self.options.addresses[node.number - 1],
                self._state(node),
                self.runner.pid(node),
            )
            for node in self._nodes()
        ]

    def wait_until_ready(self, number: int) -> None:
        """Wait until a node serves clients.

        Raises:
            NodeFailed: it has ended, or ``start_timeout_s`` has passed.
        """
        node = self._node(number)
        began = time.monotonic()
        while not serves(number, self.options):
            waited = time.monotonic() - began
            if self.runner.life(node) is Life.ENDED:
                raise NodeFailed(f"Node {number} ended while it started.\n{node.tail()}")
            if waited > self.options.start_timeout_s:
                raise NodeFailed(
                    f"Node {number} did not answer within {waited:.0f} s.\n{node.tail()}"
                )
            self._progress(Step(f"Waiting for node {number}"))
            self._pause()

    def wait_until_whole(self) -> None:
        """Wait until every node reaches every other: each reads, at ALL, what all of them keep.

        Raises:
            NodeFailed: one still does not after ``start_timeout_s``.
        """
        if self.options.nodes == 1:
            return
        self._progress(Step("Waiting for the nodes to see each other"))
        deadline = time.monotonic() + self.options.start_timeout_s
        for node in self._nodes():
            while trouble := trouble_reaching_others(node.number, self.options):
                if time.monotonic() > deadline:
                    raise NodeFailed(
                        f"Node {node.number} does not see the others: {trouble}\n{node.tail()}"
                    )
                self._pause()

    def _state(self, node: NodeDirectory) -> str:
        match self.runner.life(node):
            case Life.ENDED:
                return "down"
            case Life.PAUSED:
                return "paused"
            case Life.RUNNING:
                return "up" if serves(node.number, self.options) else "starting"

    def _take_over(self) -> None:
        """Go on with what is in the directory, if it is what was asked for."""
        record = ClusterRecord.read(self.directory)
        if record is None:
            return
        old = record.options
        if old.nodes != self.options.nodes or record.version != VERSION:
            raise InvalidClusterOptions(
                f"{self.directory} has a cluster of {old.nodes} node(s) of Cassandra "
                f"{record.version}, not of {self.options.nodes} of {VERSION}.",
                remedy="Name another directory, or delete that one.",
            )
        runner = runner_named(record.runner)
        if any(runner.life(node) is not Life.ENDED for node in self._nodes()):
            # It runs: it stays as it is.
            self.options, self._runner = old, runner
            return
        if self.options.storage_port not in (0, old.storage_port):
            raise InvalidClusterOptions(
                f"The nodes in {self.directory} know each other by port {old.storage_port}.",
                remedy="Leave their storage port as it is, or delete the cluster.",
            )
        self.options = self.options.with_ports(
            native_port=self.options.native_port or old.native_port,
            storage_port=old.storage_port,
            jmx_port=self.options.jmx_port or old.jmx_port,
        )

    def _note(self) -> None:
        record = ClusterRecord(version=VERSION, runner=self.runner.name, options=self.options)
        record.write(self.directory)

    def _nodes(self) -> list[NodeDirectory]:
        return [self._node(number) for number in range(1, self.options.nodes + 1)]

    def _node(self, number: int) -> NodeDirectory:
        if not 1 <= number <= self.options.nodes:
            raise InvalidClusterOptions(
                f"There is no node {number} in a cluster of {self.options.nodes}."
            )
        return NodeDirectory(self.directory, number)

    def _exclusive(self) -> AbstractContextManager[None]:
        return exclusive(
            self.directory / "lock",
            wait_s=BUSY_WAIT_S,
            holder=f"starting or stopping the cluster in {self.directory}",
        )

    def _pause(self) -> None:
        if self._given_up.wait(POLL_S):
            raise NodeFailed("The start was given up.")

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            if self._temporary:
                self.delete()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._temporary:
            self.delete()
        else:
            self.stop()

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self.__enter__)
        except asyncio.CancelledError:
            self._given_up.set()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)
