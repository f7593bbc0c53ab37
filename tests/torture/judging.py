"""The verdict on a round, and what must stay as it is in all rounds that follow."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from helenus.codec import Codec
from helenus.store import Commit
from helenus.testing.histories import AppendSeen, History, Verdict, violations
from tests.torture import commands
from tests.torture.records import Log, SnapshotSeen

_codec = Codec([commands.Notes])
DID_NOT_HAPPEN = (Verdict.CONFLICT, Verdict.REFUSED)


class Settled(msgspec.Struct):
    """A stream whose round has been judged.

    Attributes:
        ids: of all its commits, in order; of a stream of commands, all its items.
        unknown: the ids that may have come into being and were not there.
        never: the ids that were reported not to have come into being.
    """

    ids: list[str]
    unknown: set[str]
    never: set[str]


class Tally(msgspec.Struct):
    """Counts of one round or of many.

    Attributes:
        operations: calls of stores, and commands.
        commands: by how they ended; looks among those acknowledged.
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
    commands: Counter[Verdict] = msgspec.field(default_factory=Counter)
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
        return (
            f"{self.operations:,} operations: {self.commands.total():,} commands"
            f" ({_ended(self.commands)}), {self.appends.total():,} appends"
            f" ({_ended(self.appends)}; of the unknown {self.unknown_there:,} were there,"
            f" {self.unknown_later:,} of them later),"
            f" {self.reads:,} pages and heads read, {self.snapshots:,} snapshots,"
            f" {self.failed_reads:,} reads refused;"
            f" {self.commits:,} commits in {self.streams:,} streams"
        )


def _ended(verdicts: Counter[Verdict]) -> str:
    return ", ".join(
        f"{verdicts[verdict]:,} {name}"
        for verdict, name in (
            (Verdict.ACKNOWLEDGED, "acknowledged"),
            (Verdict.CONFLICT, "conflicts"),
            (Verdict.REFUSED, "refused"),
            (Verdict.UNKNOWN, "unknown"),
        )
        if verdict in verdicts
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
    items = {stream: identities(stream, final[stream]) for stream in final if is_of_notes(stream)}
    found += commands.violations((seen for log in logs for seen in log.commands), items)
    for stream in (final.keys() | histories.keys()) - items.keys():
        history, end = histories[stream], final.get(stream, ())
        history.appends.sort(key=lambda seen: seen.began)
        found += violations(history, {stream: end})
        found += [f"Stream {stream!r}: {text}" for text in _of_snapshots(snapshots[stream], end)]
    return _tally(logs, final), found


def notes_stream(round_: int, epoch: int, index: int) -> str:
    """The name of a stream of commands."""
    return f"{round_}/{epoch}/notes/{index}"


def is_of_notes(stream: str) -> bool:
    """Whether a stream is one of commands."""
    return "/notes/" in stream


def identities(stream: str, commits: Sequence[Commit]) -> list[str]:
    """What tells the contents of a stream apart: the items of commands, or the ids of commits."""
    if not is_of_notes(stream):
        return [commit.commit_id.hex() for commit in commits]
    return [
        event.item
        for body in _codec.decode_bodies(stream, commits)
        for *_, event in body
        if isinstance(event, commands.ItemNoted)
    ]


def settled(logs: Iterable[Log], final: Mapping[str, Sequence[Commit]]) -> dict[str, Settled]:
    """What to keep of a round's streams."""
    kept = {
        stream: Settled(identities(stream, commits), set(), set())
        for stream, commits in final.items()
    }
    for log in logs:
        for append in log.appends:
            _keep(kept, append.stream, append.verdict, {c.commit_id.hex() for c in append.commits})
        for command in log.commands:
            _keep(kept, command.stream, command.verdict, set(command.items))
    return kept


def _keep(kept: dict[str, Settled], stream: str, verdict: Verdict, ids: set[str]) -> None:
    if verdict in DID_NOT_HAPPEN:
        kept[stream].never |= ids
    elif verdict is Verdict.UNKNOWN:
        kept[stream].unknown |= ids.difference(kept[stream].ids)


def later(stream: str, before: Settled, commits: Sequence[Commit]) -> tuple[int, list[str]]:
    """Look at a stream again that nobody has appended to since.

    Returns:
        How many commits, or items, of unknown outcome have come into being, and what cannot be
        true.
    """
    ids = identities(stream, commits)
    fresh = ids[len(before.ids) :]
    found = []
    if ids[: len(before.ids)] != before.ids:
        found.append(f"Stream {stream!r}: what was there is no longer as it was.")
    found += [
        f"Stream {stream!r}: {never} did not happen, and is there."
        for never in before.never.intersection(ids)
    ]
    found += [
        f"Stream {stream!r}: {unasked} came from nowhere."
        for unasked in set(fresh) - before.unknown - before.never
    ]
    before.ids = ids
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
        commands=Counter(command.verdict for log in logs for command in log.commands),
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
