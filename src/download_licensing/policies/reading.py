"""Reads a policy document whole, or says everything that is wrong with it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta

from download_licensing.catalogue import Catalogue
from download_licensing.documents import (
    Document,
    DocumentError,
    Problem,
    Problems,
    dotted,
    near_miss,
    read_bounded,
    read_document,
    shorten,
)
from download_licensing.documents import Path as Steps
from download_licensing.domain.ids import Id
from download_licensing.domain.times import utc
from download_licensing.policies.clauses import read_clause
from download_licensing.policies.countries import country_codes
from download_licensing.policies.document import (
    DEFAULT,
    SECTIONS,
    TEMPLATES,
    VERSION_PATTERN,
    PolicyDocument,
    PolicyError,
)
from download_licensing.policies.layers import EXTENDS, Inheritance, RawLayer
from download_licensing.policies.references import check_references
from download_licensing.policies.wording import readable
from helenus.errors import InvalidArgument

DOCUMENT_BYTES_MAX = 512 * 1024
DEPTH_MAX = 8
NOTE_CHARACTERS_MAX = 1_000
COUNTRIES = "countries"

Version = Annotated[str, Meta(pattern=VERSION_PATTERN)]
Moment = Annotated[datetime, Meta(tz=True)]
Note = Annotated[str, Meta(max_length=NOTE_CHARACTERS_MAX)]

_HEADER = ("version", "effective_from", "note")
_KEYS = (*_HEADER, DEFAULT, TEMPLATES, *SECTIONS)
T = TypeVar("T")


def load_policy(
    path: Path, catalogue: Catalogue | None = None, *, bytes_max: int = DOCUMENT_BYTES_MAX
) -> PolicyDocument:
    """The policy document in a file. See `read_policy`.

    Raises:
        PolicyError: the file cannot be read, or is no policy.
    """
    try:
        content = read_bounded(path, bytes_max)
    except DocumentError as error:
        raise PolicyError(error.source, error.problems) from error
    return read_policy(content, str(path), catalogue, bytes_max=bytes_max)


def read_policy(
    content: bytes,
    source: str,
    catalogue: Catalogue | None = None,
    *,
    bytes_max: int = DOCUMENT_BYTES_MAX,
) -> PolicyDocument:
    """The policy document in a text, checked whole.

    Args:
        content: YAML in UTF-8.
        source: what problems name as the place of the text.
        catalogue: the plans, agreements and titles there are; None: whatever it names exists. So
            it is for what was published: a title may have left the catalogue since.
        bytes_max: a larger text is refused unread.

    Raises:
        PolicyError: it is larger than that, or no policy; with everything that is wrong.
    """
    if len(content) > bytes_max:
        message = f"larger than {bytes_max:,} bytes. Let titles share the layer of an agreement."
        raise PolicyError(source, [Problem(message=message)])
    problems = Problems()
    document = read_document(content, problems, depth_max=DEPTH_MAX, lists=True, times=True)
    policy = None
    if document is not None:
        policy = _Reading(document, problems).read(source, content.decode("utf-8-sig"))
        if catalogue is not None:
            check_references(document, policy, catalogue, problems)
    if policy is None or problems:
        raise PolicyError(source, problems.listed())
    return policy


class _Reading:
    """One reading of a document, which goes on after a problem to find the others."""

    def __init__(self, document: Document, problems: Problems) -> None:
        self._document = document
        self._problems = problems
        self._raw: dict[str, RawLayer] = {}

    def read(self, source: str, text: str) -> PolicyDocument:
        for key in self._document.root:
            if key not in _KEYS:
                hint = near_miss(key, _KEYS) or f" Use: {', '.join(_KEYS)}."
                self._add((key,), f"a policy has no such part.{hint}", key=True)
        default = self._layer((DEFAULT,), self._document.root.get(DEFAULT, {}))
        names = {section: self._section(section) for section in (TEMPLATES, *SECTIONS)}
        self._raw[DEFAULT] = default
        inheritance = Inheritance(self._raw, self._problems)
        for path in self._raw:
            inheritance.whole(path)
        return PolicyDocument(
            source=source,
            text=text,
            version=self._header("version", Version, "", required=True),
            effective_from=self._effective_from(),
            note=self._header("note", Note, ""),
            default=inheritance.whole(DEFAULT),
            sections={
                section: {name: inheritance.whole(f"{section}.{name}") for name in names[section]}
                for section in SECTIONS
            },
        )

    def _header(self, name: str, kind: Any, otherwise: T, *, required: bool = False) -> T:
        if name not in self._document.root:
            if required:
                self._add((), f"{name} is missing. Add one, as {name}: 2026-12.")
            return otherwise
        value = self._document.root[name]
        try:
            converted: T = msgspec.convert(value, kind)
        except msgspec.ValidationError as error:
            self._add((name,), f"{readable(name, str(error))}, not {shorten(value)}.")
            return otherwise
        return converted

    def _effective_from(self) -> datetime | None:
        moment: datetime | None = self._header("effective_from", Moment, None)
        try:
            return None if moment is None else utc(moment, "The date")
        except InvalidArgument as error:
            self._add(("effective_from",), str(error))
            return None

    def _section(self, section: str) -> list[str]:
        held = self._document.root.get(section, {})
        if not isinstance(held, dict):
            self._add((section,), "must be a mapping of names to what is set for them.")
            return []
        for name, value in held.items():
            path = (section, name)
            self._check_name(section, path)
            self._raw[dotted(path)] = self._layer(path, value, of_title=section == "titles")
        return list(held)

    def _check_name(self, section: str, path: Steps) -> None:
        name = str(path[-1])
        if section == COUNTRIES:
            if name not in country_codes():
                hint = near_miss(name.upper(), country_codes()) or " Use ISO 3166, as DE or FR."
                self._add(path, f"there is no country with this code.{hint}", key=True)
            return
        try:
            msgspec.convert(name, Id)
        except msgspec.ValidationError:
            self._add(path, "not an id: use 1–100 of A–Z a–z 0–9 . _ ~ -.", key=True)

    def _layer(self, path: Steps, value: object, *, of_title: bool = False) -> RawLayer:
        layer = RawLayer(path=dotted(path))
        if not isinstance(value, dict):
            self._add(path, "must be a mapping of rules to their parameters.")
            return layer
        extensible = COUNTRIES not in path[1:]
        for name, held in value.items():
            here = (*path, name)
            if name == EXTENDS and extensible:
                self._read_extends(layer, here, held)
            elif name == COUNTRIES and of_title:
                self._read_countries(layer, here, held)
            elif (clause := read_clause(self._document, here, held, self._problems)) is not None:
                layer.clauses[name] = clause
        return layer

    def _read_extends(self, layer: RawLayer, path: Steps, value: object) -> None:
        if not isinstance(value, str):
            self._add(path, "must be the place of one other layer, as templates.strict.")
            return
        layer.extends = value
        layer.place = self._document.value_place(path)

    def _read_countries(self, layer: RawLayer, path: Steps, value: object) -> None:
        if not isinstance(value, dict):
            self._add(path, "must be a mapping of country codes to what is set there.")
            return
        for code, held in value.items():
            self._check_name(COUNTRIES, (*path, code))
            layer.countries[code] = self._layer((*path, code), held)

    def _add(self, path: Steps, message: str, *, key: bool = False) -> None:
        place = self._document.keys.get(path) if key else self._document.value_place(path)
        self._problems.add(message, place, dotted(path))
