"""How two values differ, field by field, as a failed test shows it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

_ABSENT = object()


def differences(wanted: Any, found: Any, path: str = "") -> Iterator[str]:
    """One line for each field, key or element in which two values differ.

    Values are the same if they are shown the same: 1 and 1.0 differ, as they do when stored.
    """
    if repr(wanted) == repr(found):
        return
    parts = _parts(wanted, found)
    if parts is None:
        yield f"{path or 'value'}: expected {_shown(wanted)}, found {_shown(found)}"
        return
    for name, one, other in parts:
        yield from differences(one, other, f"{path}{name}" if path else name.lstrip("."))


def _parts(wanted: Any, found: Any) -> Iterator[tuple[str, Any, Any]] | None:
    """The parts of two values that are of one kind and have parts; else None."""
    if type(wanted) is not type(found):
        return None
    if isinstance(wanted, msgspec.Struct):
        fields = wanted.__struct_fields__
        return ((f".{name}", getattr(wanted, name), getattr(found, name)) for name in fields)
    if isinstance(wanted, dict):
        keys = list(dict.fromkeys([*wanted, *found]))
        return ((f"[{k!r}]", wanted.get(k, _ABSENT), found.get(k, _ABSENT)) for k in keys)
    if isinstance(wanted, (list, tuple)):
        pairs = zip_longest(wanted, found, fillvalue=_ABSENT)
        return ((f"[{index}]", one, other) for index, (one, other) in enumerate(pairs))
    return None


def _shown(value: Any) -> str:
    return "nothing" if value is _ABSENT else repr(value)


class Item(msgspec.Struct, frozen=True):
    """One of a sequence to be compared.

    Attributes:
        label: what it is, such as an event's address and type; only equals are compared by field.
        value: it itself.
        text: how it is shown.
    """

    label: str
    value: Any
    text: str

    def __str__(self) -> str:
        return self.text


def sequence_differences(wanted: Sequence[Item], found: Sequence[Item]) -> list[str]:
    """Lines that show two sequences beside one another; none if they are the same.

    ` ` is in both, `-` was expected, `+` was found, `!` is at the same place with other fields.
    """
    shown, given = [str(item) for item in wanted], [str(item) for item in found]
    if shown == given:
        return []
    lines: list[str] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, shown, given, False).get_opcodes():
        if tag == "equal":
            lines += [f"  {line}" for line in shown[a:b]]
        else:
            lines += _block(wanted[a:b], found[c:d])
    return lines


def _block(wanted: Sequence[Item], found: Sequence[Item]) -> list[str]:
    """Where two sequences differ: those of equal label in the same order are compared by field."""
    labels, given = [item.label for item in wanted], [item.label for item in found]
    lines: list[str] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, labels, given, False).get_opcodes():
        if tag == "equal":
            for one, other in zip(wanted[a:b], found[c:d], strict=True):
                lines.append(f"! {one.label}")
                lines += [f"      {line}" for line in differences(one.value, other.value)]
        else:
            lines += [f"- {item}" for item in wanted[a:b]]
            lines += [f"+ {item}" for item in found[c:d]]
    return lines
