"""What a SQLite store holds and has done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from helenus.stores.sqlite.worker import BatchingThread


class SqliteStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a SQLite store holds, and has done since it was opened.

    Attributes:
        waiting: operations that wait for a thread; those under way count as one for each thread.
        writes: appends and snapshots given to the writing thread.
        write_groups: groups they were carried out in; writes ÷ groups is the group commit's gain.
        reads: pages, heads, snapshots and listings given to the reading threads.
        overloaded: operations refused because too many waited.
        file_bytes: size of the file.
        log_bytes: size of the write-ahead log beside it.
    """

    gauges: ClassVar[frozenset[str]] = frozenset({"waiting", "file_bytes", "log_bytes"})

    waiting: int = 0
    writes: int = 0
    write_groups: int = 0
    reads: int = 0
    overloaded: int = 0
    file_bytes: int = 0
    log_bytes: int = 0


def taken(
    path: Path, writer: BatchingThread[Any, Any] | None, readers: Sequence[BatchingThread[Any, Any]]
) -> SqliteStatistics:
    """The statistics of a store with these threads, which may have ended."""
    threads = [*([writer] if writer else []), *readers]
    return SqliteStatistics(
        waiting=sum(thread.load for thread in threads),
        writes=writer.jobs if writer else 0,
        write_groups=writer.batches if writer else 0,
        reads=sum(reader.jobs for reader in readers),
        overloaded=sum(thread.refused for thread in threads),
        file_bytes=_size(path),
        log_bytes=_size(path.with_name(f"{path.name}-wal")),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # not there, or not any more
        return 0
