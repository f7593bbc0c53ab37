"""Copies of aggregates are independent, whichever way they are made."""

from __future__ import annotations

import enum
from typing import Annotated, Any, Literal

import msgspec
import pytest

from helenus import Aggregate


class Colour(enum.Enum):
    RED = "red"


class Point(msgspec.Struct, frozen=True):
    x: int = 0
    tags: tuple[str, ...] = ()


class Node(msgspec.Struct, frozen=True):
    """Immutable, however deep it goes."""

    parent: Node | None = None


class Loose(msgspec.Struct):
    x: int = 0


class Hollow(msgspec.Struct, frozen=True):
    """Frozen itself, and yet something in it can change."""

    items: list[int] = msgspec.field(default_factory=list)


class Flat(Aggregate, name="test-copies-flat"):
    number: int = 0
    word: str | None = None
    colour: Colour = Colour.RED
    choice: Literal["a", "b"] = "a"
    point: Point = Point()
    points: tuple[Point, ...] = ()
    node: Node = Node()
    bounded: Annotated[int, msgspec.Meta(ge=0)] = 0


class Full(Aggregate, name="test-copies-full"):
    numbers: list[int] = msgspec.field(default_factory=list)
    names: set[str] = msgspec.field(default_factory=set)
    points: dict[str, Point] = msgspec.field(default_factory=dict)
    word: str = ""


class Nested(Aggregate, name="test-copies-nested"):
    numbers: list[int] = msgspec.field(default_factory=list)
    groups: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Held(Aggregate, name="test-copies-held"):
    loose: dict[str, Loose] = msgspec.field(default_factory=dict)


class Hidden(Aggregate, name="test-copies-hidden"):
    hollow: dict[str, Hollow] = msgspec.field(default_factory=dict)


class Optional(Aggregate, name="test-copies-optional"):
    numbers: list[int] | None = None


@pytest.mark.parametrize(
    ("aggregate", "containers"),
    [
        (Flat, ()),
        (Full, (("numbers", list), ("names", set), ("points", dict))),
        (Nested, None),
        (Held, None),
        (Hidden, None),
        (Optional, None),
    ],
)
def test_what_can_change_within_is_known_when_it_is_defined(
    aggregate: type[Aggregate], containers: Any
) -> None:
    assert aggregate.containers == containers


def filled(aggregate: Any, **fields: Any) -> Any:
    made = aggregate.empty("id")
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def test_a_copy_is_equal_and_keeps_its_id() -> None:
    original = filled(Full, numbers=[1], names={"a"}, points={"p": Point(1)}, word="w")

    copy = original.clone()

    assert (copy, copy.id) == (original, "id")
    assert copy is not original


def test_a_change_of_a_copys_containers_leaves_the_original() -> None:
    original = filled(Full, numbers=[1], names={"a"}, points={"p": Point(1)}, word="w")
    before = msgspec.msgpack.encode(original)

    copy = original.clone()
    copy.numbers.append(2)
    copy.names.add("b")
    copy.points["q"] = Point(2)
    del copy.points["p"]
    copy.word = "x"

    assert msgspec.msgpack.encode(original) == before


@pytest.mark.parametrize(
    ("original", "change"),
    [
        (filled(Nested, groups={"g": [1]}), lambda copy: copy.groups["g"].append(2)),
        (filled(Held, loose={"l": Loose(1)}), lambda copy: setattr(copy.loose["l"], "x", 2)),
        (filled(Hidden, hollow={"h": Hollow([1])}), lambda copy: copy.hollow["h"].items.append(2)),
        (filled(Optional, numbers=[1]), lambda copy: copy.numbers.append(2)),
    ],
)
def test_a_change_deep_within_a_copy_leaves_the_original(original: Any, change: Any) -> None:
    before = msgspec.msgpack.encode(original)

    copy = original.clone()
    assert copy == original
    change(copy)

    assert msgspec.msgpack.encode(original) == before != msgspec.msgpack.encode(copy)


def test_a_copy_records_nothing() -> None:
    original = Full.empty("id")
    original.__dict__["recorder"] = object()

    assert "recorder" not in original.clone().__dict__
