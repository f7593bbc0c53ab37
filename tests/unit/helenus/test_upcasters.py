"""Upcasters that fail, and that lie: each error names the stream, the position and the event."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from helenus import (
    Aggregate,
    AggregateRepository,
    Codec,
    CodecError,
    Commit,
    CorruptData,
    Event,
    Head,
    applies,
    upcast,
)
from helenus.errors import HelenusError
from helenus.stores.memory import MemoryStore

Fields = dict[str, Any]
STREAM = "customer/1"

_steps: list[Callable[[Fields], Any]] = []


class Weighed(Event, name="test-weighed", version=3):
    grams: int


@upcast("test-weighed", from_version=1)
def _first(fields: Fields) -> Fields:
    raised: Fields = _steps[-1](fields)
    return raised


@upcast("test-weighed", from_version=2)
def _second(fields: Fields) -> Fields:
    return {"grams": fields["grams"]}


class Scale(Aggregate, name="test-scale"):
    grams: int = 0

    @applies
    def weighed(self, event: Weighed) -> None:
        self.grams = event.grams


def loops(fields: Fields) -> Fields:
    return loops(fields)


def raises(fields: Fields) -> Fields:
    return {"grams": fields["kilos"] * 1000}


def stops(_: Fields) -> Fields:
    nothing: Iterator[Fields] = iter(())
    return next(nothing)


WHERE = r"Stream 'customer/1', position 2: .*event 'test-weighed'"


@pytest.fixture(autouse=True)
def _no_step_is_left() -> Iterator[None]:
    yield
    _steps.clear()


async def error_of(step: Callable[[Fields], Any]) -> HelenusError:
    """What a load, a command and a reading of the history end with; nothing is written."""
    _steps.append(step)
    async with MemoryStore() as store, AggregateRepository(store, [Scale]) as repository:
        old = {"$event": "test-weighed", "pounds": 3}
        new = {"$event": "test-weighed@3", "grams": 1}
        body = msgspec.msgpack.encode([("test-scale", "s", new), ("test-scale", "s", old)])
        kinds = ("test-weighed@3", "test-weighed")
        commit = Commit(uuid.uuid4().bytes, 1, 2, 1, kinds, b"\x80", body)
        await store.append(STREAM, [commit], Head(0))
        errors = []
        for attempt in (
            repository.load(STREAM),
            repository.transact(STREAM, lambda unit: unit.get(Scale, "s").record(Weighed(grams=2))),
            anext(repository.history(STREAM)),
        ):
            with pytest.raises(HelenusError, match=WHERE) as caught:
                await attempt
            errors.append(caught.value)
        assert (await store.head(STREAM)).position == 2
    assert len({str(error) for error in errors}) == 1
    return errors[0]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (loops, "RecursionError"),
        (raises, "KeyError('kilos')"),
        (stops, "StopIteration"),
        (lambda _: None, "returned NoneType, not a dict"),
        (lambda fields: [fields], "returned list, not a dict"),
        (lambda fields: fields.items(), "returned dict_items, not a dict"),
    ],
)
async def test_an_upcaster_that_fails_is_named(step: Callable[[Fields], Any], said: str) -> None:
    error = await error_of(step)
    assert isinstance(error, CodecError)
    assert "upcaster of event 'test-weighed' from version 1" in str(error)
    assert said in str(error)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda _: {"grams": "3"}, "Expected `int`, got `str` - at `$.grams`"),
        (lambda _: {"grams": None}, "Expected `int`, got `null` - at `$.grams`"),
        (lambda _: {"grams": 1.5}, "Expected `int`, got `float` - at `$.grams`"),
        (lambda _: {"grams": object()}, "object"),
    ],
)
async def test_an_upcaster_that_lies_about_types_is_found_out(
    step: Callable[[Fields], Any], said: str
) -> None:
    error = await error_of(step)
    assert isinstance(error, CodecError)
    assert not isinstance(error, CorruptData)  # the stored bytes are as they were written
    assert said in str(error)
    assert "Correct the upcasters" in str(error)


async def test_an_upcaster_cannot_pass_an_event_off_as_another() -> None:
    _steps.append(lambda _: {"grams": 1, "$event": "test-other"})
    body = msgspec.msgpack.encode([("test-scale", "s", {"$event": "test-weighed"})])
    commit = Commit(uuid.uuid4().bytes, 1, 1, 1, ("test-weighed",), b"\x80", body)
    assert Codec([Scale]).decode_body(STREAM, commit) == [("test-scale", "s", Weighed(grams=1))]


async def test_a_changed_type_without_a_version_says_what_to_do() -> None:
    async with MemoryStore() as store, AggregateRepository(store, [Scale]) as repository:
        body = msgspec.msgpack.encode([("test-scale", "s", {"$event": "test-weighed@3"})])
        commit = Commit(uuid.uuid4().bytes, 1, 1, 1, ("test-weighed@3",), b"\x80", body)
        await store.append(STREAM, [commit], Head(0))
        with pytest.raises(CorruptData, match="missing required field `grams`") as caught:
            await repository.load(STREAM)
    assert "raise its version and add an upcaster" in caught.value.remedy
