"""The terms the oracle judges by, read from catalogue and policy documents by itself.

The service has readers of its own with all their validation. This one shares nothing with them, so
that a fault of those shows as a disagreement instead of being copied. What a document sets stays as
plain as it is written: a clause is a mapping of its parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import yaml

Clause: TypeAlias = Mapping[str, Any]
Layer: TypeAlias = Mapping[str, Clause | None]

_SECTIONS = ("plans", "agreements", "titles", "countries")
_EXTENDS_MAX = 100
_OFF = {None, "off", "false"}
_ON = {"on", "true"}


class UnreadableTerms(Exception):
    """A catalogue or policy cannot be read as such; the message says which file, and what is wrong.

    Also where the policies do not fit together.
    """


class Holding(msgspec.Struct, frozen=True):
    """What holds for one plan, title and country at a time.

    Attributes:
        version: of the policy.
        clauses: by their names; what is not there does not hold.
    """

    version: str
    clauses: Mapping[str, Clause]

    def most(self, rule: str, parameter: str) -> int | None:
        """The limit that a rule sets; None: it does not hold."""
        clause = self.clauses.get(rule)
        return None if clause is None else int(clause[parameter])

    def span(self, duration: str) -> timedelta | None:
        """How long a duration is; None: unlimited."""
        hours = self.clauses.get(duration, {}).get("hours", 0)
        return timedelta(hours=hours) if hours else None

    def moment(self, parameter: str) -> datetime | None:
        """An end of the title's window; None: it is open there."""
        found: datetime | None = self.clauses.get("title-availability", {}).get(parameter)
        return found


class Version(msgspec.Struct, frozen=True):
    """One version of the policy.

    Attributes:
        version: its name.
        effective_from: None: it holds since ever.
        layers: by their places, as in "default", "plans.basic" and "titles.undertow.countries.DE".
    """

    version: str
    effective_from: datetime | None
    layers: Mapping[str, Layer]

    def clauses(self, *places: str) -> dict[str, Clause]:
        """The layers at these places combined, a later one against an earlier one."""
        found: dict[str, Clause | None] = {}
        for place in places:
            found |= self.layers.get(place, {})
        return {name: clause for name, clause in found.items() if clause is not None}


class Terms(msgspec.Struct, frozen=True):
    """What there is, and what holds for it.

    Attributes:
        plans: their ids.
        titles: the agreement of each title, by its id; "": none.
        versions: of the policy, the first first.
    """

    plans: frozenset[str]
    titles: Mapping[str, str]
    versions: Sequence[Version]

    def in_force(self, at: datetime) -> Version:
        """The version that holds at a time, from the very moment of its effective date on."""
        return [v for v in self.versions if v.effective_from is None or v.effective_from <= at][-1]

    def holding(self, at: datetime, plan: str, country: str, title_id: str = "") -> Holding:
        """What holds at a time; without a title, whichever it is."""
        version = self.in_force(at)
        places = ["default", f"plans.{plan}"]
        if title_id:
            places += [f"agreements.{self.titles[title_id]}", f"titles.{title_id}"]
        places.append(f"countries.{country}")
        if title_id:
            places.append(f"titles.{title_id}.countries.{country}")
        return Holding(version.version, version.clauses(*places))


def read_terms(catalogue: Path, policies: Sequence[Path]) -> Terms:
    """Read a catalogue, and the versions of a policy.

    Raises:
        UnreadableTerms: see there.
    """
    plans, titles = _read(catalogue, _catalogue)
    versions = [_read(path, _version) for path in policies]
    later = [version.effective_from for version in versions[1:]]
    if not versions or None in later or sorted(later, key=str) != later:
        raise UnreadableTerms(
            "Name the policies in the order of their dates; each but the first needs its"
            " effective_from."
        )
    first = msgspec.structs.replace(versions[0], effective_from=None)
    return Terms(plans, titles, (first, *versions[1:]))


def _read(path: Path, read: Any) -> Any:
    try:
        return read(yaml.load(path.read_bytes(), Loader=_Loader))
    except (OSError, yaml.YAMLError) as error:
        raise UnreadableTerms(f"{path}: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableTerms(f"{path}: not of the form expected: {error!r}") from error


def _catalogue(document: Any) -> tuple[frozenset[str], dict[str, str]]:
    titles = {str(key): value.get("agreement", "") for key, value in document["titles"].items()}
    return frozenset(map(str, document["plans"])), titles


def _version(document: Any) -> Version:
    written = dict(_written(document))
    layers: dict[str, Layer] = {}
    for place in written:
        for country, layer in _whole(written, place).items():
            layers[f"{place}.countries.{country}" if country else place] = layer
    return Version(str(document["version"]), document.get("effective_from"), layers)


def _written(document: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The layers by their places, without what they extend."""
    yield "default", document.get("default") or {}
    for section in (*_SECTIONS, "templates"):
        for name, layer in (document.get(section) or {}).items():
            yield f"{section}.{name}", layer or {}


def _whole(
    written: Mapping[str, Mapping[str, Any]], place: str, depth: int = 0
) -> dict[str, dict[str, Any]]:
    """A layer with what it extends: "" for its clauses, and those for one country by its code."""
    if depth > _EXTENDS_MAX:
        raise ValueError(f"{place} extends others without end")
    layer = dict(written[place])
    base = layer.pop("extends", None)
    own = {"": layer, **(layer.pop("countries", None) or {})}
    whole = _whole(written, base, depth + 1) if base else {}
    for country, clauses in own.items():
        told = {name: _clause(value) for name, value in (clauses or {}).items()}
        whole[country] = whole.get(country, {}) | told
    return whole


def _clause(value: Any) -> Clause | None:
    if isinstance(value, Mapping):
        return {name: _parameter(given) for name, given in value.items()}
    if value in _OFF:
        return None
    if value in _ON:
        return {}
    raise TypeError(f"{value!r} is no clause")


def _parameter(given: Any) -> Any:
    return given == "true" if given in ("true", "false") else given


# The safe loader; in C where libyaml is there.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):  # type: ignore[misc]  # one of two, chosen by what is there
    """Leaves words as words: "NO" is Norway, "off" is looked at by whoever knows what is meant."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # the name and kind that PyYAML looks for
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:bool"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
