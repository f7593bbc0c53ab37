"""Given, when, then: what a domain does, told in events.

    account = Scenario(Account, "a1")
    await account.given(Opened(), Deposited(amount=10)).when(withdraw(4)).then(Withdrawn(amount=4))
    await account.given(Opened()).when(withdraw(4)).then_refused(NotEnough, match="balance")

With a service, `when` takes its commands:

    licensing = Scenario(Account, "42", also=[Device, License], service=Licensing)
    await licensing.given(...).when(Release(...)).then(at(License, "l1", LicenseReleased(...)))

Each scenario runs on a memory store of its own, through a real repository. Besides what it is
asked, it checks that state comes from events alone: an aggregate that a decision changed without
recording an event, an event that was changed after it was recorded, and a state that is another one
after replay or from a snapshot, all fail it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from helenus.aggregates import Aggregate
from helenus.errors import CommandRefused, HelenusError
from helenus.events import Event
from helenus.repository import AggregateRepository
from helenus.service import AggregateService, CommandContext
from helenus.settings import RepositorySettings
from helenus.stores.memory import MemoryStore
from helenus.testing.clock import MockClock
from helenus.testing.differences import Item, differences, sequence_differences
from helenus.unit_of_work import UnitOfWork

STREAM = "scenario/1"
_NO_SNAPSHOTS = RepositorySettings(snapshot_events=0)
_ALWAYS_SNAPSHOTS = RepositorySettings(snapshot_events=1)


class Addressed(msgspec.Struct, frozen=True):
    """An event and the aggregate it belongs to."""

    aggregate_type: type[Aggregate]
    aggregate_id: str
    event: Event

    def __str__(self) -> str:
        return f"{self.aggregate_type.__name__} {self.aggregate_id!r}: {self.event!r}"

    def item(self) -> Item:
        """Itself, to be compared with others of the same aggregate and type."""
        aggregate = f"{self.aggregate_type.__name__} {self.aggregate_id!r}"
        return Item(f"{aggregate}: {type(self.event).__name__}", self.event, f"{self}")


def at(aggregate_type: type[Aggregate], aggregate_id: str, event: Event) -> Addressed:
    """An event of another aggregate than the scenario's own."""
    return Addressed(aggregate_type, aggregate_id, event)


class Scenario:
    """The setting of given/when/then specifications. One can serve many.

    Args:
        aggregate_type: the aggregate that events belong to where none is named with `at`.
        aggregate_id: its id.
        also: further aggregate types of the stream.
        service: the service whose commands `when` takes; a class, or a function that builds one.
        stream: the stream; a service's commands must all lead to it.
        now: the time of the decision, and that at which everything is recorded.
    """

    def __init__(
        self,
        aggregate_type: type[Aggregate],
        aggregate_id: str,
        *,
        also: Iterable[type[Aggregate]] = (),
        service: Callable[[AggregateRepository], AggregateService] | None = None,
        stream: str = STREAM,
        now: datetime = datetime(2026, 1, 1, tzinfo=UTC),
    ) -> None:
        self.aggregates = tuple(dict.fromkeys([aggregate_type, *also]))
        self.stream = stream
        self.now = now
        self.service = service
        self._own = (aggregate_type, aggregate_id)

    def given(self, *events: Event | Addressed) -> Specification:
        """Start from these events."""
        return Specification(self, [self.addressed(event) for event in events])

    def when(self, command: Any, context: CommandContext | None = None) -> Specification:
        """Start from nothing."""
        return self.given().when(command, context)

    def addressed(self, event: Event | Addressed) -> Addressed:
        """An event with its aggregate, the scenario's own where none is named."""
        return event if isinstance(event, Addressed) else Addressed(*self._own, event)


class Specification:
    """What is given, and what happens. Await one of its endings."""

    def __init__(
        self,
        scenario: Scenario,
        given: Sequence[Addressed],
        command: Any = None,
        context: CommandContext | None = None,
    ) -> None:
        self._scenario = scenario
        self._given = given
        self._command = command
        self._context = context or CommandContext(at=scenario.now)

    def when(self, command: Any, context: CommandContext | None = None) -> Specification:
        """Carry out a command of the service, or a plain function of a unit of work."""
        return Specification(self._scenario, self._given, command, context)

    def then(self, *events: Event | Addressed) -> Ending:
        """Exactly these events are recorded, in this order. Awaited, it gives the result."""
        wanted = [self._scenario.addressed(event).item() for event in events]

        async def check() -> Any:
            outcome = await self._run()
            if outcome.error is not None:
                expected = "\n".join(f"  {item}" for item in wanted) or "  nothing"
                raise AssertionError(
                    f"Refused with {outcome.error!r}, where it was expected to record:\n{expected}"
                ) from outcome.error
            found = [event.item() for event in outcome.events]
            _require_equal("events recorded", wanted, found)
            return outcome.result

        return Ending(check)

    def then_nothing(self) -> Ending:
        """The command is accepted and records nothing. Awaited, it gives the result."""
        return self.then()

    def then_returns(self, result: Any) -> Ending:
        """The command is accepted, whatever it records, with this result."""

        async def check() -> Any:
            outcome = await self._run()
            if outcome.error is not None:
                raise AssertionError(
                    f"Refused with {outcome.error!r}, where {result!r} was expected."
                ) from outcome.error
            if lines := list(differences(result, outcome.result)):
                shown = "\n".join(f"  {line}" for line in lines)
                raise AssertionError(f"The result is another one:\n{shown}")
            return outcome.result

        return Ending(check)

    def then_refused(
        self, refusal: type[Exception] = CommandRefused, *, match: str | None = None
    ) -> Ending:
        """The command is refused with this error, whose message contains the pattern `match`.

        Awaited, it gives the error.
        """

        async def check() -> Any:
            outcome = await self._run()
            if outcome.error is None:
                recorded = "\n".join(f"  {event}" for event in outcome.events) or "  nothing"
                raise AssertionError(
                    f"Accepted, where {refusal.__name__} was expected. It recorded:\n{recorded}"
                )
            if not isinstance(outcome.error, refusal):
                raise AssertionError(
                    f"Refused with {outcome.error!r}, not with {refusal.__name__}."
                ) from outcome.error
            if match is not None and not re.search(match, str(outcome.error)):
                raise AssertionError(
                    f"The refusal {str(outcome.error)!r} does not match {match!r}."
                )
            return outcome.error

        return Ending(check)

    async def _run(self) -> _Outcome:
        scenario = self._scenario
        if self._command is None:
            raise AssertionError("Nothing happens: say what with `when`.")
        outcome = _Outcome()
        async with (
            MemoryStore() as store,
            _repository(store, scenario, _NO_SNAPSHOTS) as repository,
        ):
            if self._given:
                await repository.record(scenario.stream, self._given)
            try:
                outcome.result = await self._carry_out(repository)
            except AssertionError:
                raise
            except Exception as error:  # noqa: BLE001  # what a refusal is, the ending judges
                if isinstance(error.__context__, AssertionError):  # what was watched says more
                    raise error.__context__ from None
                outcome.error = error
            outcome.events = await _recorded(repository, scenario, len(self._given))
            await _require_replayable(repository, store, scenario)
        return outcome

    async def _carry_out(self, repository: AggregateRepository) -> Any:
        scenario = self._scenario
        if isinstance(self._command, msgspec.Struct) or not callable(self._command):
            if scenario.service is None:
                raise AssertionError(
                    f"{self._command!r} is a command, and the scenario has no service for it."
                )
            service = scenario.service(repository)
            if (stream := service.stream_of(self._command)) != scenario.stream:
                raise AssertionError(
                    f"The command leads to stream {stream!r}, not to {scenario.stream!r}:"
                    " give the scenario its stream."
                )
            return await service.execute(self._command, self._context)
        return await repository.transact(scenario.stream, self._command)


class Ending:
    """The last part of a specification: nothing has run until it is awaited."""

    def __init__(self, check: Callable[[], Any]) -> None:
        self._check = check

    def __await__(self) -> Generator[Any, None, Any]:
        found: Generator[Any, None, Any] = self._check().__await__()
        return found


class _Outcome:
    events: Sequence[Addressed] = ()
    result: Any = None
    error: Exception | None = None


class _WatchingRepository(AggregateRepository):
    """Watches what decisions do to the aggregates they are handed."""

    async def record(self, stream: str, events: Sequence[Addressed]) -> None:
        """Record what is given."""

        def decide(unit: UnitOfWork) -> None:
            for one in events:
                unit.get(one.aggregate_type, one.aggregate_id).record(one.event)

        await super().transact(stream, decide)

    async def transact(self, stream: str, decide: Callable[[UnitOfWork], Any], **how: Any) -> Any:
        """Carry out one command, and watch it."""

        def watched(unit: UnitOfWork) -> Any:
            watch = _Watch(unit)
            result = decide(unit)
            watch.require_changes_by_events_only()
            return result

        return await super().transact(stream, watched, **how)


class _Watch:
    """Knows how the aggregates of a unit of work should look after the events it recorded."""

    def __init__(self, unit: UnitOfWork) -> None:
        self._unit = unit
        self._record = unit.record
        self._recorded: list[tuple[Aggregate, Event, bytes]] = []
        unit.record = self.record  # type: ignore[method-assign]  # this unit only

    def record(self, aggregate: Aggregate, event: Event) -> None:
        """Keep the event as it is before it is applied."""
        self._recorded.append((aggregate, event, _encode(event)))
        self._record(aggregate, event)

    def require_changes_by_events_only(self) -> None:
        """Fold the events again, and compare."""
        unit = self._unit
        fresh = UnitOfWork(unit._state, unit._earlier)
        for aggregate, event, encoded in self._recorded:
            if _encode(event) != encoded:
                raise AssertionError(
                    f"{type(event).__name__} was changed after it was recorded, to {event!r}. An"
                    " @applies method must not keep a list, set or dict of its event: copy it."
                )
            copy = msgspec.msgpack.decode(encoded, type=type(event))
            fresh.get(type(aggregate), aggregate.id).record(copy)
        for handed_out in unit._handed_out.values():
            kind = type(handed_out)
            folded = fresh.get(kind, handed_out.id)
            if _encode(folded) != _encode(handed_out):
                raise AssertionError(
                    f"{kind.__name__} {handed_out.id!r} was changed without an event:"
                    f" {_difference(folded, handed_out)}. Change state in @applies methods only."
                )


def _difference(folded: Aggregate, found: Aggregate) -> str:
    return ", ".join(
        f"{field} is {getattr(found, field)!r} where its events give {getattr(folded, field)!r}"
        for field in folded.__struct_fields__
        if getattr(folded, field) != getattr(found, field)
    )


def _encode(value: Any) -> bytes:
    return msgspec.msgpack.encode(value, order="deterministic")


async def _require_replayable(
    repository: AggregateRepository, store: MemoryStore, scenario: Scenario
) -> None:
    """Check that the state in memory, after replay and from a snapshot is the same (G5)."""
    views = {"in memory": await repository.load(scenario.stream)}
    for how in ("after replay", "from a snapshot"):
        try:
            async with _repository(store, scenario, _ALWAYS_SNAPSHOTS) as fresh:
                views[how] = await fresh.load(scenario.stream)
        except HelenusError as error:
            raise AssertionError(f"What was recorded cannot be read again: {error}") from error
    for kind in scenario.aggregates:
        in_memory, *others = [(how, view.all(kind)) for how, view in views.items()]
        for how, found in others:
            what = f"{kind.__name__}s in memory and {how}"
            _require_equal(
                what, [_item(one) for one in in_memory[1]], [_item(one) for one in found]
            )


def _repository(
    store: MemoryStore, scenario: Scenario, settings: RepositorySettings
) -> _WatchingRepository:
    clock = MockClock(scenario.now)
    return _WatchingRepository(store, scenario.aggregates, settings=settings, clock=clock)


async def _recorded(
    repository: AggregateRepository, scenario: Scenario, after: int
) -> list[Addressed]:
    types = {aggregate.aggregate_name: aggregate for aggregate in scenario.aggregates}
    return [
        Addressed(types[recorded.aggregate_type], recorded.aggregate_id, recorded.event)
        async for recorded in repository.history(scenario.stream, after=after)
    ]


def _item(aggregate: Aggregate) -> Item:
    return Item(repr(aggregate.id), aggregate, f"{aggregate.id!r}: {aggregate!r}")


def _require_equal(what: str, wanted: Sequence[Item], found: Sequence[Item]) -> None:
    if lines := sequence_differences(wanted, found):
        shown = "\n".join(f"  {line}" for line in lines)
        raise AssertionError(
            f"The {what} differ (- expected, + found, ! with other fields):\n{shown}"
        )
