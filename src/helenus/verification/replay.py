"""What holds where the aggregates are known: events apply, and a snapshot is what they lead to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from helenus.codec import Codec
from helenus.errors import CodecError, DomainError
from helenus.findings import Finding
from helenus.snapshots import SnapshotCodec
from helenus.state import StreamState, fold
from helenus.store import Commit, Snapshot

_encode = msgspec.msgpack.Encoder().encode


class Replay:
    """Applies the commits of one stream, in order, and compares its snapshot on the way.

    Args:
        stream: its name.
        codec: knows the aggregates.
        snapshots: decodes the snapshot.
        snapshot: the one kept, loaded before the commits were read.
    """

    def __init__(
        self, stream: str, codec: Codec, snapshots: SnapshotCodec, snapshot: Snapshot | None
    ) -> None:
        self._stream = stream
        self._codec = codec
        self._snapshots = snapshots
        self._snapshot = snapshot
        self._state: StreamState | None = snapshots.new_state(stream)

    def apply(self, commits: Sequence[Commit]) -> Iterator[Finding]:
        """What does not hold about the next commits; behind an event that fails, nothing."""
        for commit in commits:
            if self._state is None:
                return
            try:
                fold(self._state, self._codec, [commit])
            except (CodecError, DomainError) as error:
                self._state = None
                yield Finding(self._stream, commit.first, "replay", str(error.args[0]))
                return
            if self._snapshot is not None and self._snapshot.position == commit.last:
                yield from self._compare(self._state, self._snapshot)

    def _compare(self, replayed: StreamState, snapshot: Snapshot) -> Iterator[Finding]:
        if snapshot.fingerprint != self._snapshots.fingerprint:
            return  # of other definitions: it is not used, and replaced in time
        kept = self._snapshots.decode(self._stream, snapshot)
        if kept is None:
            yield self._finding("snapshot-unreadable", "The snapshot cannot be read.")
            return
        if _aggregates(kept) != _aggregates(replayed):
            yield self._finding("snapshot-state", "The snapshot holds another state than replay.")
        if kept.recorded_at_us != replayed.recorded_at_us or (
            kept.window.encode(kept.recorded_at_us) != replayed.window.encode(kept.recorded_at_us)
        ):
            yield self._finding(
                "snapshot-window", "The snapshot remembers other commands than replay."
            )

    def _finding(self, kind: str, message: str) -> Finding:
        assert self._snapshot is not None
        return Finding(self._stream, self._snapshot.position, kind, message)


def _aggregates(state: StreamState) -> list[tuple[tuple[str, str], bytes]]:
    return [(key, _encode(aggregate)) for key, aggregate in state.aggregates.items()]
