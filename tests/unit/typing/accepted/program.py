"""What a user may write without a word to a type checker."""

from __future__ import annotations

from typing import assert_type

import msgspec

from helenus import (
    Aggregate,
    AggregateRepository,
    AggregateService,
    Command,
    CommandContext,
    Event,
    RecordedEvent,
    UnitOfWork,
    applies,
    handles,
)
from helenus.stores import open_store
from helenus.testing import Scenario, at
from helenus.testing.golden import check, record


class Opened(Event, name="typing-opened"):
    owner: str
    tags: list[str] = msgspec.field(default_factory=list[str])


class Closed(Event, name="typing-closed"):
    pass


class Door(Aggregate[Opened | Closed], name="typing-door"):
    owner: str = ""

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @applies
    def closed(self, event: Closed) -> None:
        self.owner = ""


class Window(Aggregate, name="typing-window"):
    is_open: bool = False

    @applies
    def opened(self, event: Opened) -> None:
        self.is_open = True


AGGREGATES: list[type[Aggregate]] = [Door, Window]


def decide(unit: UnitOfWork) -> int:
    door = unit.get(Door, "front")
    assert_type(door, Door)
    assert_type(door.owner, str)
    door.record(Opened(owner="Ada"))
    door.record(Closed() if door.owner else Opened(owner="Bob", tags=["x"]))
    unit.get(Window, "left").record(Opened(owner="Ada"))
    assert_type(unit.all(Window), list[Window])
    return len(door.owner)


class Open(msgspec.Struct, frozen=True):
    owner: str


class House(AggregateService):
    def stream_of(self, command: Open) -> str:
        return f"house/{command.owner}"

    @handles
    def open(self, unit: UnitOfWork, command: Open, context: CommandContext) -> str:
        unit.get(Door, "front").record(Opened(owner=command.owner))
        return command.owner


class Count(Command[list[int]]):
    owner: str


class Counting(House):
    @handles
    def count(self, unit: UnitOfWork, command: Count, context: CommandContext) -> list[int]:
        return [len(unit.all(Door))]


async def answers(service: Counting, context: CommandContext) -> None:
    assert_type(await service.execute(Count(owner="Ada"), context), list[int])
    length: int = len(await service.execute(Open(owner="Ada"), context))
    assert length == 3


async def use() -> None:
    async with open_store("memory:") as store, AggregateRepository(store, AGGREGATES) as repository:
        assert_type(await repository.transact("house/1", decide), int)
        assert_type(await repository.transact("house/1", lambda unit: unit.stream), str)
        view = await repository.load("house/1")
        assert_type(view.get(Door, "front"), Door)
        async for stored in repository.history("house/1"):
            assert_type(stored, RecordedEvent[Event])
            assert_type(stored.position, int)
    door = Scenario(Door, "front", also=[Window], service=House, stream="house/Ada")
    await door.given(Opened(owner="Bob")).when(Open(owner="Ada")).then(Opened(owner="Ada"))
    record("golden", AGGREGATES, {"door": [at(Door, "front", Closed())]})
    assert_type(check("golden", AGGREGATES).events, int)
