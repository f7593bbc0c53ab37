"""What type checkers must refuse: each marked line by the rules of mypy | pyright, and no other."""

from __future__ import annotations

from helenus import (
    Aggregate,
    AggregateRepository,
    AggregateService,
    Command,
    CommandContext,
    Event,
    UnitOfWork,
    applies,
    handles,
)
from helenus.testing import at


class Opened(Event, name="typing-opened"):
    owner: str


class Closed(Event, name="typing-closed"):
    pass


class Painted(Event, name="typing-painted"):
    pass


class Door(Aggregate[Opened | Closed], name="typing-door"):
    owner: str = ""

    @applies
    def opened(self, event: Opened) -> None:
        event.owner = "Bob"  # rejected: misc | reportAttributeAccessIssue
        self.owner = 5  # rejected: assignment | reportAttributeAccessIssue

    @applies  # rejected: type-var | reportArgumentType
    def closed(self, event: int) -> None: ...

    @applies  # rejected: arg-type | reportArgumentType
    def painted(self, event: Painted) -> bool:
        return True


class Window(Aggregate, name="typing-window"):
    pass


class Wall(Aggregate[int], name="typing-wall"):  # rejected: type-var | reportInvalidTypeArguments
    pass


def decide(unit: UnitOfWork) -> int:
    door = unit.get(Door, "front")
    Opened()  # rejected: call-arg | reportCallIssue
    Opened("Ada")  # rejected: call-arg | reportCallIssue
    Opened(owner=5)  # rejected: arg-type | reportArgumentType
    Opened(owner="Ada", floor=5)  # rejected: call-arg | reportCallIssue
    door.record(Painted())  # rejected: arg-type | reportArgumentType
    door.record(Door())  # rejected: arg-type | reportArgumentType
    unit.get(Window, "left").record("opened")  # rejected: arg-type | reportArgumentType
    unit.get(Opened, "front")  # rejected: type-var | reportArgumentType
    unit.get(Door, 5)  # rejected: arg-type | reportArgumentType
    at(Opened, "front", Closed())  # rejected: arg-type | reportArgumentType
    return len(door.owner)


def paint(door: Door) -> str:
    return door.owner


class House(AggregateService):
    @handles  # rejected: type-var | reportArgumentType, reportUntypedFunctionDecorator
    def shut(self, unit: UnitOfWork, command: str) -> None: ...

    @handles  # rejected: type-var | reportArgumentType, reportUntypedFunctionDecorator
    def open(self, unit: Door, command: str, context: CommandContext) -> None: ...


async def use(repository: AggregateRepository) -> None:
    length = await repository.transact("house/1", decide)
    name: str = length  # rejected: assignment | reportAssignmentType
    await repository.transact("house/1", paint)  # rejected: arg-type | reportArgumentType
    await repository.transact(5, decide)  # rejected: arg-type | reportArgumentType
    assert name


class Count(Command[int]):
    owner: str


async def misuse_answers(house: House, context: CommandContext) -> str:
    count = await house.execute(Count(owner="Ada"), context)
    count.upper()  # rejected: attr-defined | reportAttributeAccessIssue, reportUnknownMemberType
    Count(owner=5)  # rejected: arg-type | reportArgumentType
    return count  # rejected: return-value | reportReturnType
