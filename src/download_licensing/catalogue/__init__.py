"""The catalogue: which plans and titles there are. YAML, checked whole.

plans:
  basic: {name: Basic}
titles:
  glass-harbour:
    name: Glass Harbour
    studio: Tidewater Pictures
    agreement: tidewater           # whose layer of the policy holds; none may be named

What holds for them, with which limits, is in the policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

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
from download_licensing.domain.terms import Plan, Title, by_agreement

__all__ = ["Catalogue", "CatalogueError"]

FILE_BYTES_MAX = 8 * 1024 * 1024
DEPTH_MAX = 4

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]

_OF_THE_POLICY = frozenset(
    {
        *("devices_max", "active_downloads_per_device_max", "downloads_per_year_max"),
        *("license_duration_hours", "playback_window_hours", "renewals_max"),
    }
)
"""What catalogues said once."""

E = TypeVar("E", bound=msgspec.Struct)


class _PlanEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name


class _TitleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    studio: Name
    agreement: Id = ""


class CatalogueError(DocumentError):
    """The catalogue cannot be used; nothing was changed. The message lists what to correct."""


class Catalogue:
    """Plans and titles by id. Immutable.

    Args:
        plans: by their ids.
        titles: by their ids.
    """

    __slots__ = ("_alongside", "plans", "titles")

    plans: Mapping[str, Plan]
    titles: Mapping[str, Title]
    _alongside: Mapping[str, Set[str]]

    def __init__(self, plans: Mapping[str, Plan], titles: Mapping[str, Title]) -> None:
        object.__setattr__(self, "plans", MappingProxyType(dict(plans)))
        object.__setattr__(self, "titles", MappingProxyType(dict(titles)))
        object.__setattr__(self, "_alongside", by_agreement(titles.values()))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A catalogue is immutable: {name!r} cannot be set.")

    def alongside(self, title: Title) -> Set[str]:
        """The ids of all titles under the agreement of a title, itself included."""
        return self._alongside.get(title.agreement, frozenset())

    @classmethod
    def shipped(cls) -> Catalogue:
        """The catalogue that comes with the program."""
        resource = files("download_licensing").joinpath("catalogue.yaml")
        return cls.parse(resource.read_bytes(), "catalogue.yaml")

    @classmethod
    def load(cls, path: Path) -> Catalogue:
        """The catalogue in a file.

        Raises:
            CatalogueError: the file cannot be read, is larger than 8 MiB, or is no catalogue.
        """
        try:
            content = read_bounded(path, FILE_BYTES_MAX)
        except DocumentError as error:
            raise CatalogueError(error.source, error.problems) from error
        return cls.parse(content, str(path))

    @classmethod
    def parse(cls, content: bytes, source: str) -> Catalogue:
        """The catalogue in a text.

        Args:
            content: YAML in UTF-8.
            source: what errors name as the place of the text.

        Raises:
            CatalogueError: it is larger than 8 MiB, or is no catalogue.
        """
        if len(content) > FILE_BYTES_MAX:
            message = f"larger than {FILE_BYTES_MAX:,} bytes. Leave out what is not offered."
            raise CatalogueError(source, [Problem(message=message)])
        reading = _Reading()
        plans, titles = reading.read(content)
        if reading.problems:
            raise CatalogueError(source, reading.problems.listed())
        return cls(plans, titles)


class _Reading:
    """One reading of a text, which goes on after a problem to find the others."""

    def __init__(self) -> None:
        self.problems = Problems()

    def read(self, content: bytes) -> tuple[dict[str, Plan], dict[str, Title]]:
        document = read_document(content, self.problems, depth_max=DEPTH_MAX)
        if document is None:
            return {}, {}
        self._check_sections(document)
        plans = {i: _plan(i, entry) for i, entry in self._entries(document, "plans", _PlanEntry)}
        titles = {
            i: _title(i, entry) for i, entry in self._entries(document, "titles", _TitleEntry)
        }
        return plans, titles

    def _add(self, document: Document, path: Steps, message: str, *, key: bool = False) -> None:
        place = document.keys.get(path) if key else document.value_place(path)
        self.problems.add(message, place, dotted(path))

    def _check_sections(self, document: Document) -> None:
        for section in document.root:
            if section not in ("plans", "titles"):
                message = "unknown; a catalogue has plans and titles. Remove it."
                self._add(document, (section,), message, key=True)
        for section in ("plans", "titles"):
            held = document.root.get(section)
            if not isinstance(held, dict) or not held:
                message = "must be a mapping of ids with at least one entry."
                self._add(document, (section,), message)

    def _entries(self, document: Document, section: str, kind: type[E]) -> list[tuple[str, E]]:
        held = document.root.get(section)
        found = []
        for key, value in held.items() if isinstance(held, dict) else ():
            try:
                msgspec.convert(key, Id)
            except msgspec.ValidationError:
                message = "not an id: use 1–100 of A–Z a–z 0–9 . _ ~ -."
                self._add(document, (section, key), message, key=True)
            entry = self._entry(document, (section, key), value, kind)
            if entry is not None:
                found.append((key, entry))
        return found

    def _entry(self, document: Document, path: Steps, value: object, kind: type[E]) -> E | None:
        if not isinstance(value, dict):
            self._add(document, path, "must be a mapping.")
            return None
        sound = True
        for field in msgspec.structs.fields(kind):
            if field.name not in value:
                if field.required:
                    self._add(document, path, f"{field.name} is missing. Add it.", key=True)
                    sound = False
                continue
            try:
                msgspec.convert(value[field.name], field.type)
            except msgspec.ValidationError as error:
                message = f"{error}, not {shorten(value[field.name])}."
                self._add(document, (*path, field.name), message)
                sound = False
        for name in value.keys() - set(kind.__struct_fields__):
            known = kind.__struct_fields__
            message = f"unknown. Use: {', '.join(known)}.{near_miss(name, known)}"
            if name in _OF_THE_POLICY:
                message = "limits and durations are the policy's to say. Move it there."
            self._add(document, (*path, name), message, key=True)
            sound = False
        return msgspec.convert(value, kind) if sound else None


def _plan(plan_id: str, entry: _PlanEntry) -> Plan:
    return Plan(plan_id=plan_id, name=entry.name)


def _title(title_id: str, entry: _TitleEntry) -> Title:
    return Title(title_id=title_id, name=entry.name, studio=entry.studio, agreement=entry.agreement)
