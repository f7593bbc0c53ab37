"""The terms the oracle judges by, read from the YAML of catalogue and policy by itself.

The service has readers of its own with all their validation. This one shares nothing with them, so
that a fault of theirs shows as a disagreement instead of being copied.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml


class UnreadableTerms(Exception):
    """The catalogue or the policy cannot be read as terms; the message says where."""


class Plan(msgspec.Struct, frozen=True):
    """What a plan allows.

    Attributes:
        devices_max: devices that may hold active downloads at one time.
        active_downloads_max: active downloads on one device.
    """

    devices_max: int
    active_downloads_max: int


class Title(msgspec.Struct, frozen=True):
    """What a title allows.

    Attributes:
        downloads_per_year_max: in any 365 days; None: no cap.
        duration: of a licence that is issued or renewed; None: unlimited.
        playback_window: from the first play; None: unlimited.
        renewals_max: of one licence; None: no cap.
    """

    downloads_per_year_max: int | None
    duration: timedelta | None
    playback_window: timedelta | None
    renewals_max: int | None


class Terms(msgspec.Struct, frozen=True):
    """Plans and titles by their ids."""

    plans: dict[str, Plan]
    titles: dict[str, Title]


def read_terms(catalogue: Path, policy: Path) -> Terms:
    """Read which plans and titles there are, and what the policy says of them.

    Raises:
        UnreadableTerms: a file is missing, not YAML, lacks a field, or says what this oracle does
            not judge: limits by country, those of titles by plan, or those of plans by title.
    """
    offered, written = _read(catalogue), _read(policy)
    try:
        if written.get("countries"):
            raise UnreadableTerms(f"Policy {policy}: limits by country are not judged.")
        layers = _Layers(written)
        default = {
            name: rule
            for name, rule in layers.of("default").items()
            if name not in _NEVER_MET  # these members are never blocked nor behind with payments
        }
        return Terms(
            plans={
                str(key): _plan(default | _only(_OF_PLANS, layers.of("plans", str(key))))
                for key in offered["plans"]
            },
            titles={
                str(key): _title(
                    default
                    | _only(_OF_TITLES, layers.of("agreements", str(value.get("agreement", ""))))
                    | _only(_OF_TITLES, layers.of("titles", str(key)))
                )
                for key, value in offered["titles"].items()
            },
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UnreadableTerms(
            f"Catalogue {catalogue}, policy {policy}: not as expected: {error!r}"
        ) from error


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_bytes(), Loader=_LOADER)
    except (OSError, yaml.YAMLError) as error:
        raise UnreadableTerms(f"{path}: {error}") from error


# The safe loader; in C where libyaml is there.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_OF_PLANS = {"device-limit", "active-downloads-per-device"}
_OF_TITLES = {
    *("title-downloads-per-year", "license-duration", "playback-window"),
    "renewals-per-license",
}
_NEVER_MET = {"operator-block", "account-standing"}
_EXTENDS_MAX = 100


class _Layers:
    """The layers of a policy, each with those it extends."""

    def __init__(self, written: dict[str, Any]) -> None:
        self._written = written

    def of(self, section: str, name: str = "") -> dict[str, Any]:
        held = self._written.get(section) or {}
        layer = (held.get(name) or {}) if name else held
        chain = [layer]
        while "extends" in layer:
            section, _, name = layer["extends"].partition(".")
            layer = self._written[section][name] if name else self._written[section]
            chain.append(layer)
            if len(chain) > _EXTENDS_MAX:
                raise ValueError(f"{section}.{name} extends others without end")
        whole: dict[str, Any] = {}
        for part in reversed(chain):
            whole |= part
        whole.pop("extends", None)
        return whole


def _only(known: set[str], layer: dict[str, Any]) -> dict[str, Any]:
    if other := layer.keys() - known:
        raise ValueError(f"{', '.join(sorted(other))} in a layer where it is not judged")
    return layer


def _plan(rules: dict[str, Any]) -> Plan:
    return Plan(
        rules["device-limit"]["devices_max"],
        rules["active-downloads-per-device"]["downloads_max"],
    )


def _title(rules: dict[str, Any]) -> Title:
    return Title(
        downloads_per_year_max=_number(rules, "title-downloads-per-year", "downloads_max"),
        duration=_hours(_number(rules, "license-duration", "hours")),
        playback_window=_hours(_number(rules, "playback-window", "hours")),
        renewals_max=_number(rules, "renewals-per-license", "renewals_max"),
    )


def _number(rules: dict[str, Any], rule: str, parameter: str) -> Any:
    return rules[rule][parameter] if rules.get(rule) else None


def _hours(value: float | None) -> timedelta | None:
    return timedelta(hours=value) if value else None
