"""Runs nodes as Java processes of the user's own.

A process id alone does not tell whose process it is: ids are used again. So the time of its start
is noted with it, and each node carries its directory on its command line; what does not fit is not
ours and never signalled.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil

from helenus.testing.cassandra.artifacts import libraries
from helenus.testing.cassandra.configuration import NodeDirectory, java_arguments
from helenus.testing.cassandra.errors import ClusterNotRunning, RuntimeMissing
from helenus.testing.cassandra.java import Java, find_java
from helenus.testing.cassandra.options import ClusterOptions
from helenus.testing.cassandra.progress import Progress, Step, silent
from helenus.testing.cassandra.runners import Life

KILLED_WITHIN_S = 30.0
PAUSED_WITHIN_S = 5.0
SAME_START_S = 2.0


class ProcessRecord(msgspec.Struct, frozen=True):
    """A process that cannot be taken for a later one with the same id.

    Attributes:
        pid: its id.
        started: when, in seconds since the epoch, as the system tells it.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, process: psutil.Process) -> ProcessRecord:
        """The record of a living process."""
        return cls(process.pid, process.create_time())

    def find(self) -> psutil.Process | None:
        """The process, while it lives."""
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(self.pid)
            if (
                abs(process.create_time() - self.started) < SAME_START_S
                and process.status() != psutil.STATUS_ZOMBIE
            ):
                return process
        return None


class JavaProcesses:
    """Runs nodes as processes that outlive the one that started them."""

    name = "java"

    def __init__(self) -> None:
        self._java: Java | None = None
        self._libraries: Path | None = None

    def prepare(self, progress: Progress) -> None:
        """Find Java and fetch Cassandra.

        Raises:
            RuntimeMissing: there is no Java to run it.
            ArtifactsUnavailable: there is no Cassandra to run.
        """
        progress(Step("Looking for Java"))
        self._java = find_java()
        self._libraries = libraries(progress)

    def start(self, node: NodeDirectory, options: ClusterOptions) -> None:
        """Start the process in a session of its own, so that no terminal's Ctrl-C reaches it.

        Raises:
            RuntimeMissing: the command that is to run it is not there.
        """
        if self._java is None or self._libraries is None:
            self.prepare(silent)
        assert self._java is not None
        assert self._libraries is not None
        arguments = java_arguments(node, options, libraries=self._libraries, major=self._java.major)
        command = [*options.wrapper, str(self._java.executable), *arguments]
        # Not subprocess: what it starts it wants back, and this is to stay.
        new_file = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            pid = os.posix_spawnp(
                command[0],
                command,
                os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    (os.POSIX_SPAWN_OPEN, 1, node.output, new_file, 0o644),
                    (os.POSIX_SPAWN_DUP2, 1, 2),
                ],
                setsid=True,
                setsigdef=[signal.SIGPIPE],  # which Python ignores, and the node would inherit
            )
        except OSError as error:
            raise RuntimeMissing(f"Cannot run {command[0]}: {error.strerror}.") from None
        with contextlib.suppress(psutil.Error):  # it may have ended already
            node.process_file.write_bytes(
                msgspec.json.encode(ProcessRecord.of(psutil.Process(pid)))
            )

    def life(self, node: NodeDirectory) -> Life:
        """What the process is doing."""
        with contextlib.suppress(psutil.Error):
            if process := self._process(node):
                paused = process.status() == psutil.STATUS_STOPPED
                return Life.PAUSED if paused else Life.RUNNING
        return Life.ENDED

    def pid(self, node: NodeDirectory) -> int | None:
        """The process id, where there is a process."""
        process = self._process(node)
        return process.pid if process else None

    def kill(self, node: NodeDirectory) -> None:
        """Kill whatever runs in the node's directory, whether or not it was noted down."""
        ended = set(_all_of(node))
        if noted := self._process(node):
            ended.add(noted)
        for process in ended:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(ended, timeout=KILLED_WITHIN_S)
        node.process_file.unlink(missing_ok=True)

    def stop(self, node: NodeDirectory, timeout_s: float) -> None:
        """Ask the process to end; kill it when that takes too long."""
        if process := self._process(node):
            with contextlib.suppress(psutil.Error):
                process.terminate()
                process.resume()  # one that is paused would never hear of it
                process.wait(timeout_s)
        self.kill(node)

    def pause(self, node: NodeDirectory) -> None:
        """Stop the process where it is; all of it has stopped when this returns.

        Raises:
            ClusterNotRunning: there is none.
        """
        process = self._living(node)
        process.suspend()
        deadline = time.monotonic() + PAUSED_WITHIN_S
        while process.status() != psutil.STATUS_STOPPED and time.monotonic() < deadline:
            time.sleep(0.001)

    def resume(self, node: NodeDirectory) -> None:
        """Let the process go on.

        Raises:
            ClusterNotRunning: there is none.
        """
        self._living(node).resume()

    def _living(self, node: NodeDirectory) -> psutil.Process:
        if process := self._process(node):
            return process
        raise ClusterNotRunning(f"Node {node.number} in {node.path} is not running.")

    def _process(self, node: NodeDirectory) -> psutil.Process | None:
        try:
            record = msgspec.json.decode(node.process_file.read_bytes(), type=ProcessRecord)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        process = record.find()
        # In the first moment of its life, a process has no command line yet.
        return process if process and _carries(node, process, or_nothing=True) else None


def _all_of(node: NodeDirectory) -> Iterator[psutil.Process]:
    """Every process of the node: also one that was started by a run that died before noting it."""
    return (process for process in psutil.process_iter() if _carries(node, process))


def _carries(node: NodeDirectory, process: psutil.Process, *, or_nothing: bool = False) -> bool:
    try:
        arguments = process.cmdline()
    except psutil.Error:
        return False
    return node.marker in arguments or (or_nothing and not arguments)
