"""What members have: habits, devices with clocks of their own, downloads."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Literal

import msgspec

from download_licensing.simulate.oracle.terms import Terms

# Sizes of households, and how often each occurs.
_DEVICES = ((1, 2, 3, 4, 5, 6), (28, 30, 20, 12, 6, 4))
# How wrong the clock of a device may be, in seconds, and how often: right, a few minutes, days.
_SKEWS = ((0, 300, 200_000), (60, 30, 10))
_HOARD_MAX = 200
REGIONS = (
    ("", ""),
    ("DE", "Europe/Berlin"),
    ("US", "America/New_York"),
    ("IN", "Asia/Kolkata"),
    ("BR", "America/Sao_Paulo"),
    ("NZ", "Pacific/Auckland"),
)
"""Countries and time zones that members live in, or do not tell: of either half of the globe."""


class Popularity:
    """Zipf's law: the title of rank r is chosen in proportion to 1 / r ** exponent.

    Args:
        title_ids: all titles; their ranks are drawn.
        exponent: 0: all alike.
        rng: draws the ranks.
    """

    def __init__(self, title_ids: Sequence[str], exponent: float, rng: random.Random) -> None:
        self.title_ids = list(title_ids)
        rng.shuffle(self.title_ids)
        self._weights = list(
            accumulate(1 / rank**exponent for rank in range(1, len(self.title_ids) + 1))
        )

    def pick(self, rng: random.Random) -> str:
        """Choose one title."""
        return rng.choices(self.title_ids, cum_weights=self._weights)[0]


class Habits(msgspec.Struct, frozen=True, kw_only=True):
    """How a member uses the service; shares and odds are between 0 and 1.

    Attributes:
        plan: the plan subscribed to.
        country: where the member lives; "": not told.
        time_zone: likewise.
        devices: in the household, at the beginning.
        requests_max: after so many requests the member falls silent.
        evening_gap: mean time between evenings on which something is downloaded.
        evening_downloads_max: most downloads of one such evening.
        favourites: titles that are downloaded again and again.
        favourite_odds: that a download is of one of them.
        offline_odds: that a device leaves after an evening, to report when it is back.
        offline_days_max: longest journey, in days.
        renew_odds: that a download is renewed when it is about to end.
        hoard: downloads to be piled up on one device; 0 for nearly everyone.
        troubles: what befalls the account: bills that are not paid, blocks, moves, revocations.
    """

    plan: str
    country: str
    time_zone: str
    devices: int
    requests_max: int
    evening_gap: timedelta
    evening_downloads_max: int
    favourites: tuple[str, ...]
    favourite_odds: float
    offline_odds: float
    offline_days_max: float
    renew_odds: float
    hoard: int
    troubles: int


def draw_habits(
    rng: random.Random,
    terms: Terms,
    popularity: Popularity,
    span: timedelta,
    *,
    begins_at: datetime,
    requests_mean: int,
    hoards: bool,
) -> Habits:
    """Draw one member's habits; one who hoards piles up more on one device than the plan allows."""
    plan = rng.choice(sorted(terms.plans))
    country, time_zone = rng.choice(REGIONS)
    holds = terms.holding(begins_at, plan, country)
    piled = holds.most("active-downloads-per-device", "downloads_max") or 0
    requests = max(4, round(requests_mean * rng.uniform(0.5, 1.5)))
    hoard = piled + 3 if hoards and piled <= _HOARD_MAX else 0
    evenings = max(1.0, requests / 10)
    return Habits(
        plan=plan,
        country=country,
        time_zone=time_zone,
        devices=rng.choices(*_DEVICES)[0],
        requests_max=requests + 2 * hoard,
        evening_gap=span / evenings,
        evening_downloads_max=rng.choice((2, 3, 5)),
        favourites=tuple(popularity.pick(rng) for _ in range(2)),
        favourite_odds=rng.choice((0.1, 0.4, 0.8)),
        offline_odds=rng.choice((0.1, 0.4)),
        offline_days_max=rng.choice((3.0, 20.0)),
        renew_odds=rng.choice((0.2, 0.7)),
        hoard=hoard,
        troubles=rng.choices((0, 1, 4), (40, 30, 30))[0],
    )


@dataclass(slots=True)
class Report:
    """What a device has to tell, with the times that it claims for it.

    Attributes:
        kind: a play, a session or a release.
        license_id: of which licence.
        device_time: of a play or release.
        session_id: of a session.
        events: of a session.
    """

    kind: Literal["play", "session", "release"]
    license_id: str
    device_time: datetime | None = None
    session_id: str = ""
    events: tuple[tuple[str, datetime], ...] = ()


@dataclass(slots=True)
class Device:
    """A device of the household.

    Attributes:
        device_id: its id.
        skew: how far its clock is ahead.
        online: whether it can reach the service.
        pending: what it could not report yet.
    """

    device_id: str
    skew: timedelta
    online: bool = True
    pending: list[Report] = field(default_factory=list)


def draw_device(rng: random.Random, number: int) -> Device:
    """Draw a device, and how wrong its clock is."""
    skew_max = rng.choices(*_SKEWS)[0]
    return Device(f"device-{number}", timedelta(seconds=rng.randint(-skew_max, skew_max)))


@dataclass(slots=True)
class Download:
    """A licence as its member knows it."""

    license_id: str
    title_id: str
    device: Device
    expires_at: datetime | None
