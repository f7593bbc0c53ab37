"""The aggregates of one customer, folded event by event, for whoever looks in between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from download_licensing.domain.situation import A
from helenus.aggregates import Aggregate
from helenus.codec import Entry


class Fold:
    """The state after each event of a stream.

    It hands out the aggregates themselves, not copies, so that a look costs nothing: whoever gets
    one must not change or keep it.

    Args:
        types: the aggregate types of the stream.

    Attributes:
        position: of the last event folded in.
    """

    __slots__ = ("_held", "_types", "position")

    def __init__(self, types: Iterable[type[Aggregate]]) -> None:
        self._types = {one.aggregate_name: one for one in types}
        self._held: dict[str, dict[str, Aggregate]] = {name: {} for name in self._types}
        self.position = 0

    def get(self, aggregate_type: type[A], aggregate_id: str) -> A:
        """The aggregate as it stands; empty if it never had an event."""
        held = self._held[aggregate_type.aggregate_name].get(aggregate_id)
        if held is None:
            return aggregate_type.empty(aggregate_id)
        assert isinstance(held, aggregate_type)
        return held

    def apply(self, entries: Sequence[Entry]) -> None:
        """Fold in the events that come next, as the repository does."""
        for type_name, aggregate_id, event in entries:
            held = self._held[type_name]
            aggregate = held.get(aggregate_id)
            if aggregate is None:
                aggregate = held[aggregate_id] = self._types[type_name].empty(aggregate_id)
            aggregate.handlers[type(event)](aggregate, event)
            if aggregate.may_finish and aggregate.finished():
                del held[aggregate_id]
        self.position += len(entries)
