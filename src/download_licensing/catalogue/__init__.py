"""The catalogue: which plans and titles there are, and on which terms. YAML, checked whole.

plans:
  basic: {name: Basic, devices_max: 1, active_downloads_per_device_max: 100}
titles:
  glass-harbour:
    name: Glass Harbour
    studio: Tidewater Pictures
    agreement: tidewater           # whose layer of the policy holds; none may be named
    downloads_per_year_max: 3      # null: no cap
    license_duration_hours: 720    # 0: unlimited
    playback_window_hours: 48      # from the first play on; 0: unlimited
    renewals_max: 2                # null: no cap
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
_HOUR_S = 3600

Name = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"\S")]
Hours = Annotated[int, Meta(ge=0, le=87_600, description="hours; 0: unlimited; at most 10 years")]
Count = Annotated[int, Meta(ge=0, le=10_000)]

E = TypeVar("E", bound=msgspec.Struct)


class _PlanEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    devices_max: Annotated[int, Meta(ge=0, le=100)]
    active_downloads_per_device_max: Annotated[int, Meta(ge=0, le=400)]


class _TitleEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    studio: Name
    downloads_per_year_max: Count | None
    license_duration_hours: Hours
    playback_window_hours: Hours
    renewals_max: Count | None
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
        for title in titles.values():
            self._check_terms(document, title)
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
            self._add(document, (*path, name), message, key=True)
            sound = False
        return msgspec.convert(value, kind) if sound else None

    def _check_terms(self, document: Document, title: Title) -> None:
        if 0 < title.license_duration_s < title.playback_window_s:
            self._add(
                document,
                ("titles", title.title_id, "playback_window_hours"),
                f"{title.playback_window_s // _HOUR_S} hours are longer than the licence lasts"
                f" ({title.license_duration_s // _HOUR_S} hours), so the window could never end."
                " Shorten it, or use 0 for no window.",
            )


def _plan(plan_id: str, entry: _PlanEntry) -> Plan:
    return Plan(
        plan_id=plan_id,
        name=entry.name,
        devices_max=entry.devices_max,
        active_downloads_per_device_max=entry.active_downloads_per_device_max,
    )


def _title(title_id: str, entry: _TitleEntry) -> Title:
    return Title(
        title_id=title_id,
        name=entry.name,
        studio=entry.studio,
        agreement=entry.agreement,
        downloads_per_year_max=entry.downloads_per_year_max,
        license_duration_s=entry.license_duration_hours * _HOUR_S,
        playback_window_s=entry.playback_window_hours * _HOUR_S,
        renewals_max=entry.renewals_max,
    )
