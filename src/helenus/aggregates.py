"""Aggregates: folds over those events of a stream that are addressed to one ``(type, id)``.

    class License(Aggregate, name="license"):
        expires_at: datetime | None = None

        @applies
        def issued(self, event: LicenseIssued) -> None:
            self.expires_at = event.expires_at

An aggregate starts empty, so every field has a default. State changes only in the functions marked
``@applies``, and never outside a unit of work. Nothing here knows of a store.
"""

from __future__ import annotations

import hashlib
import inspect
import typing
from collections.abc import Callable
from copy import copy as shallow_copy
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Protocol,
    Self,
    TypeVar,
    dataclass_transform,
)

import msgspec

from helenus.errors import DefinitionError, DomainError
from helenus.events import Event, claim_name, refuse_hiding_fields, require_encodable_fields
from helenus.immutable import containers_of

# Covariant, so that `type[Aggregate]` is any aggregate's; what is recorded through an aggregate of
# unknown type is checked at run time. The default exists for type checkers only, until Python 3.13.
if TYPE_CHECKING:
    from typing_extensions import TypeVar as _TypeVar

    Applied_co = _TypeVar("Applied_co", bound=Event, default=Event, covariant=True)
else:
    Applied_co = TypeVar("Applied_co", bound=Event, covariant=True)

A = TypeVar("A", bound="Aggregate")
E = TypeVar("E", bound=Event)


class Recorder(Protocol):
    """What an aggregate needs of the unit of work that handed it out."""

    def record(self, aggregate: Aggregate, event: Event) -> None:
        """Apply the event to the aggregate and keep it for the commit."""


def applies(function: Callable[[A, E], None]) -> Callable[[A, E], None]:
    """Mark a method as the one that applies the event its second parameter is annotated with."""
    function.__applies__ = True  # type: ignore[attr-defined]  # a mark on a function object
    return function


class AggregateMeta(msgspec.StructMeta):
    """Collects the ``@applies`` methods of a class and checks its fields."""

    def __new__(  # noqa: D102  # the class says it
        mcls,
        class_name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        /,
        *,
        name: str | None = None,
        version: int = 1,
        **options: Any,
    ) -> Any:
        options = {"kw_only": True, "dict": True, "omit_defaults": True, "eq": True} | options
        cls: Any = super().__new__(mcls, class_name, bases, namespace, **options)
        inherited: dict[type[Event], Callable[..., None]] = {}
        for base in reversed(cls.__mro__[1:]):
            inherited |= getattr(base, "handlers", {})
        own = _handlers(cls, namespace)
        cls.handlers = inherited | own
        if name is not None:
            cls.aggregate_name = name
            claim_name("aggregate", name, cls)
            refuse_hiding_fields(cls, Aggregate)
            require_encodable_fields(cls)
            _require_defaults(cls)
            _require_declared_events(cls, namespace)
            cls.fingerprint = _fingerprint(cls, version)
            cls.containers = containers_of(cls)
            cls.may_finish = cls.finished is not Aggregate.finished
            cls.decoder = msgspec.msgpack.Decoder(cls)
        return cls


_encode = msgspec.msgpack.Encoder().encode


def _handlers(cls: type, namespace: dict[str, Any]) -> dict[type[Event], Callable[..., None]]:
    found: dict[type[Event], Callable[..., None]] = {}
    for function in namespace.values():
        if not getattr(function, "__applies__", False):
            continue
        event_type = _applied_event(cls, function)
        if event_type in found:
            raise DefinitionError(
                f"{cls.__qualname__}: {found[event_type].__name__} and {function.__name__} both"
                f" apply {event_type.__name__}. Keep one."
            )
        found[event_type] = function
    return found


def _applied_event(cls: type, function: Callable[..., None]) -> type[Event]:
    where = f"{cls.__module__}.{cls.__qualname__}.{function.__name__}"
    parameters = list(inspect.signature(function).parameters)
    if len(parameters) != 2:
        raise DefinitionError(f"{where}: an @applies method takes self and one event.")
    try:
        hints = typing.get_type_hints(function)
    except NameError as error:
        raise DefinitionError(
            f"{where}: the event's annotation cannot be resolved ({error})."
            " Define the event above the aggregate, at the top level of its module."
        ) from error
    event_type = hints.get(parameters[1])
    if not (
        isinstance(event_type, type) and issubclass(event_type, Event) and event_type.event_name
    ):
        raise DefinitionError(
            f"{where}: {event_type!r} is not an event. Annotate the second parameter with a"
            " subclass of Event that has a name."
        )
    return event_type


def _require_defaults(cls: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(cls):
        if field.required:
            raise DefinitionError(
                f"{cls.__module__}.{cls.__qualname__}.{field.name} has no default."
                " An aggregate starts empty, so each of its fields needs one."
            )


def _require_declared_events(cls: Any, namespace: dict[str, Any]) -> None:
    """Hold ``Aggregate[Opened | Closed]`` against the ``@applies`` methods."""
    declared = {
        event
        for base in namespace.get("__orig_bases__", ())
        for argument in typing.get_args(base)
        for event in (typing.get_args(argument) or [argument])
        if isinstance(event, type)
    }
    if not declared or Event in declared:
        return
    where = f"{cls.__module__}.{cls.__qualname__}"
    for event in sorted(declared - cls.handlers.keys(), key=repr):
        raise DefinitionError(
            f"{where} declares that it applies {event.__name__}, but no @applies method does."
        )
    for event in sorted(cls.handlers.keys() - declared, key=repr):
        raise DefinitionError(
            f"{where} applies {event.__name__}, which it does not declare: add it to Aggregate[…]."
        )


def _fingerprint(cls: type[Any], version: int) -> str:
    schema, components = msgspec.json.schema_components([cls])
    applied = sorted(f"{event.event_name}@{event.schema_version}" for event in cls.handlers)
    described = msgspec.json.encode([version, schema, components, applied], order="sorted")
    return hashlib.blake2b(described, digest_size=8).hexdigest()


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Aggregate(msgspec.Struct, Generic[Applied_co], metaclass=AggregateMeta):
    """State folded from events. Subclass it with ``name="…"``.

    ``class Account(Aggregate[Deposited | Withdrawn], name="account")`` also says which events it
    applies: a type checker then refuses to record others, and the definition is held to it.

    Raise ``version=`` when the meaning of an ``@applies`` method changes, so that snapshots of the
    old meaning are not used.

    Attributes:
        aggregate_name: the stable stored name.
        handlers: the function that applies each event type.
        fingerprint: changes whenever a snapshot taken before could mean something else.
        containers: the fields that `clone` copies by themselves, as nothing in them can change;
            None: it copies what is nested as well, as it does where any field is not of this kind.
    """

    aggregate_name: ClassVar[str] = ""
    handlers: ClassVar[dict[type[Event], Callable[..., None]]] = {}
    fingerprint: ClassVar[str] = ""
    containers: ClassVar[tuple[tuple[str, type], ...] | None] = None
    may_finish: ClassVar[bool] = False
    decoder: ClassVar[msgspec.msgpack.Decoder[Any]]

    @classmethod
    def empty(cls, aggregate_id: str) -> Self:
        """The aggregate before its first event."""
        aggregate = cls()
        aggregate.__dict__["id"] = aggregate_id
        return aggregate

    @property
    def id(self) -> str:
        """The aggregate's id within its stream."""
        found: str = self.__dict__["id"]
        return found

    def record(self, event: Applied_co) -> None:  # type: ignore[misc]  # see Applied_co
        """Raise an event through this aggregate: it is applied now and committed with the unit.

        Raises:
            DomainError: the aggregate was not handed out by a unit of work that is still open,
                it has no ``@applies`` function for the event, or that function raised.
        """
        recorder: Recorder | None = self.__dict__.get("recorder")
        if recorder is None:
            raise DomainError(
                f"{type(self).__name__} {self.__dict__.get('id', '')!r} is not part of an open unit"
                " of work, so it cannot record events. Get it with `unit.get(...)` inside `decide`."
            )
        recorder.record(self, event)

    def apply(self, event: Event) -> None:
        """Fold one event into the state. Programs raise events with `record` instead.

        Raises:
            DomainError: this aggregate has no ``@applies`` function for the event.
        """
        handler = self.handlers.get(type(event))
        if handler is None:
            raise DomainError(
                f"{type(self).__name__} has no @applies method for {type(event).__name__}."
            )
        handler(self, event)

    def finished(self) -> bool:
        """Whether the state is no longer needed, so that it leaves memory and snapshots.

        Decided after each event, from the state alone: a finished aggregate is empty from then on,
        with snapshots or without.
        """
        return False

    def clone(self) -> Self:
        """An independent copy of the state, bound to no unit of work."""
        if self.containers is None:
            copy: Self = self.decoder.decode(_encode(self))
        else:
            copy = shallow_copy(self)
            for name, container in self.containers:
                setattr(copy, name, container(getattr(self, name)))
        copy.__dict__["id"] = self.__dict__["id"]
        return copy
