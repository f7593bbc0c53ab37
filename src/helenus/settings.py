"""Bounds of a repository. Each has its unit in its name, and an error that names it."""

from __future__ import annotations

import msgspec

from helenus.errors import InvalidArgument
from helenus.store import COMMIT_BYTES_MAX, PAGE_BYTES


class RepositorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a repository.

    Attributes:
        cache_streams_max: states kept in memory, in streams.
        cache_bytes_max: states kept in memory, in bytes as `StateCache` estimates them.
        waiting_per_stream_max: commands that may wait for one stream; a further one is refused.
        waiting_max: commands that may wait in all; a further one is refused.
        group_commands_max: most commands that one append carries.
        group_bytes_max: encoded bytes from which on an append takes no further command.
        commit_events_max: most events that one command may record.
        commit_bytes_max: most encoded bytes that one command may record.
        attempts_max: how often a command is decided before a conflict is reported.
        backoff_s: longest wait after a conflict, jittered; at least as long as `turns` finds good.
        snapshot_events: events after which a stream gets a new snapshot; 0: never.
        snapshot_bytes: encoded bytes after which it gets one all the same.
        snapshots_waiting_max: snapshots that may wait to be saved; a further one is skipped.
        command_window_s: for how long a command id is remembered, in seconds.
        command_window_max: how many command ids are remembered for each stream.
        page_bytes: payload read from the store at once.
    """

    cache_streams_max: int = 100_000
    cache_bytes_max: int = 256 * 1024 * 1024
    waiting_per_stream_max: int = 1_000
    waiting_max: int = 10_000
    group_commands_max: int = 128
    group_bytes_max: int = 1024 * 1024
    commit_events_max: int = 1_000
    commit_bytes_max: int = 1024 * 1024
    attempts_max: int = 256
    backoff_s: float = 0.002
    snapshot_events: int = 100
    snapshot_bytes: int = 256 * 1024
    snapshots_waiting_max: int = 1_000
    command_window_s: int = 24 * 3600
    command_window_max: int = 1_000
    page_bytes: int = PAGE_BYTES

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            # A state in memory may be stale at the first attempt.
            least = {"snapshot_events": 0, "backoff_s": 0, "attempts_max": 2}.get(name, 1)
            if getattr(self, name) < least:
                raise InvalidArgument(f"Repository setting {name} must be at least {least}.")
        if self.commit_bytes_max > COMMIT_BYTES_MAX:
            raise InvalidArgument(f"commit_bytes_max is at most {COMMIT_BYTES_MAX:,}.")
