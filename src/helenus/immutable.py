"""What can be changed in place, told from the types of fields."""

from __future__ import annotations

import datetime
import decimal
import enum
import types
import typing
import uuid
from typing import Any

import msgspec

_IMMUTABLE = (
    *(bool, int, float, str, bytes, types.NoneType, decimal.Decimal, uuid.UUID),
    *(datetime.datetime, datetime.date, datetime.time, datetime.timedelta),
)
_CONTAINERS = (list, set, dict)


def has_immutable_fields(cls: type[msgspec.Struct]) -> bool:
    """Whether no field of a struct may hold what can be changed in place."""
    return _has_immutable_fields(cls, frozenset())


def containers_of(cls: type[msgspec.Struct]) -> tuple[tuple[str, type], ...] | None:
    """The lists, sets and dicts of immutable values that a struct has, each with its type.

    None: another field may hold what can be changed in place.
    """
    containers = []
    for field in msgspec.structs.fields(cls):
        container = _container(field.type)
        if container is not None:
            containers.append((field.name, container))
        elif not _is_immutable(field.type, frozenset()):
            return None
    return tuple(containers)


def _container(annotation: Any) -> type | None:
    origin = typing.get_origin(annotation)
    parts = typing.get_args(annotation)
    if origin in _CONTAINERS and all(_is_immutable(part, frozenset()) for part in parts):
        container: type = origin
        return container
    return None


def _has_immutable_fields(cls: type[msgspec.Struct], within: frozenset[Any]) -> bool:
    return all(_is_immutable(field.type, within) for field in msgspec.structs.fields(cls))


def _is_immutable(annotation: Any, within: frozenset[Any]) -> bool:
    """Whether values of a type are; of those it lies within, that is being found out already."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return _is_immutable(parts[0], within)
    if origin in (typing.Union, types.UnionType, tuple, frozenset):
        return all(_is_immutable(part, within) for part in parts if part is not ...)
    if origin is typing.Literal or annotation in within:
        return True
    if not isinstance(annotation, type):
        return False
    if issubclass(annotation, msgspec.Struct):
        frozen = bool(annotation.__struct_config__.frozen)
        return frozen and _has_immutable_fields(annotation, within | {annotation})
    return annotation in _IMMUTABLE or issubclass(annotation, enum.Enum)
