"""What holds for the commits of every stream, whatever events they carry."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import TypeVar

from helenus.codec import checksum
from helenus.errors import CorruptData
from helenus.events import parse_tag
from helenus.findings import Finding
from helenus.raw import raw_events, raw_meta
from helenus.store import Commit

K = TypeVar("K")
V = TypeVar("V")

KINDS = {
    "positions": "a commit does not begin behind the one before it",
    "commit-id": "two commits of the stream have one id",
    "recorded-at": "a commit was recorded before the one that precedes it",
    "kinds": "a commit names other events than it holds",
    "checksum": "meta or body are not what was written",
    "body": "the events cannot be read",
    "meta": "the metadata cannot be read",
    "command-id": "a command took effect twice within the window",
}


class Recent:
    """The keys added last: all of `most` ÷ 2, and none of those before the last `most`.

    Two sets take turns, which hold them in a third of what an ordered dictionary needs.

    Args:
        most: keys held; 2 or more.
    """

    def __init__(self, most: int) -> None:
        self._half = max(most // 2, 1)
        self._newer: set[bytes] = set()
        self._older: set[bytes] = set()

    def __contains__(self, key: bytes) -> bool:
        return key in self._newer or key in self._older

    def __len__(self) -> int:
        return len(self._newer) + len(self._older)

    def add(self, key: bytes) -> None:
        """Hold a key, and let go of the oldest."""
        if len(self._newer) >= self._half:
            self._older, self._newer = self._newer, set()
        self._newer.add(key)


class StructureCheck:
    """Looks at the commits of one stream, in order.

    Args:
        stream: its name.
        commit_ids_max: how many of the last commit ids are compared; half of them at least.
        commands_max: bound of the command window, in commands.
        horizon_us: bound of the command window, in microseconds.
    """

    def __init__(
        self, stream: str, *, commit_ids_max: int, commands_max: int, horizon_us: int
    ) -> None:
        self.position = 0
        self._stream = stream
        self._recorded_at_us = 0
        self._ids = Recent(commit_ids_max)
        self._commands_max = commands_max
        self._horizon_us = horizon_us
        self._commands: OrderedDict[str, int] = OrderedDict()

    def look(self, commit: Commit) -> Iterator[Finding]:
        """What does not hold about the next commit."""
        where = commit.first
        if commit.first != self.position + 1 or commit.last < commit.first:
            yield self._finding(
                where,
                "positions",
                f"Position {self.position} is followed by a commit of"
                f" {commit.first}–{commit.last}.",
            )
        self.position = commit.last
        if commit.commit_id in self._ids:
            yield self._finding(where, "commit-id", f"Commit {commit.commit_id.hex()} was before.")
        self._ids.add(commit.commit_id)
        if commit.recorded_at_us < self._recorded_at_us:
            yield self._finding(
                where,
                "recorded-at",
                f"It was recorded {self._recorded_at_us - commit.recorded_at_us:,} µs before the"
                " commit that precedes it.",
            )
        self._recorded_at_us = max(self._recorded_at_us, commit.recorded_at_us)
        if commit.checksum is not None and commit.checksum != checksum(commit.meta, commit.body):
            yield self._finding(where, "checksum", "Meta or body are not what was written.")
            return
        yield from self._events(commit)
        yield from self._command(commit)

    def _events(self, commit: Commit) -> Iterator[Finding]:
        try:
            held = [(event.name, event.version) for event in raw_events(self._stream, commit)]
        except CorruptData as error:
            yield self._finding(commit.first, "body", str(error.args[0]))
            return
        try:
            named = [parse_tag(kind) for kind in commit.kinds]
        except (ValueError, TypeError, AttributeError):
            named = []
        if named != held or len(held) != commit.last - commit.first + 1:
            yield self._finding(
                commit.first,
                "kinds",
                f"Positions {commit.first}–{commit.last} name {len(commit.kinds)} events and hold"
                f" {len(held)}, or others.",
            )

    def _command(self, commit: Commit) -> Iterator[Finding]:
        try:
            command_id = raw_meta(self._stream, commit).command_id
        except CorruptData as error:
            yield self._finding(commit.first, "meta", str(error.args[0]))
            return
        if command_id is None:
            return
        before = self._commands.get(command_id)
        if before is not None and before >= commit.recorded_at_us - self._horizon_us:
            yield self._finding(
                commit.first, "command-id", f"The command {command_id!r} took effect before."
            )
        _keep(self._commands, command_id, commit.recorded_at_us, self._commands_max)

    def _finding(self, position: int, kind: str, message: str) -> Finding:
        return Finding(self._stream, position, kind, message)


def _keep(held: OrderedDict[K, V], key: K, value: V, most: int) -> None:
    held[key] = value
    held.move_to_end(key)
    while len(held) > most:
        held.popitem(last=False)
