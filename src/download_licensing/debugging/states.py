"""How things stood at any moment of a history, and what changed between two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from download_licensing.debugging.errors import NotInOrder, PositionBeyondHead, TimeBeforeHistory
from download_licensing.debugging.timeline import Entry, decided_at, entries, head_of
from download_licensing.domain.times import utc
from download_licensing.service.licensing import AGGREGATES, stream_of
from helenus.aggregates import Aggregate
from helenus.errors import InvalidArgument
from helenus.repository import AggregateRepository
from helenus.state import StreamView

SHOWN_MAX = 10_000
"""Most aggregates, changes or events in one answer."""

Change = Literal["appeared", "changed", "gone"]

_ABSENT = object()


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """A point of a history: a position, a time, or neither for the head.

    Attributes:
        position: of the last event that counts.
        time: events recorded up to then count.
    """

    position: int | None = None
    time: datetime | None = None


HEAD = Moment()


class AggregateState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one aggregate.

    Attributes:
        type: account, downloaded-title, device or license.
        id: which of them.
        state: all of its fields.
    """

    type: str
    id: str
    state: dict[str, Any]


class StateAt(msgspec.Struct, frozen=True, kw_only=True):
    """How things stood at a moment.

    Attributes:
        customer_id: whose.
        position: of the last event that counts.
        head: the position of the last event there is.
        decided_at: the time of the decision that the last event that counts records.
        recorded_at: when that event was committed.
        aggregates: by type, those of a type in the order of their first events.
        left_out: how many aggregates there are beyond those shown.
    """

    customer_id: str
    position: int
    head: int
    decided_at: datetime | None
    recorded_at: datetime | None
    aggregates: list[AggregateState]
    left_out: int


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """A field that changed.

    Attributes:
        field: its name; of a part of a field, the path to it.
        change: `appeared`, `changed` or `gone`.
        before: its value; null as well where there was none.
        after: its value; null as well where there is none any more.
    """

    field: str
    change: Change
    before: Any
    after: Any


class AggregateChange(msgspec.Struct, frozen=True, kw_only=True):
    """An aggregate that changed.

    Attributes:
        type: account, downloaded-title, device or license.
        id: which of them.
        change: `appeared`, `changed`, or `gone` where it is finished.
        fields: those that changed.
    """

    type: str
    id: str
    change: Change
    fields: list[FieldChange]


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """What changed between two moments.

    Attributes:
        customer_id: whose.
        before: the earlier position.
        after: the later position.
        events: what happened in between.
        events_left_out: how many events there are beyond those shown.
        aggregates: what came of it.
        aggregates_left_out: how many changed aggregates there are beyond those shown.
    """

    customer_id: str
    before: int
    after: int
    events: list[Entry]
    events_left_out: int
    aggregates: list[AggregateChange]
    aggregates_left_out: int


async def state_at(
    repository: AggregateRepository,
    customer_id: str,
    moment: Moment = HEAD,
    *,
    of: str | None = None,
    limit: int = 1_000,
) -> StateAt:
    """The state of a customer at a moment.

    Args:
        repository: of the customers' streams.
        customer_id: whose.
        moment: when.
        of: only aggregates of this type.
        limit: most aggregates, 1 to `SHOWN_MAX`.

    Raises:
        AccountNotFound: nothing was ever recorded for this customer.
        PositionBeyondHead: the history is not that long.
        TimeBeforeHistory: nothing had been recorded at the time.
        helenus.InvalidArgument: position and time are both given, or one is out of its range.
    """
    _check_limit(limit)
    _check_type(of)
    head = await head_of(repository, customer_id)
    view = await view_at(repository, customer_id, moment, head)
    held = [one for one in _aggregates(view) if of is None or one.aggregate_name == of]
    return StateAt(
        customer_id=customer_id,
        position=view.position,
        head=head,
        decided_at=await _decided_at(repository, view),
        recorded_at=view.recorded_at,
        aggregates=[_state(one) for one in held[:limit]],
        left_out=max(0, len(held) - limit),
    )


async def changes(
    repository: AggregateRepository,
    customer_id: str,
    before: Moment,
    after: Moment = HEAD,
    *,
    limit: int = 1_000,
) -> Changes:
    """What happened between two moments, and what came of it.

    Args:
        repository: of the customers' streams.
        customer_id: whose.
        before: the earlier one; position 0 stands before the first event.
        after: the later one.
        limit: most events, and most aggregates, 1 to `SHOWN_MAX`.

    Raises:
        NotInOrder: the later moment was named first.
        AccountNotFound: as `state_at`; likewise PositionBeyondHead, TimeBeforeHistory and
            helenus.InvalidArgument.
    """
    _check_limit(limit)
    head = await head_of(repository, customer_id)
    start = await view_at(repository, customer_id, before, head)
    end = await view_at(repository, customer_id, after, head)
    if start.position > end.position:
        raise NotInOrder(start.position, end.position)
    upto = min(end.position, start.position + limit)
    happened = entries(repository, customer_id, after=start.position, upto=upto)
    found = list(_aggregate_changes(start, end))
    return Changes(
        customer_id=customer_id,
        before=start.position,
        after=end.position,
        events=[entry async for entry in happened],
        events_left_out=end.position - upto,
        aggregates=found[:limit],
        aggregates_left_out=max(0, len(found) - limit),
    )


async def view_at(
    repository: AggregateRepository, customer_id: str, moment: Moment, head: int
) -> StreamView:
    """The aggregates at a moment.

    Args:
        repository: of the customers' streams.
        customer_id: whose.
        moment: when.
        head: the position of the last event there is.

    Raises:
        PositionBeyondHead: the history is not that long.
        TimeBeforeHistory: nothing had been recorded at the time.
        helenus.InvalidArgument: position and time are both given, or one is out of its range.
    """
    stream = stream_of(customer_id)
    if moment.position is not None and moment.position > head:
        raise PositionBeyondHead(moment.position, head)
    time = None if moment.time is None else utc(moment.time, "time")
    if moment.position is None and time is None:
        return await repository.load(stream)
    view = await repository.load(stream, at_position=moment.position, at_time=time)
    if time is not None and not view.position:
        first = await anext(aiter(repository.history(stream, upto=1)))
        raise TimeBeforeHistory(time, first.recorded_at)
    return view


async def _decided_at(repository: AggregateRepository, view: StreamView) -> datetime | None:
    if not view.position:
        return None
    last = repository.history(view.stream, after=view.position - 1, upto=view.position)
    return decided_at((await anext(aiter(last))).event)


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= SHOWN_MAX:
        raise InvalidArgument(f"limit is 1 to {SHOWN_MAX:,}, not {limit}.")


def _check_type(of: str | None) -> None:
    known = [one.aggregate_name for one in AGGREGATES]
    if of is not None and of not in known:
        raise InvalidArgument(f"There are no aggregates {of!r}.", remedy=f"Use: {', '.join(known)}")


def _aggregates(view: StreamView) -> Iterator[Aggregate]:
    for aggregate_type in AGGREGATES:
        yield from view.all(aggregate_type)


def _state(aggregate: Aggregate) -> AggregateState:
    return AggregateState(
        type=aggregate.aggregate_name, id=aggregate.id, state=fields_of(aggregate)
    )


def fields_of(aggregate: Aggregate) -> dict[str, Any]:
    """All fields, those with their default value too, as plain values with names throughout."""
    return {name: _named(getattr(aggregate, name)) for name in aggregate.__struct_fields__}


def _named(value: Any) -> Any:
    """A value as JSON has it, but with the names of the fields that are stored without."""
    match value:
        case msgspec.Struct():
            return {name: _named(getattr(value, name)) for name in value.__struct_fields__}
        case Mapping():
            return {str(key): _named(one) for key, one in value.items()}
        case list() | tuple():
            return [_named(one) for one in value]
        case _:
            return msgspec.to_builtins(value)


def _aggregate_changes(start: StreamView, end: StreamView) -> Iterator[AggregateChange]:
    before = _states(start)
    after = _states(end)
    for key in dict.fromkeys([*before, *after]):
        found = list(_differences(before.get(key, {}), after.get(key, {})))
        if key in before and key in after and not found:
            continue
        change = _change(key in before, key in after)
        yield AggregateChange(type=key[0], id=key[1], change=change, fields=found)


def _states(view: StreamView) -> dict[tuple[str, str], dict[str, Any]]:
    return {(one.aggregate_name, one.id): fields_of(one) for one in _aggregates(view)}


def _differences(before: Any, after: Any, path: str = "") -> Iterator[FieldChange]:
    """The parts in which two plain values differ; lists are compared as a whole."""
    if before == after and type(before) is type(after):
        return
    if not isinstance(before, dict) or not isinstance(after, dict):
        yield FieldChange(
            field=path,
            change=_change(before is not _ABSENT, after is not _ABSENT),
            before=_present(before),
            after=_present(after),
        )
        return
    for name in _names(before, after):
        inner = f"{path}.{name}" if path else name
        yield from _differences(before.get(name, _ABSENT), after.get(name, _ABSENT), inner)


def _change(was_there: bool, is_there: bool) -> Change:
    if not is_there:
        return "gone"
    return "changed" if was_there else "appeared"


def _names(before: Iterable[str], after: Iterable[str]) -> list[str]:
    return list(dict.fromkeys([*before, *after]))


def _present(value: Any) -> Any:
    return None if value is _ABSENT else value
