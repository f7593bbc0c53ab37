"""The unit of work: what one command reads and the events it raises."""

from __future__ import annotations

import msgspec

from helenus.aggregates import A, Aggregate
from helenus.codec import Entry
from helenus.errors import DomainError, InvalidArgument
from helenus.events import Event
from helenus.state import Changes, Key, StreamState, StreamView

AGGREGATE_ID_CHARACTERS_MAX = 500
_encode = msgspec.msgpack.Encoder().encode


class UnitOfWork:
    """Hands out the aggregates of one stream and collects the events recorded through them.

    What it hands out are copies: only events can change a stream's state, so a unit that is
    refused, fails or meets a conflict leaves nothing behind.
    """

    def __init__(
        self,
        state: StreamState,
        earlier: Changes,
        *,
        position: int | None = None,
        recorded_at_us: int | None = None,
    ) -> None:
        self._state = state
        self._earlier = earlier
        self._position = state.head.position if position is None else position
        self._recorded_at_us = state.recorded_at_us if recorded_at_us is None else recorded_at_us
        self._closed = False
        self._handed_out: dict[Key, Aggregate] = {}
        self._changed = Changes()
        self._failed: DomainError | None = None
        self._as_recorded: list[tuple[Event, bytes | None]] = []
        self.entries: list[Entry] = []

    @property
    def stream(self) -> str:
        """The stream that this unit reads and writes."""
        return self._state.stream

    def get(self, aggregate_type: type[A], aggregate_id: str) -> A:
        """The aggregate of this type and id; empty if it never had an event.

        Raises:
            InvalidArgument: the id is empty, too long or not printable.
            DomainError: the unit is closed, or the type is not the registered one.
        """
        if self._closed:
            raise DomainError(f"Stream {self.stream!r}: the unit of work is closed.")
        if not isinstance(aggregate_id, str):
            raise InvalidArgument(f"An aggregate id is a text, not {type(aggregate_id).__name__}.")
        key = (aggregate_type.aggregate_name, aggregate_id)
        aggregate = self._handed_out.get(key)
        if aggregate is None:
            aggregate = self._copy(aggregate_type, key)
        if type(aggregate) is not aggregate_type:
            raise DomainError(
                f"{aggregate_type.__name__} is not the registered type of {key[0]!r}."
            )
        return aggregate

    def all(self, aggregate_type: type[A]) -> list[A]:
        """All aggregates of this type that had an event and are not finished."""
        name = aggregate_type.aggregate_name
        aggregates = dict(self._state.aggregates)
        self._earlier.apply(aggregates)
        self._changed.apply(aggregates)
        return [self.get(aggregate_type, key[1]) for key in aggregates if key[0] == name]

    def view(self) -> StreamView:
        """The stream as the commands before this one left it, to keep beyond the unit."""
        view = self._state.view()
        if not self._earlier.aggregates:
            return view
        return view.changed(self._earlier, self._position, self._recorded_at_us)

    def record(self, aggregate: Aggregate, event: Event) -> None:
        """Apply an event to an aggregate and keep it for the commit. See `Aggregate.record`."""
        key = (aggregate.aggregate_name, aggregate.id)
        if not event.is_immutable:
            self._as_recorded.append((event, _encoded(event)))
        try:
            aggregate.apply(event)
            _require_declared(aggregate)
        except Exception as error:
            # The aggregate may be half changed: even a program that catches this must not commit.
            self._failed = DomainError(
                f"Stream {self.stream!r}: applying {event!r} to {key[0]} {key[1]!r} failed: {error}"
            )
            raise self._failed from error
        self._changed.put(key, aggregate, born=self._held(key) is None)
        self.entries.append((*key, event))
        if aggregate.may_finish and aggregate.finished():
            # As in `fold`: it is gone with this event, and whoever gets it again gets an empty one.
            self._changed.put(key, None, born=False)
            del self._handed_out[key]
            del aggregate.__dict__["recorder"]

    def abandon(self) -> None:
        """End the unit without an outcome: nothing can be got from it or recorded any more."""
        self._closed = True
        for aggregate in self._handed_out.values():
            aggregate.__dict__.pop("recorder", None)

    def close(self) -> Changes:
        """End the unit and return what it changed.

        Raises:
            DomainError: an event could not be applied, or an aggregate was changed without one.
        """
        self.abandon()
        if self._failed is not None:
            raise self._failed
        self._require_pure()
        return self._changed

    def _require_pure(self) -> None:
        """Hold what the command left behind against its events applied to what it found.

        So state depends on events alone: a change outside ``@applies`` would be in this process's
        memory and in snapshots, and nowhere else.
        """
        for event, as_recorded in self._as_recorded:
            if _encoded(event) != as_recorded:
                raise DomainError(
                    f"Stream {self.stream!r}: event {event.event_name!r} was changed after it was"
                    " recorded.",
                    remedy="An @applies method must copy what it keeps of an event and changes.",
                )
        folded: dict[Key, Aggregate] = {}
        for type_name, aggregate_id, event in self.entries:
            key = (type_name, aggregate_id)
            if key in self._handed_out:
                aggregate = folded.get(key)
                if aggregate is None:
                    aggregate = folded[key] = self._found(key, self._handed_out[key])
                aggregate.apply(event)
                if aggregate.may_finish and aggregate.finished():
                    folded[key] = aggregate.empty(aggregate_id)
        for key, handed_out in self._handed_out.items():
            expected = folded.get(key) or self._found(key, handed_out, copy=False)
            if handed_out != expected and _encode(handed_out) != _encode(expected):
                raise DomainError(
                    f"Stream {self.stream!r}: {key[0]} {key[1]!r} was changed other than by its"
                    " events.",
                    remedy="Change state only in @applies methods; record an event instead.",
                )

    def _found(self, key: Key, handed_out: Aggregate, *, copy: bool = True) -> Aggregate:
        """The aggregate as the unit found it; empty if it had no event."""
        earlier = self._earlier.aggregates
        held = earlier[key] if key in earlier else self._state.aggregates.get(key)
        if held is None:
            return handed_out.empty(key[1])
        return held.clone() if copy else held

    def _held(self, key: Key) -> Aggregate | None:
        for changes in (self._changed.aggregates, self._earlier.aggregates):
            if key in changes:
                return changes[key]
        return self._state.aggregates.get(key)

    def _copy(self, aggregate_type: type[A], key: Key) -> Aggregate:
        held = self._held(key)
        if held is None:
            _check_aggregate(aggregate_type, key[1])
            copy: Aggregate = aggregate_type.empty(key[1])
        else:
            copy = held.clone()
        copy.__dict__["recorder"] = self
        self._handed_out[key] = copy
        return copy


def _encoded(event: Event) -> bytes | None:
    try:
        return _encode(event)
    except Exception:  # noqa: BLE001  # the codec will name it
        return None


def _require_declared(aggregate: Aggregate) -> None:
    """Refuse state that no snapshot would hold; beside the fields there are `id` and `recorder`."""
    if len(aggregate.__dict__) > 2:
        undeclared = ", ".join(sorted(aggregate.__dict__.keys() - {"id", "recorder"}))
        raise DomainError(f"{type(aggregate).__name__} has no field {undeclared}: declare it.")


def _check_aggregate(aggregate_type: type[Aggregate], aggregate_id: str) -> None:
    if not aggregate_type.aggregate_name:
        raise DomainError(f'{aggregate_type.__name__} is abstract: give it name="…".')
    if not 0 < len(aggregate_id) <= AGGREGATE_ID_CHARACTERS_MAX or not aggregate_id.isprintable():
        raise InvalidArgument(
            f"An aggregate id has 1 to {AGGREGATE_ID_CHARACTERS_MAX} printable characters;"
            f" {aggregate_id[:50]!r} does not fit."
        )
