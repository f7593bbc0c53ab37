"""Clusters that end with the process that started them, also when it had no chance to do it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from helenus.testing.cassandra.available import runner_named
from helenus.testing.cassandra.configuration import NodeDirectory
from helenus.testing.cassandra.errors import InvalidClusterOptions
from helenus.testing.cassandra.locations import temporary_home
from helenus.testing.cassandra.options import NODE_COUNTS
from helenus.testing.cassandra.records import ClusterRecord, remove

UNOWNED_S = 60.0


class TemporaryDirectory:
    """A directory for a cluster that ends with this process.

    It is held by a file lock, which the system lets go of however the process ends; so anybody can
    tell an abandoned directory from one in use.
    """

    def __init__(self) -> None:
        temporary_home().mkdir(parents=True, exist_ok=True)
        self.path = Path(tempfile.mkdtemp(dir=temporary_home()))
        arriving = self.path / "owner.arriving"
        self._owner = os.open(arriving, os.O_CREAT | os.O_WRONLY)
        fcntl.flock(self._owner, fcntl.LOCK_EX)
        arriving.rename(self.path / "owner")  # nobody sees it before it is held

    def release(self) -> None:
        """Let go of it."""
        os.close(self._owner)


def abandoned_directories() -> Iterator[Path]:
    """Directories of temporary clusters whose process has ended without deleting them."""
    if not temporary_home().is_dir():
        return
    for directory in temporary_home().iterdir():
        with contextlib.suppress(FileNotFoundError):
            if _is_abandoned(directory):
                yield directory


def _is_abandoned(directory: Path) -> bool:
    try:
        owner = os.open(directory / "owner", os.O_WRONLY)
    except FileNotFoundError:
        # Either it is just being made, or somebody died while making or deleting it.
        return time.time() - directory.stat().st_mtime > UNOWNED_S
    try:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(owner)
    return True


def clean_up_abandoned() -> None:
    """End and delete temporary clusters whose process died without doing so."""
    for directory in abandoned_directories():
        try:
            record = ClusterRecord.read(directory)
        except InvalidClusterOptions:
            record = None
        runner = runner_named(record.runner if record else "java")
        for number in range(1, max(NODE_COUNTS) + 1):
            runner.kill(NodeDirectory(directory, number))
        remove(directory)
