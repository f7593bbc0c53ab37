"""What is defined wrongly is refused when it is defined, by an error that names the culprit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import pytest

from helenus import (
    Aggregate,
    AggregateService,
    Codec,
    CommandContext,
    DefinitionError,
    Event,
    UnitOfWork,
    applies,
    handles,
    upcast,
)
from tests.unit.helenus.bank import Account, Opened

EVENT_META: Any = type(Event)
AGGREGATE_META: Any = type(Aggregate)


class Foreign:
    pass


class Noted(Event, name="test-noted"):
    text: str = ""


def refused(define: Callable[[], object], *parts: str) -> None:
    with pytest.raises(DefinitionError) as caught:
        define()
    for part in parts:
        assert part in str(caught.value)


def test_two_events_of_one_name_are_refused() -> None:
    def define() -> None:
        class Other(Event, name="test-opened"):
            pass

    refused(define, "Other", "test-opened", "bank.Opened")


def test_two_aggregates_of_one_name_are_refused() -> None:
    def define() -> None:
        class Other(Aggregate, name="test-account"):
            pass

    refused(define, "Other", "test-account", "bank.Account")


def test_an_event_and_an_aggregate_may_share_a_name() -> None:
    class Shared(Event, name="test-shared"):
        pass

    class SharedToo(Aggregate, name="test-shared"):
        pass

    assert Shared.event_name == SharedToo.aggregate_name


@pytest.mark.parametrize(
    "name", ["", "Upper", "snake_case", "-a", "a-", "a--b", "1a", "a b", "ä", "a@2", "a" * 101, 5]
)
def test_malformed_names_are_refused(name: Any) -> None:
    def event() -> None:
        class Malformed(Event, name=name):
            pass

    def aggregate() -> None:
        class Malformed(Aggregate, name=name):
            pass

    refused(event, "Malformed", repr(name))
    refused(aggregate, "Malformed", repr(name))


@pytest.mark.parametrize("version", [0, -1, True, 1.5, "2"])
def test_versions_that_are_no_positive_integers_are_refused(version: Any) -> None:
    def define() -> None:
        class Versioned(Event, name="test-versioned", version=version):
            pass

    refused(define, "Versioned", "version")


@pytest.mark.parametrize(
    "annotation",
    [Foreign, complex, list[Foreign], dict[str, Foreign], Foreign | None, tuple[int, Foreign]],
    ids=repr,
)
def test_a_field_that_cannot_be_encoded_is_refused(annotation: Any) -> None:
    def event() -> None:
        EVENT_META("Odd", (Event,), {"__annotations__": {"odd": annotation}}, name="test-odd")

    def aggregate() -> None:
        namespace = {"__annotations__": {"odd": annotation}, "odd": None}
        AGGREGATE_META("Odd", (Aggregate,), namespace, name="test-odd")

    refused(event, "Odd.odd")
    refused(aggregate, "Odd.odd")


class Holds(msgspec.Struct):
    foreign: Foreign


def test_a_field_that_cannot_be_encoded_is_found_in_nested_structs() -> None:
    def define() -> None:
        class Nested(Event, name="test-nested"):
            holds: list[Holds]

    refused(define, "Nested.holds.foreign", "Foreign")


@pytest.mark.parametrize("field", ["tag", "event_name", "schema_version"])
def test_a_field_that_hides_what_events_need_is_refused(field: str) -> None:
    def define() -> None:
        EVENT_META("Hiding", (Event,), {"__annotations__": {field: str}}, name="test-hiding")

    refused(define, "Hiding", field)


@pytest.mark.parametrize("field", ["id", "record", "apply", "finished", "clone", "decoder"])
def test_a_field_that_hides_what_aggregates_need_is_refused(field: str) -> None:
    def define() -> None:
        namespace = {"__annotations__": {field: int}, field: 0}
        AGGREGATE_META("Hiding", (Aggregate,), namespace, name="test-hiding")

    refused(define, "Hiding", field)


@pytest.mark.parametrize(
    "option", ["array_like", "forbid_unknown_fields", "frozen", "tag", "tag_field"]
)
def test_an_option_that_changes_the_stored_form_is_refused(option: str) -> None:
    def define() -> None:
        EVENT_META("Odd", (Event,), {}, name="test-odd", **{option: False})

    refused(define, "Odd", option)


def test_an_aggregate_field_without_a_default_is_refused() -> None:
    def define() -> None:
        class Needy(Aggregate, name="test-needy"):
            owner: str

    refused(define, "Needy.owner", "default")


def test_applies_for_what_is_no_event_is_refused() -> None:
    def define(event: Any) -> Callable[[], None]:
        def make() -> None:
            class Odd(Aggregate, name="test-odd"):
                def method(self, event: Any) -> None: ...

                method.__annotations__["event"] = event
                applied = applies(method)

        return make

    for wrong in (int, str, Account, Event, "Unknown", Opened | Noted):
        refused(define(wrong), "Odd.method")


def test_applies_of_another_signature_is_refused() -> None:
    def define() -> None:
        class Odd(Aggregate, name="test-odd"):
            @applies  # type: ignore[arg-type]  # the mistake
            def noted(self, event: Noted, more: int) -> None: ...

    refused(define, "Odd.noted", "one event")


def test_two_applies_for_one_event_are_refused() -> None:
    def define() -> None:
        class Odd(Aggregate, name="test-odd"):
            @applies
            def one(self, event: Noted) -> None: ...

            @applies
            def two(self, event: Noted) -> None: ...

    refused(define, "Odd", "one", "two", "Noted")


def test_an_aggregate_that_applies_other_events_than_it_declares_is_refused() -> None:
    def too_few() -> None:
        class Deaf(Aggregate[Noted | Opened], name="test-deaf"):
            @applies
            def noted(self, event: Noted) -> None: ...

    def too_many() -> None:
        class Chatty(Aggregate[Noted], name="test-chatty"):
            @applies
            def noted(self, event: Noted) -> None: ...

            @applies
            def opened(self, event: Opened) -> None: ...

    refused(too_few, "Deaf", "Opened", "no @applies")
    refused(too_many, "Chatty", "Opened", "does not declare")


def test_an_aggregate_may_declare_what_it_inherits_or_any_event() -> None:
    class Base(Aggregate):
        @applies
        def noted(self, event: Noted) -> None: ...

    class Heir(Base, Aggregate[Noted | Opened], name="test-heir"):
        @applies
        def opened(self, event: Opened) -> None: ...

    class Open(Aggregate[Event], name="test-declares-any"):
        @applies
        def noted(self, event: Noted) -> None: ...

    assert [event.__name__ for event in Heir.handlers] == ["Noted", "Opened"]
    assert [event.__name__ for event in Open.handlers] == ["Noted"]


def test_an_upcaster_defined_twice_is_refused() -> None:
    @upcast("test-upcast-twice", from_version=1)
    def one(fields: dict[str, Any]) -> dict[str, Any]:
        return fields

    def define() -> None:
        @upcast("test-upcast-twice", from_version=1)
        def two(fields: dict[str, Any]) -> dict[str, Any]:
            return fields

    refused(define, "test-upcast-twice", "one", "two")


def test_an_upcaster_of_the_same_name_in_another_module_is_refused() -> None:
    def step(fields: dict[str, Any]) -> dict[str, Any]:
        return fields

    def elsewhere(fields: dict[str, Any]) -> dict[str, Any]:
        return fields

    elsewhere.__qualname__, elsewhere.__module__ = step.__qualname__, "elsewhere"
    upcast("test-upcast-modules", from_version=1)(step)
    upcast("test-upcast-modules", from_version=1)(step)
    refused(lambda: upcast("test-upcast-modules", from_version=1)(elsewhere), "elsewhere")


def test_an_upcaster_from_no_version_is_refused() -> None:
    refused(lambda: upcast("test-upcast-zero", from_version=0)(dict), "test-upcast-zero")


def test_a_version_without_an_upcaster_is_refused_by_the_codec() -> None:
    class Gappy(Event, name="test-gappy", version=4):
        pass

    class Folds(Aggregate, name="test-folds-gappy"):
        pass

    Folds.handlers = {Gappy: lambda *_: None}
    upcast("test-gappy", from_version=1)(dict)
    upcast("test-gappy", from_version=3)(dict)
    refused(lambda: Codec([Folds]), "test-gappy", "version 2")


def test_a_codec_refuses_abstract_and_missing_aggregates() -> None:
    class Abstract(Aggregate):
        pass

    class Silent(Aggregate, name="test-silent"):
        pass

    refused(lambda: Codec([Abstract]), "Abstract")
    refused(lambda: Codec([]), "at least one")
    refused(lambda: Codec([Silent]), "at least one")


class Command(msgspec.Struct):
    pass


def test_service_handlers_are_checked() -> None:
    def twice() -> None:
        class Twice(AggregateService):
            @handles
            def one(self, unit: UnitOfWork, command: Command, context: CommandContext) -> None: ...

            @handles
            def two(self, unit: UnitOfWork, command: Command, context: CommandContext) -> None: ...

    def short() -> None:
        class Short(AggregateService):
            @handles  # type: ignore[type-var]  # the mistake
            def one(self, unit: UnitOfWork, command: Command) -> None: ...

    def bare() -> None:
        class Bare(AggregateService):
            @handles
            def one(self, unit, command, context): ...  # type: ignore[no-untyped-def]  # the mistake

    def waiting() -> None:
        class Waiting(AggregateService):
            @handles
            async def one(
                self, unit: UnitOfWork, command: Command, context: CommandContext
            ) -> None: ...

    def unknown() -> None:
        class Unknown(AggregateService):
            @handles
            def one(self, unit: UnitOfWork, command: Nowhere, context: CommandContext) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # the mistake

    refused(twice, "Twice", "one", "two", "Command")
    refused(short, "Short.one")
    refused(bare, "Bare.one", "annotate")
    refused(waiting, "Waiting.one", "plain function")
    refused(unknown, "Unknown.one", "Nowhere")


class PlainlyNoted(Event, name="test-plainly-noted"):
    at: datetime
    note: str | None = None


class ListNoted(Event, name="test-list-noted"):
    notes: list[str]


class NestedNoted(Event, name="test-nested-noted"):
    notes: tuple[list[str], ...] = ()


def test_an_event_is_immutable_if_no_field_can_hold_what_is_not() -> None:
    assert PlainlyNoted.is_immutable
    assert not ListNoted.is_immutable
    assert not NestedNoted.is_immutable
