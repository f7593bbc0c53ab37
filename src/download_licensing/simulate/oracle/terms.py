"""The terms the oracle judges by: plans and titles, read from the catalogue's YAML by itself.

The service has a reader of its own with all its validation. This one shares nothing with it, so
that a fault of that reader shows as a disagreement instead of being copied.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import yaml


class UnreadableTerms(Exception):
    """The catalogue file cannot be read as plans and titles; the message says where."""


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


def read_terms(path: Path) -> Terms:
    """Read the catalogue.

    Raises:
        UnreadableTerms: the file is missing, not YAML, or lacks a field.
    """
    try:
        document: Any = yaml.load(path.read_bytes(), Loader=_LOADER)
        return Terms(
            plans={str(key): _plan(value) for key, value in document["plans"].items()},
            titles={str(key): _title(value) for key, value in document["titles"].items()},
        )
    except (OSError, yaml.YAMLError) as error:
        raise UnreadableTerms(f"Catalogue {path}: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableTerms(
            f"Catalogue {path}: not plans and titles as expected: {error!r}"
        ) from error


# The safe loader; in C where libyaml is there.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _plan(value: dict[str, Any]) -> Plan:
    return Plan(value["devices_max"], value["active_downloads_per_device_max"])


def _title(value: dict[str, Any]) -> Title:
    return Title(
        downloads_per_year_max=value["downloads_per_year_max"],
        duration=_hours(value["license_duration_hours"]),
        playback_window=_hours(value["playback_window_hours"]),
        renewals_max=value["renewals_max"],
    )


def _hours(value: float) -> timedelta | None:
    return timedelta(hours=value) if value else None
