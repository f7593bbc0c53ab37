"""The verdict on a round, and what must stay as it is in all rounds that follow."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from helenus.store import Commit
from helenus.testing.histories import AppendSeen, History, Verdict, violations
from tests.torture.records import Log, SnapshotSeen

DID_NOT_HAPPEN = (Verdict.CONFLICT, Verdict.REFUSED)


class Settled(msgspec.Struct):
    """A stream whose round has been judged.

    Attributes:
        commit_ids: of all its commits, in order.
        unknown: commit ids of appends that may have happened and were not there.
        never: commit ids of appends that were reported not to have happened.
    """

    commit_ids: list[bytes]
    unknown: set[bytes]
    never: set[bytes]


class Tally(msgspec.Struct):
    """Counts of one round or of many.

    Attributes:
        operations: calls of stores.
        appends: by how they ended.
        reads: pages and heads that were shown; a read has one page or more.
        snapshots: saved and loaded.
        failed_reads: reads, heads and snapshots that were refused.
        unknown_there: appends of unknown outcome that were found to have happened.
        unknown_later: those of them that were found only after their round had ended.
        commits: in all streams.
        streams: how many.
        reasons: why calls failed that may fail.
    """

    operations: int = 0
    appends: Counter[Verdict] = msgspec.field(default_factory=Counter)
    reads: int = 0
    snapshots: int = 0
    failed_reads: int = 0
    unknown_there: int = 0
    unknown_later: int = 0
    commits: int = 0
    streams: int = 0
    reasons: Counter[str] = msgspec.field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        """Add another's counts."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def __str__(self) -> str:
        ended = ", ".join(
            f"{self.appends[verdict]:,} {name}"
            for verdict, name in (
                (Verdict.ACKNOWLEDGED, "acknowledged"),
                (Verdict.CONFLICT, "conflicts"),
                (Verdict.REFUSED, "refused"),
                (Verdict.UNKNOWN, "unknown"),
            )
        )
        return (
            f"{self.operations:,} operations: {self.appends.total():,} appends ({ended}; of the"
            f" unknown {self.unknown_there:,} were there, {self.unknown_later:,} of them later),"
            f" {self.reads:,} pages and heads read, {self.snapshots:,} snapshots,"
            f" {self.failed_reads:,} reads refused;"
            f" {self.commits:,} commits in {self.streams:,} streams"
        )


def judge(logs: Sequence[Log], final: Mapping[str, Sequence[Commit]]) -> tuple[Tally, list[str]]:
    """Count a round, and say what in it cannot be true of a sound store."""
    histories: defaultdict[str, History] = defaultdict(History)
    snapshots: defaultdict[str, list[SnapshotSeen]] = defaultdict(list)
    for log in logs:
        for append in log.appends:
            histories[append.stream].appends.append(append)
        for read in log.reads:
            histories[read.stream].reads.append(read)
        for snapshot in log.snapshots:
            snapshots[snapshot.stream].append(snapshot)
    found = [f"Not an error of a store:\n{text}" for log in logs for text in log.unexpected]
    for stream in final.keys() | histories.keys():
        history, end = histories[stream], final.get(stream, ())
        history.appends.sort(key=lambda seen: seen.began)
        found += violations(history, {stream: end})
        found += [f"Stream {stream!r}: {text}" for text in _of_snapshots(snapshots[stream], end)]
    return _tally(logs, final), found


def settled(logs: Iterable[Log], final: Mapping[str, Sequence[Commit]]) -> dict[str, Settled]:
    """What to keep of a round's streams."""
    kept = {
        stream: Settled([commit.commit_id for commit in commits], set(), set())
        for stream, commits in final.items()
    }
    for log in logs:
        for append in log.appends:
            ids = {commit.commit_id for commit in append.commits}
            if append.verdict in DID_NOT_HAPPEN:
                kept[append.stream].never |= ids
            elif append.verdict is Verdict.UNKNOWN:
                kept[append.stream].unknown |= ids.difference(kept[append.stream].commit_ids)
    return kept


def later(stream: str, before: Settled, commits: Sequence[Commit]) -> tuple[int, list[str]]:
    """Look at a stream again that nobody has appended to since.

    Returns:
        How many commits of unknown outcome have come into being, and what cannot be true.
    """
    ids = [commit.commit_id for commit in commits]
    fresh = ids[len(before.commit_ids) :]
    found = []
    if ids[: len(before.commit_ids)] != before.commit_ids:
        found.append(f"Stream {stream!r}: what was there is no longer as it was.")
    found += [
        f"Stream {stream!r}: commit {commit_id.hex()} did not happen, and is there."
        for commit_id in before.never.intersection(ids)
    ]
    found += [
        f"Stream {stream!r}: commit {commit_id.hex()} came from nowhere."
        for commit_id in set(fresh) - before.unknown - before.never
    ]
    before.commit_ids = ids
    return len(fresh), found


def _of_snapshots(seen: Sequence[SnapshotSeen], final: Sequence[Commit]) -> Iterable[str]:
    """A snapshot is of a state that was; a load shows none older than one kept before it began."""
    ids = {commit.last: commit.commit_id for commit in final}
    saves = sorted((s for s in seen if s.saved), key=lambda s: s.ended)
    kept, next_save = 0, 0
    for load in sorted((s for s in seen if not s.saved), key=lambda s: s.began):
        while next_save < len(saves) and saves[next_save].ended < load.began:
            kept = max(kept, saves[next_save].position)
            next_save += 1
        if load.position < kept:
            yield f"a snapshot at {load.position} was loaded after one at {kept} had been kept."
        if load.position and ids.get(load.position) != load.body:
            yield f"the snapshot at {load.position} is of another state."


def _tally(logs: Sequence[Log], final: Mapping[str, Sequence[Commit]]) -> Tally:
    there = {commit.commit_id for commits in final.values() for commit in commits}
    appends: list[AppendSeen] = [append for log in logs for append in log.appends]
    return Tally(
        operations=sum(log.operations for log in logs),
        appends=Counter(append.verdict for append in appends),
        reads=sum(len(log.reads) for log in logs),
        snapshots=sum(len(log.snapshots) for log in logs),
        failed_reads=sum(log.failed_reads for log in logs),
        unknown_there=sum(
            append.verdict is Verdict.UNKNOWN and append.commits[0].commit_id in there
            for append in appends
        ),
        commits=sum(map(len, final.values())),
        streams=len(final),
        reasons=sum((Counter(log.reasons) for log in logs), Counter()),
    )
