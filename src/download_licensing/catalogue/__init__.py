"""The catalogue: which plans and titles there are, and on which terms. YAML, checked whole.

plans:
  basic: {name: Basic, devices_max: 1, active_downloads_per_device_max: 100}
titles:
  glass-harbour:
    name: Glass Harbour
    studio: Tidewater Pictures
    downloads_per_year_max: 3      # null: no cap
    license_duration_hours: 720    # 0: unlimited
    playback_window_hours: 48      # from the first play on; 0: unlimited
    renewals_max: 2                # null: no cap
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from download_licensing.catalogue.plain_yaml import Document, Problem, read_document, shorten
from download_licensing.domain.ids import Id
from download_licensing.domain.terms import Plan, Title

__all__ = ["Catalogue", "CatalogueError"]

FILE_BYTES_MAX = 8 * 1024 * 1024
PROBLEMS_SHOWN_MAX = 20
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


class CatalogueError(ValueError):
    """The catalogue cannot be used; nothing was changed. The message lists what to correct.

    Attributes:
        source: the file.
        problems: each with its line and path, as sentences.
    """

    def __init__(self, source: str, problems: list[str]) -> None:
        shown = problems[:PROBLEMS_SHOWN_MAX]
        if more := len(problems) - len(shown):
            shown.append(f"… and {more:,} more.")
        super().__init__("\n".join(shown))
        self.source = source
        self.problems = tuple(problems)


class Catalogue:
    """Plans and titles by id. Immutable.

    Args:
        plans: by their ids.
        titles: by their ids.
    """

    __slots__ = ("plans", "titles")

    plans: Mapping[str, Plan]
    titles: Mapping[str, Title]

    def __init__(self, plans: Mapping[str, Plan], titles: Mapping[str, Title]) -> None:
        object.__setattr__(self, "plans", MappingProxyType(dict(plans)))
        object.__setattr__(self, "titles", MappingProxyType(dict(titles)))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"A catalogue is immutable: {name!r} cannot be set.")

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
            with path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
        except OSError as error:
            raise CatalogueError(
                str(path),
                [f"{path}: cannot be read ({error.strerror}). Give the path of a readable file."],
            ) from error
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
            raise CatalogueError(
                source,
                [f"{source}: larger than {FILE_BYTES_MAX:,} bytes. Leave out what is not offered."],
            )
        reading = _Reading(source)
        plans, titles = reading.read(content)
        if reading.problems:
            raise CatalogueError(source, reading.problems)
        return cls(plans, titles)


class _Reading:
    """One reading of a text, which goes on after a problem to find the others."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.problems: list[str] = []

    def read(self, content: bytes) -> tuple[dict[str, Plan], dict[str, Title]]:
        try:
            document = read_document(content)
        except Problem as problem:
            self._add(problem.line, "", str(problem))
            return {}, {}
        self._check_sections(document)
        plans = {i: _plan(i, entry) for i, entry in self._entries(document, "plans", _PlanEntry)}
        titles = {
            i: _title(i, entry) for i, entry in self._entries(document, "titles", _TitleEntry)
        }
        for title in titles.values():
            self._check_terms(document, title)
        return plans, titles

    def _add(self, line: int | None, path: str, message: str) -> None:
        place = f"{self._source}:{line}" if line else self._source
        self.problems.append(f"{place}: {path}: {message}" if path else f"{place}: {message}")

    def _check_sections(self, document: Document) -> None:
        for section in document.root:
            if section not in ("plans", "titles"):
                line = document.line((section,))
                self._add(line, section, "unknown; a catalogue has plans and titles. Remove it.")
        for section in ("plans", "titles"):
            held = document.root.get(section)
            if not isinstance(held, dict) or not held:
                line = document.line((section,))
                self._add(line, section, "must be a mapping of ids with at least one entry.")

    def _entries(self, document: Document, section: str, kind: type[E]) -> list[tuple[str, E]]:
        held = document.root.get(section)
        found = []
        for key, value in held.items() if isinstance(held, dict) else ():
            try:
                msgspec.convert(key, Id)
            except msgspec.ValidationError:
                message = (
                    "not an id: use 1–100 of A–Z a–z 0–9 . _ ~ - (and quotes if YAML needs them)."
                )
                self._add(document.line((section, key)), f"{section}.{key}", message)
            entry = self._entry(document, section, key, value, kind)
            if entry is not None:
                found.append((key, entry))
        return found

    def _entry(
        self, document: Document, section: str, key: str, value: object, kind: type[E]
    ) -> E | None:
        path = f"{section}.{key}"
        if not isinstance(value, dict):
            self._add(document.line((section, key)), path, "must be a mapping.")
            return None
        sound = True
        for field in msgspec.structs.fields(kind):
            if field.name not in value:
                self._add(document.line((section, key)), path, f"{field.name} is missing. Add it.")
                sound = False
                continue
            try:
                msgspec.convert(value[field.name], field.type)
            except msgspec.ValidationError as error:
                where = (section, key, field.name)
                message = f"{error}, not {shorten(value[field.name])}."
                self._add(document.line(where), f"{path}.{field.name}", message)
                sound = False
        for name in value.keys() - set(kind.__struct_fields__):
            message = f"unknown. Use: {', '.join(kind.__struct_fields__)}."
            self._add(document.line((section, key, name)), f"{path}.{name}", message)
            sound = False
        return msgspec.convert(value, kind) if sound else None

    def _check_terms(self, document: Document, title: Title) -> None:
        if 0 < title.license_duration_s < title.playback_window_s:
            field = "playback_window_hours"
            self._add(
                document.line(("titles", title.title_id, field)),
                f"titles.{title.title_id}.{field}",
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
        downloads_per_year_max=entry.downloads_per_year_max,
        license_duration_s=entry.license_duration_hours * _HOUR_S,
        playback_window_s=entry.playback_window_hours * _HOUR_S,
        renewals_max=entry.renewals_max,
    )
