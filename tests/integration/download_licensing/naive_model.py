"""The rules, written once more as plainly as possible: lists that are walked whole each time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.integration.download_licensing.member import YEAR, OfferedPlan, OfferedTitle


@dataclass
class Held:
    """A licence that was granted."""

    device: str
    title: OfferedTitle
    extended_at: datetime
    expires_at: datetime | None
    window_ends_at: datetime | None = None
    played: bool = False
    released: bool = False
    renewals: int = 0

    def active(self, at: datetime) -> bool:
        if self.released or (self.expires_at is not None and at >= self.expires_at):
            return False
        return self.window_ends_at is None or at < self.window_ends_at


@dataclass
class Model:
    """What a customer has, and what the customer may do."""

    plan: OfferedPlan
    licenses: list[Held] = field(default_factory=list)
    downloads: list[tuple[str, datetime]] = field(default_factory=list)

    def _limits(self, device: str, without: Held | None, at: datetime) -> list[str]:
        others = {h.device for h in self.licenses if h.active(at)} | {device}
        on_device = [
            h for h in self.licenses if h.active(at) and h.device == device and h is not without
        ]
        unmet = []
        if len(others) > self.plan.devices_max:
            unmet.append("device-limit")
        if len(on_device) + 1 > self.plan.active_downloads_per_device_max:
            unmet.append("active-downloads-per-device")
        return unmet

    def _capped(self, title: OfferedTitle, at: datetime) -> list[str]:
        counted = [t for t, when in self.downloads if t == title.title_id and when > at - YEAR]
        cap = title.downloads_per_year_max
        return [] if cap is None or len(counted) < cap else ["title-downloads-per-year"]

    def request(self, device: str, title: OfferedTitle, at: datetime) -> list[str]:
        unmet = self._limits(device, None, at) + self._capped(title, at)
        if not unmet:
            self.downloads.append((title.title_id, at))
            self.licenses.append(Held(device, title, at, _end(title, at)))
        return unmet

    def renew(self, held: Held, at: datetime) -> list[str]:
        if held.released:
            return ["license-released"]
        refresh = not held.active(at)
        unmet = self._limits(held.device, held, at)
        if refresh:
            unmet += self._capped(held.title, at)
        limit = held.title.renewals_max
        if limit is not None and held.renewals >= limit:
            unmet.append("renewals-exhausted")
        if not unmet:
            held.renewals += 1
            held.extended_at = at
            held.expires_at = _end(held.title, at)
            if refresh:
                self.downloads.append((held.title.title_id, at))
                held.played, held.window_ends_at = False, None
        return unmet

    def play(self, held: Held, played_at: datetime, at: datetime) -> None:
        if held.released or held.played:
            return
        held.played = True
        if held.title.playback_window_s:
            window = timedelta(seconds=held.title.playback_window_s)
            held.window_ends_at = min(max(played_at, held.extended_at), at) + window

    def remove(self, device: str) -> None:
        for held in self.licenses:
            if held.device == device:
                held.released = True

    def devices_in_use(self, at: datetime) -> int:
        return len({h.device for h in self.licenses if h.active(at)})


def _end(title: OfferedTitle, at: datetime) -> datetime | None:
    if not title.license_duration_s:
        return None
    return at + timedelta(seconds=title.license_duration_s)
