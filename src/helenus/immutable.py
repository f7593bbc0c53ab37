"""Which structs nobody can change in place, told from the types of their fields."""

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


def has_immutable_fields(cls: type[msgspec.Struct]) -> bool:
    """Whether no field of a struct may hold what can be changed in place."""
    return all(_is_immutable(field.type) for field in msgspec.structs.fields(cls))


def _is_immutable(annotation: Any) -> bool:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return all(_is_immutable(part) for part in typing.get_args(annotation))
    if typing.get_origin(annotation) is typing.Literal:
        return True
    return isinstance(annotation, type) and (
        annotation in _IMMUTABLE or issubclass(annotation, enum.Enum)
    )
