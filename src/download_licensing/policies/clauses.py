"""Reads one clause of a document: the parameters of a rule or a duration, or that it is off."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import msgspec

from download_licensing.documents import (
    Document,
    Problems,
    dotted,
    near_miss,
    shorten,
)
from download_licensing.documents import Path as Steps
from download_licensing.domain.rule import Clause
from download_licensing.domain.rules import CLAUSES
from download_licensing.policies.document import Written
from download_licensing.policies.wording import readable

OFF = (None, False, "off")
"""What a clause is switched off with: `off` is false in YAML 1.1, and a text in YAML 1.2."""
ON = (True, "on")


def read_clause(
    document: Document, path: Steps, value: object, problems: Problems
) -> Written | None:
    """What a document says of the clause at a path; None if that has problems."""
    name = str(path[-1])
    place = document.keys[path]
    kind = CLAUSES.get(name)
    if kind is None:
        hint = near_miss(name, CLAUSES) or f" Use: {', '.join(sorted(CLAUSES))}."
        problems.add(f"there is no such rule.{hint}", place, dotted(path))
        return None
    layer = dotted(path[:-1])
    if any(value is off or (value == off and isinstance(value, str)) for off in OFF):
        return Written(None, layer, place)
    if any(value is on or (value == on and isinstance(value, str)) for on in ON):
        value = {}
    if not isinstance(value, dict):
        message = f"{shorten(value)} where its parameters belong. Write {_form(kind)}, or off."
        problems.add(message, document.value_place(path), dotted(path))
        return None
    clause = _Parameters(document, path, problems).read(kind, value)
    return None if clause is None else Written(clause, layer, place)


class _Parameters:
    """Reads the parameters of one clause, all of them, whatever is wrong with some."""

    def __init__(self, document: Document, path: Steps, problems: Problems) -> None:
        self._document = document
        self._path = path
        self._problems = problems
        self._sound = True

    def read(self, kind: type[Clause], value: dict[str, Any]) -> Clause | None:
        for field in _fields(kind):
            self._check(kind, field, value)
        for name in value:
            self._check_known(kind, name)
        if not self._sound:
            return None
        try:
            return msgspec.convert(value, kind)
        except msgspec.ValidationError as error:  # what the parameters must be to each other
            self._add(self._path, f"{error}.")
            return None

    def _check(
        self, kind: type[Clause], field: msgspec.structs.FieldInfo, value: dict[str, Any]
    ) -> None:
        if field.encode_name not in value:
            if field.required:
                message = f"{field.encode_name} is missing. Write {_form(kind)}."
                self._add(self._path, message, key=True)
            return
        given = value[field.encode_name]
        try:
            msgspec.convert(given, field.type)
        except msgspec.ValidationError as error:
            message = readable(field.encode_name, str(error))
            self._add((*self._path, field.encode_name), f"{message}, not {shorten(given)}.")

    def _check_known(self, kind: type[Clause], name: str) -> None:
        known = [field.encode_name for field in _fields(kind)]
        if name not in known:
            hint = near_miss(name, known) or f" Use: {', '.join(known) or 'none'}."
            message = f"{self._path[-1]} has no such parameter.{hint}"
            self._add((*self._path, name), message, key=True)

    def _add(self, path: Steps, message: str, *, key: bool = False) -> None:
        self._sound = False
        places = self._document
        place = places.keys.get(path) if key else places.value_place(path)
        self._problems.add(message, place, dotted(path))


@functools.cache
def _fields(kind: type[Clause]) -> tuple[msgspec.structs.FieldInfo, ...]:
    """The parameters of a clause; to find them costs more than to read one."""
    return msgspec.structs.fields(kind)


def _form(kind: type[Clause]) -> str:
    """How a clause is written."""
    return f"{{{', '.join(_parameters(kind))}}}"


def _parameters(kind: type[Clause]) -> Iterator[str]:
    for field in _fields(kind):
        yield f"{field.encode_name}: …"
