"""The state of one stream in memory, and how commits change it.

Aggregates in a state are shared by whoever reads it, so they are never changed in place once the
state is published: `fold` changes copies, and a unit of work hands its copies over when its commit
is there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from helenus.aggregates import A, Aggregate
from helenus.codec import Codec
from helenus.command_window import CarriedOut, CommandWindow, Replayed
from helenus.errors import CorruptData, DomainError, UnknownEvent
from helenus.events import from_microseconds
from helenus.store import Commit, Head

Key = tuple[str, str]
"""An aggregate within its stream: type name and id."""


class StreamState:
    """All aggregates of a stream at its head, as this process knows it.

    Attributes:
        stream: its name.
        head: the head this state is of.
        recorded_at_us: when its last commit was recorded.
        aggregates: those that had an event and are not finished.
        window: the commands carried out.
        snapshot_position: the position of the last snapshot taken or loaded.
        size_bytes: what the state weighs encoded: the last snapshot and the events since.
        unsaved_bytes: encoded bytes folded in since the last snapshot.
    """

    __slots__ = (
        *("stream", "head", "recorded_at_us", "aggregates", "window"),
        *("snapshot_position", "size_bytes", "unsaved_bytes"),
    )

    def __init__(self, stream: str, window: CommandWindow) -> None:
        self.stream = stream
        self.head = Head(0)
        self.recorded_at_us = 0
        self.aggregates: dict[Key, Aggregate] = {}
        self.window = window
        self.snapshot_position = 0
        self.size_bytes = 0
        self.unsaved_bytes = 0

    def grow(self, size_bytes: int) -> None:
        """Count encoded bytes of events folded in."""
        self.size_bytes += size_bytes
        self.unsaved_bytes += size_bytes

    def saved(self, position: int, size_bytes: int) -> None:
        """Note that a snapshot of this size was taken or loaded."""
        self.snapshot_position = position
        self.size_bytes = size_bytes
        self.unsaved_bytes = 0

    def view(self) -> StreamView:
        """What a reader gets: unaffected by whatever is committed later."""
        return StreamView(
            self.stream, self.head.position, self.recorded_at_us, dict(self.aggregates)
        )


STREAM_BYTES = 2_000
AGGREGATE_BYTES = 500


class StateCache:
    """The states that a process keeps: those used last, within bounds.

    A state weighs its encoded bytes and an allowance for the objects that hold them: `STREAM_BYTES`
    for the stream and `AGGREGATE_BYTES` for each aggregate.

    Args:
        streams_max: most states kept.
        bytes_max: what the states kept may weigh.
    """

    def __init__(self, streams_max: int, bytes_max: int) -> None:
        self._streams_max = streams_max
        self._bytes_max = bytes_max
        self._states: OrderedDict[str, tuple[StreamState, int]] = OrderedDict()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._states)

    def get(self, stream: str) -> StreamState | None:
        """The state kept for a stream."""
        held = self._states.get(stream)
        if held is None:
            return None
        self._states.move_to_end(stream)
        return held[0]

    def put(self, state: StreamState) -> None:
        """Keep a state, and let go of those used longest ago."""
        self.drop(state.stream)
        weight = STREAM_BYTES + AGGREGATE_BYTES * len(state.aggregates) + state.size_bytes
        self._states[state.stream] = (state, weight)
        self.size_bytes += weight
        while len(self._states) > self._streams_max or self.size_bytes > self._bytes_max:
            _, (_, size_bytes) = self._states.popitem(last=False)
            self.size_bytes -= size_bytes

    def drop(self, stream: str) -> None:
        """Let go of a stream's state."""
        held = self._states.pop(stream, None)
        if held is not None:
            self.size_bytes -= held[1]


class Changes:
    """Aggregates changed since a state, so that replaying the same events gives the same order.

    Attributes:
        aggregates: those changed, by their first event since; None: finished.
        born: those of them that were empty before, also where one had finished earlier.
    """

    __slots__ = ("aggregates", "born")

    def __init__(self) -> None:
        self.aggregates: dict[Key, Aggregate | None] = {}
        self.born: set[Key] = set()

    def put(self, key: Key, aggregate: Aggregate | None, *, born: bool) -> None:
        """Add a changed aggregate."""
        if born:
            self.aggregates.pop(key, None)
            self.born.add(key)
        self.aggregates[key] = aggregate

    def extend(self, later: Changes) -> None:
        """Add changes that followed these."""
        for key, aggregate in later.aggregates.items():
            self.put(key, aggregate, born=key in later.born)

    def apply(self, aggregates: dict[Key, Aggregate]) -> None:
        """Make these changes to the aggregates of a state."""
        for key, aggregate in self.aggregates.items():
            if aggregate is None or key in self.born:
                aggregates.pop(key, None)
            if aggregate is not None:
                aggregates[key] = aggregate


class StreamView:
    """The aggregates of a stream as they stood at one position.

    Attributes:
        stream: its name.
        position: of the last event included; 0: the stream does not exist.
    """

    def __init__(
        self, stream: str, position: int, recorded_at_us: int, aggregates: Mapping[Key, Aggregate]
    ) -> None:
        self.stream = stream
        self.position = position
        self._recorded_at_us = recorded_at_us
        self._aggregates = aggregates

    def changed(self, changes: Changes, position: int, recorded_at_us: int) -> StreamView:
        """This view with the changes made up to a later position."""
        merged = dict(self._aggregates)
        changes.apply(merged)
        return StreamView(self.stream, position, recorded_at_us, merged)

    @property
    def recorded_at(self) -> datetime | None:
        """When the last commit included was recorded; None if there is none."""
        return from_microseconds(self._recorded_at_us) if self._recorded_at_us else None

    def get(self, aggregate_type: type[A], aggregate_id: str) -> A:
        """A copy of the aggregate; empty if it never had an event."""
        found = self._aggregates.get((aggregate_type.aggregate_name, aggregate_id))
        if found is None:
            return aggregate_type.empty(aggregate_id)
        assert isinstance(found, aggregate_type)
        return found.clone()

    def all(self, aggregate_type: type[A]) -> list[A]:
        """Copies of all aggregates of a type that had an event, in the order of their first."""
        return [found.clone() for found in self._of(aggregate_type)]

    def _of(self, aggregate_type: type[A]) -> Iterator[A]:
        for aggregate in self._aggregates.values():
            if isinstance(aggregate, aggregate_type):
                yield aggregate


def fold(
    state: StreamState,
    codec: Codec,
    commits: Sequence[Commit],
    *,
    published: bool = False,
    upto: int | None = None,
) -> None:
    """Apply commits to a state.

    Args:
        state: the state, which must be thrown away if this raises.
        codec: decodes the commits.
        commits: those that follow the state's head.
        published: whether others may hold the state's aggregates, so that they must be copied.
        upto: the last position to apply.

    Raises:
        CorruptData: a gap in the positions, or bytes that cannot be read.
        UnknownEvent: an event that no registered aggregate applies.
        DomainError: an ``@applies`` function raised.
    """
    if not commits:
        return
    stream, position = state.stream, state.head.position
    folding: dict[Key, Aggregate] = {}
    # Events come in runs of one aggregate, more often than not: this is that of the one before.
    of_type: str | None = None
    of_id: str | None = None
    key: Key = ("", "")
    aggregate: Any = None
    handlers, may_finish = Aggregate.handlers, False
    decoded = codec.decode_bodies(stream, commits)
    for commit, entries in zip(commits, decoded, strict=True):
        if commit.first != position + 1 or len(entries) != commit.last - position:
            raise _gap(stream, commit, position, len(entries))
        if upto is not None and commit.last > upto:
            entries = entries[: upto - position]  # noqa: PLW2901  # the part that was asked for
        for type_name, aggregate_id, event in entries:
            position += 1
            if aggregate_id != of_id or type_name != of_type:
                key = of_type, of_id = type_name, aggregate_id
                try:
                    aggregate = folding[key]
                except KeyError:
                    aggregate = folding[key] = _begin(state, codec, position, key, published)
                handlers, may_finish = aggregate.handlers, aggregate.may_finish
            try:
                handlers[type(event)](aggregate, event)
                if may_finish and aggregate.finished():
                    del folding[key], state.aggregates[key]
                    of_type = None  # its next event begins it anew
            except Exception as error:
                raise DomainError(
                    f"Stream {stream!r}, position {position}: applying {event.event_name!r} to"
                    f" {type_name} {aggregate_id!r} failed: {error!r}"
                ) from error
    state.recorded_at_us = commits[-1].recorded_at_us
    state.head = Head(position)
    state.grow(sum([len(commit.body) for commit in commits]))
    state.window.remember_replayed(commits)


def _gap(stream: str, commit: Commit, position: int, events: int) -> CorruptData:
    if commit.first != position + 1:
        return CorruptData(f"Stream {stream!r}: position {position} is followed by {commit.first}.")
    return CorruptData(
        f"Stream {stream!r}: positions {commit.first}–{commit.last} hold {events} events."
    )


def _begin(state: StreamState, codec: Codec, position: int, key: Key, published: bool) -> Aggregate:
    held = state.aggregates.get(key)
    if held is None:
        aggregate_type = codec.aggregates.get(key[0])
        if aggregate_type is None:
            raise UnknownEvent(
                f"Stream {state.stream!r}, position {position}: no aggregate type {key[0]!r} is"
                " registered."
            )
        held = aggregate_type.empty(key[1])
    elif published:
        held = held.clone()
    state.aggregates[key] = held
    return held


def carried_out(codec: Codec, stream: str, replayed: Replayed) -> CarriedOut | None:
    """What the command window remembers of a commit; None if it had no command id."""
    encoded, last, recorded_at_us = replayed
    meta = codec.decode_meta(stream, encoded, last)
    if meta.command_id is None:
        return None
    return CarriedOut(meta.command_id, last, recorded_at_us, meta.fingerprint)
