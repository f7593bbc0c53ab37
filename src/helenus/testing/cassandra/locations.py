"""Where files are kept, by the XDG base directory specification, and who may write there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from helenus.testing.cassandra.errors import DirectoryBusy


def cache_home() -> Path:
    """What can be fetched again."""
    return _base("XDG_CACHE_HOME", ".cache") / "helenus" / "cassandra"


def state_home() -> Path:
    """What lives from one run to the next: data, logs, process ids."""
    return _base("XDG_STATE_HOME", ".local/state") / "helenus" / "cassandra"


def default_directory() -> Path:
    """Of the cluster that commands mean when they name none."""
    return state_home() / "default"


def temporary_home() -> Path:
    """Of the clusters that end with the process that started them."""
    return state_home() / "temporary"


def _base(variable: str, below_home: str) -> Path:
    value = os.environ.get(variable, "")
    # The specification has relative paths ignored.
    return Path(value) if Path(value).is_absolute() else Path.home() / below_home


@contextlib.contextmanager
def exclusive(path: Path, *, wait_s: float, holder: str) -> Iterator[None]:
    """Hold a lock between processes. It ends with the process, however that ends.

    Args:
        path: of the lock's own file, which stays behind.
        wait_s: how long to wait for another holder.
        holder: what the other one is doing, for the error.

    Raises:
        DirectoryBusy: somebody else held it all the time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise DirectoryBusy(
                        f"Another process is still {holder} after {wait_s:.0f} s.",
                        remedy=f"It holds {path}.",
                    ) from None
                time.sleep(0.1)
            else:
                break
        yield
