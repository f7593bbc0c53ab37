"""Events: immutable facts with a stable name and a schema version.

    class LicenseIssued(Event, name="license-issued"):
        title_id: str
        expires_at: datetime

The name and version are what is stored; module and class names never are, so code may move freely.
"""

from __future__ import annotations

import functools
import re
import uuid
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform

import msgspec
import msgspec.inspect

from helenus.errors import DefinitionError
from helenus.immutable import has_immutable_fields

TAG_FIELD = "$event"
"""The key under which an encoded event carries its tag."""

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-.][a-z0-9]+)*")
_NAME_CHARACTERS_MAX = 100
_FIXED_OPTIONS = {"array_like", "forbid_unknown_fields", "frozen", "tag", "tag_field"}

_named: weakref.WeakValueDictionary[tuple[str, str], type] = weakref.WeakValueDictionary()


def tag_of(name: str, version: int) -> str:
    """The stored tag of an event: its name, with ``@version`` from version 2 on."""
    return name if version == 1 else f"{name}@{version}"


@functools.lru_cache(maxsize=1_024)
def parse_tag(tag: str) -> tuple[str, int]:
    """The name and version a stored tag stands for."""
    name, _, version = tag.partition("@")
    return name, int(version) if version else 1


def claim_name(kind: str, name: str, owner: type) -> None:
    """Reserve a stored name for one class of the running program.

    Raises:
        DefinitionError: the name is malformed, or another living class carries it.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > _NAME_CHARACTERS_MAX:
        raise DefinitionError(
            f"{_full_name(owner)}: {kind} name {name!r} must be lower-case words joined by '-' or"
            f" '.', at most {_NAME_CHARACTERS_MAX} characters, such as 'license-issued'."
        )
    other = _named.get((kind, name))
    if other is not None and _full_name(other) != _full_name(owner):
        raise DefinitionError(
            f"{_full_name(owner)}: the {kind} name {name!r} already belongs to"
            f" {_full_name(other)}. Give one of them another name."
        )
    _named[(kind, name)] = owner


def require_encodable_fields(owner: type[msgspec.Struct]) -> None:
    """Check that every field of a struct can be encoded and decoded again.

    Raises:
        DefinitionError: naming the class, the field and its type.
    """
    try:
        info = msgspec.inspect.type_info(owner)
        msgspec.msgpack.Decoder(owner)
    except (TypeError, NameError) as error:
        raise DefinitionError(
            f"{_full_name(owner)}: a field's type cannot be used: {error}"
        ) from error
    for path, foreign in _foreign_types(info, _full_name(owner), set()):
        raise DefinitionError(
            f"{path} has the type {foreign!r}, which cannot be encoded. Use builtins, datetime,"
            " Decimal, UUID, enums, msgspec structs or dataclasses."
        )


def _foreign_types(
    info: msgspec.inspect.Type, path: str, seen: set[type]
) -> Iterator[tuple[str, type]]:
    if isinstance(info, msgspec.inspect.CustomType):
        yield path, info.cls
    cls = getattr(info, "cls", None)
    if cls is not None:
        if cls in seen:
            return
        seen.add(cls)
    for field in getattr(info, "fields", ()):
        yield from _foreign_types(field.type, f"{path}.{field.name}", seen)
    nested = [getattr(info, name, None) for name in ("item_type", "key_type", "value_type")]
    for inner in [*nested, *getattr(info, "types", ()), *getattr(info, "item_types", ())]:
        if isinstance(inner, msgspec.inspect.Type):
            yield from _foreign_types(inner, path, seen)


def refuse_hiding_fields(owner: type[msgspec.Struct], root: type) -> None:
    """Refuse fields that would hide what the framework's own class `root` needs.

    Raises:
        DefinitionError: naming the class and the field.
    """
    for field in owner.__struct_fields__:
        if hasattr(root, field) or field in root.__annotations__:
            raise DefinitionError(
                f"{_full_name(owner)}.{field}: the name {field!r} means something else in every"
                f" {root.__name__}. Give the field another name."
            )


def _full_name(thing: type | Upcaster) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


class EventMeta(msgspec.StructMeta):
    """Makes a class with ``name=`` a concrete event type; one without is an abstract base."""

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
        fixed = sorted(options.keys() & _FIXED_OPTIONS)
        if fixed and msgspec.Struct not in bases:
            raise DefinitionError(
                f"{class_name}: the option {fixed[0]} cannot be set for an event."
            )
        options = {"frozen": True, "kw_only": True, "gc": False} | options
        if name is not None:
            options |= {"tag": tag_of(name, version), "tag_field": TAG_FIELD}
        cls: Any = super().__new__(mcls, class_name, bases, namespace, **options)
        if name is not None:
            if isinstance(version, bool) or not isinstance(version, int) or version < 1:
                raise DefinitionError(
                    f"{_full_name(cls)}: version must be 1 or more, not {version!r}."
                )
            cls.event_name = name
            cls.schema_version = version
            cls.tag = tag_of(name, version)
            claim_name("event", name, cls)
            refuse_hiding_fields(cls, Event)
            require_encodable_fields(cls)
            cls.is_immutable = has_immutable_fields(cls)
        return cls


# On the class: mypy would take the one of msgspec.Struct before one on the metaclass.
@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Event(msgspec.Struct, frozen=True, metaclass=EventMeta):
    """An immutable fact. Subclass it with ``name=`` and, when its fields change, ``version=``.

    Attributes:
        event_name: the stable stored name.
        schema_version: 1, 2, 3 …; older stored versions are raised by upcasters at read.
        tag: name and version as they are stored.
        is_immutable: whether nothing in it can be changed, not even a list that a field holds.
    """

    event_name: ClassVar[str] = ""
    schema_version: ClassVar[int] = 0
    tag: ClassVar[str] = ""
    is_immutable: ClassVar[bool] = False


E_co = TypeVar("E_co", bound=Event, covariant=True)


class RecordedEvent(msgspec.Struct, Generic[E_co], frozen=True, kw_only=True, gc=False):
    """An event as the store holds it, with all that was recorded beside it.

    Attributes:
        stream: the owner's stream, for example ``customer/42``.
        position: 1, 2, 3 … within the stream, without gaps.
        aggregate_type: the name of the aggregate it is addressed to.
        aggregate_id: the id of that aggregate within the stream.
        name: the stored event name.
        version: the schema version it was stored with (the event itself is of today's version).
        commit_id: the commit that holds it.
        recorded_at: when it was committed; UTC, microseconds, never falling within a stream.
        command_id: the idempotency key of the command that caused it.
        actor: who acted.
        correlation_id: the business transaction it belongs to.
        causation_id: the message that directly caused it.
        event: the event.
    """

    stream: str
    position: int
    aggregate_type: str
    aggregate_id: str
    name: str
    version: int
    commit_id: uuid.UUID
    recorded_at: datetime
    command_id: str | None
    actor: str | None
    correlation_id: str | None
    causation_id: str | None
    event: E_co


Payload = dict[str, Any]
Upcaster = Callable[[Payload], Payload]

_upcasters: dict[tuple[str, int], Upcaster] = {}


def upcast(name: str, *, from_version: int) -> Callable[[Upcaster], Upcaster]:
    """Register the function that raises a stored event's fields from one version to the next.

    The function receives the fields as builtin values and returns those of ``from_version + 1``.
    Upcasters are chained, so each describes one step only.

    Raises:
        DefinitionError: the step is registered twice, or ``from_version`` is below 1.
    """

    def register(function: Upcaster) -> Upcaster:
        if from_version < 1:
            raise DefinitionError(f"upcast {name!r}: from_version must be 1 or more.")
        known = _upcasters.get((name, from_version))
        if known is not None and _full_name(known) != _full_name(function):
            raise DefinitionError(
                f"upcast {name!r} from version {from_version} is defined twice:"
                f" {known.__module__}.{known.__qualname__} and"
                f" {function.__module__}.{function.__qualname__}."
            )
        _upcasters[(name, from_version)] = function
        return function

    return register


def upcaster_for(name: str, from_version: int) -> Upcaster | None:
    """The registered step from this version to the next, or None."""
    return _upcasters.get((name, from_version))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """Microseconds since the Unix epoch of an aware datetime."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The UTC datetime that lies this many microseconds after the Unix epoch."""
    return _EPOCH + timedelta(microseconds=microseconds)
