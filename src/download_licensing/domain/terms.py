"""Terms: what a plan and a title allow. The catalogue supplies them, decisions take them in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer pays for.

    Attributes:
        plan_id: its id.
        name: for people.
        devices_max: devices that may hold downloads at the same time.
        active_downloads_per_device_max: active licences on one device.
    """

    plan_id: str
    name: str
    devices_max: int
    active_downloads_per_device_max: int


class Title(msgspec.Struct, frozen=True, kw_only=True):
    """What the studio that owns a title allows.

    Attributes:
        title_id: its id.
        name: for people.
        studio: who set these terms.
        agreement: the id of the agreement with the studio that it is under; "": none.
        downloads_per_year_max: downloads of it by one customer in a rolling year; None: no cap.
        license_duration_s: seconds from the grant or renewal on; 0: unlimited.
        playback_window_s: seconds from the first play on; 0: unlimited.
        renewals_max: renewals of one licence; None: no cap.
    """

    title_id: str
    name: str
    studio: str
    downloads_per_year_max: int | None
    license_duration_s: int
    playback_window_s: int
    renewals_max: int | None
    agreement: str = ""


def by_agreement(titles: Iterable[Title]) -> Mapping[str, Set[str]]:
    """The ids of the titles under each agreement, by its id; "": those under none."""
    found: dict[str, set[str]] = {}
    for title in titles:
        found.setdefault(title.agreement, set()).add(title.title_id)
    return found
