"""What the processes of a run tell one another: plans, and what was seen."""

from __future__ import annotations

import msgspec

from helenus.stores.cassandra import CassandraSettings
from helenus.testing.histories import AppendSeen, ReadSeen
from tests.torture.commands import CommandSeen


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker does in one round.

    Attributes:
        settings: of its stores; the size of its buckets is its own.
        seed: of its choices.
        streams: of each epoch, shared by all workers; the last epoch lasts until the end.
        notes: the same, for commands.
        began: of the first epoch, on the machine's monotonic clock, in nanoseconds.
        epoch_s: how long the streams of an epoch are the busiest ones.
        ends: when to stop, on the same clock.
        operations: after which to stop at the latest.
        stores: how many it opens.
        clients: how many use each store at once.
        commanders: how many send commands to a repository on each store at once.
        log: the file for its `Log`.
    """

    settings: CassandraSettings
    seed: str
    streams: list[list[str]]
    notes: list[list[str]]
    began: int
    epoch_s: float
    ends: int
    operations: int
    stores: int
    clients: int
    commanders: int
    log: str


class SnapshotSeen(msgspec.Struct, kw_only=True):
    """A snapshot that was saved, or one that was loaded.

    Attributes:
        stream: its stream.
        saved: whether it was saved, and that was acknowledged; else it was loaded.
        began: when that began.
        ended: when it ended.
        position: of the snapshot; 0: none was there.
        body: the id of the commit that ends at the position.
    """

    stream: str
    saved: bool
    began: int
    ended: int
    position: int
    body: bytes = b""


class Log(msgspec.Struct, kw_only=True):
    """What one worker saw.

    Attributes:
        operations: how many calls of a store it made, and commands.
        appends: every append.
        reads: every page read, and every head.
        snapshots: every snapshot saved or loaded.
        commands: every command, and every look at what commands have left.
        failed_reads: how many reads, heads and snapshots failed: a refusal that is in order.
        reasons: why calls failed that may fail, with how often.
        unexpected: errors that no store may raise.
    """

    operations: int = 0
    appends: list[AppendSeen] = []
    reads: list[ReadSeen] = []
    snapshots: list[SnapshotSeen] = []
    commands: list[CommandSeen] = []
    failed_reads: int = 0
    reasons: dict[str, int] = {}
    unexpected: list[str] = []
