"""The unit of work: what one command reads and the events it raises."""

from __future__ import annotations

from collections.abc import Mapping

from helenus.aggregates import A, Aggregate
from helenus.codec import Entry
from helenus.errors import DomainError, InvalidArgument
from helenus.events import Event
from helenus.state import Key, StreamState, StreamView

AGGREGATE_ID_CHARACTERS_MAX = 500


class UnitOfWork:
    """Hands out the aggregates of one stream and collects the events recorded through them.

    What it hands out are copies: only events can change a stream's state, so a unit that is
    refused, fails or meets a conflict leaves nothing behind.
    """

    def __init__(self, state: StreamState, earlier: Mapping[Key, Aggregate | None]) -> None:
        self._state = state
        self._earlier = earlier
        self._handed_out: dict[Key, Aggregate] = {}
        self._changed: dict[Key, Aggregate | None] = {}
        self._failed: DomainError | None = None
        self.entries: list[Entry] = []

    @property
    def stream(self) -> str:
        """The stream that this unit reads and writes."""
        return self._state.stream

    def get(self, aggregate_type: type[A], aggregate_id: str) -> A:
        """The aggregate of this type and id; empty if it never had an event.

        Raises:
            InvalidArgument: the id is empty, too long or not printable.
        """
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
        keys = dict.fromkeys([*self._state.aggregates, *self._earlier, *self._changed])
        return [
            self.get(aggregate_type, key[1]) for key in keys if key[0] == name and self._exists(key)
        ]

    def view(self) -> StreamView:
        """The stream as the commands before this one left it, to keep beyond the unit."""
        view = self._state.view()
        return view.changed(self._earlier) if self._earlier else view

    def record(self, aggregate: Aggregate, event: Event) -> None:
        """Apply an event to an aggregate and keep it for the commit. See `Aggregate.record`."""
        key = (aggregate.aggregate_name, aggregate.id)
        try:
            aggregate.apply(event)
        except Exception as error:
            # The aggregate may be half changed: even a program that catches this must not commit.
            self._failed = DomainError(
                f"Stream {self.stream!r}: applying {event!r} to {key[0]} {key[1]!r} failed: {error}"
            )
            raise self._failed from error
        self._changed[key] = aggregate
        self.entries.append((*key, event))
        if aggregate.may_finish and aggregate.finished():
            # As in `fold`: it is gone with this event, and whoever gets it again gets an empty one.
            self._changed[key] = None
            del self._handed_out[key]
            del aggregate.__dict__["recorder"]

    def close(self) -> dict[Key, Aggregate | None]:
        """End the unit and return the aggregates it changed; None for a finished one.

        Raises:
            DomainError: an event could not be applied.
        """
        for aggregate in self._handed_out.values():
            del aggregate.__dict__["recorder"]
        if self._failed is not None:
            raise self._failed
        return self._changed

    def _exists(self, key: Key) -> bool:
        return self._held(key) is not None

    def _held(self, key: Key) -> Aggregate | None:
        for changes in (self._changed, self._earlier):
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


def _check_aggregate(aggregate_type: type[Aggregate], aggregate_id: str) -> None:
    if not aggregate_type.aggregate_name:
        raise DomainError(f'{aggregate_type.__name__} is abstract: give it name="…".')
    if not 0 < len(aggregate_id) <= AGGREGATE_ID_CHARACTERS_MAX or not aggregate_id.isprintable():
        raise InvalidArgument(
            f"An aggregate id has 1 to {AGGREGATE_ID_CHARACTERS_MAX} printable characters;"
            f" {aggregate_id[:50]!r} does not fit."
        )
