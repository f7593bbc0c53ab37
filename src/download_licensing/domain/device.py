"""Device: which licences a device holds."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Set
from datetime import datetime, timedelta
from itertools import takewhile

import msgspec

from download_licensing.domain.events import (
    DownloadDropped,
    DownloadHeld,
    DownloadsEnded,
    DownloadShortened,
)
from download_licensing.domain.times import NEVER, SETTLING, end_or_never, lasts
from helenus.aggregates import Aggregate, applies

MONTHS_KEPT = SETTLING + timedelta(days=33)
"""For how long downloads are remembered: a decision up to `SETTLING` back, in a month of 31 days
whose first day began up to a day earlier in the customer's zone."""

DOWNLOADS_MAX = 1_000
"""Downloads of those months that are remembered, the latest: no rule's limit is higher."""


class Held(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A licence on a device.

    Attributes:
        expires_at: its effective expiry; None: no end.
        title_id: what it is for.
        since: when it was issued or last renewed.
    """

    expires_at: datetime | None
    title_id: str
    since: datetime


class Device(Aggregate, name="device", version=3):
    """The licences on one device that were not released.

    Attributes:
        held: the licences by id, in the order in which they expire.
        lapsed: the ids of those that expired before `horizon`, each followed by a space. They count
            for nothing any more, and in this form the copy that each decision makes of them
            costs nothing however many there are.
        ended: when licences among all these ended early, by id: a withdrawal or a cancellation had
            ended them. Whoever touches a licence next finds here what it has yet to say itself.
        horizon: decisions are made as of this time or later.
        downloads: when downloads to it were counted, oldest first: grants, and refreshes of expired
            licences. `MONTHS_KEPT` back from the latest.
    """

    held: dict[str, Held] = msgspec.field(default_factory=dict)
    lapsed: str = ""
    ended: dict[str, datetime] = msgspec.field(default_factory=dict)
    horizon: datetime | None = None
    downloads: list[datetime] = msgspec.field(default_factory=list)

    def active_ends(self, now: datetime, *, without: str | None = None) -> list[datetime]:
        """When each licence that is active now expires, in comparable form.

        Args:
            now: the time of the decision.
            without: a licence to leave out.
        """
        # Every decision of the customer goes through here for each device: no calls in the loop.
        return [
            NEVER if end is None else end
            for license_id, held in self.held.items()
            if ((end := held.expires_at) is None or now < end) and license_id != without
        ]

    def active_until(self, now: datetime) -> datetime | None:
        """When the last licence that is active now expires, in comparable form; None: none is."""
        last = next(reversed(self.held.values()), None)
        if last is None:
            return None
        end = NEVER if last.expires_at is None else last.expires_at
        return end if now < end else None

    def active_ends_of(
        self, titles: Set[str], now: datetime, *, without: str | None = None
    ) -> list[datetime]:
        """As `active_ends`, of licences for these titles alone."""
        return [
            NEVER if end is None else end
            for license_id, held in self.held.items()
            if held.title_id in titles
            and ((end := held.expires_at) is None or now < end)
            and license_id != without
        ]

    def downloads_between(self, start: datetime, end: datetime) -> int:
        """How many downloads to it were counted from `start` on, and before `end`.

        Args:
            start: no earlier than the beginning of the decision's month.
            end: not included.
        """
        return bisect_left(self.downloads, end) - bisect_left(self.downloads, start)

    def licenses(self) -> list[str]:
        """The ids of all licences not released, those that last longest first."""
        return [*reversed(self.held), *self.lapsed.split()]

    def hold(
        self, license_id: str, title_id: str, expires_at: datetime | None, at: datetime
    ) -> None:
        self.record(
            DownloadHeld(license_id=license_id, title_id=title_id, expires_at=expires_at, at=at)
        )

    def shorten(self, license_id: str, expires_at: datetime | None, at: datetime) -> None:
        self.record(DownloadShortened(license_id=license_id, expires_at=expires_at, at=at))

    def drop(self, license_id: str, at: datetime) -> None:
        self.record(DownloadDropped(license_id=license_id, at=at))

    @applies
    def _held(self, event: DownloadHeld) -> None:
        before = self.held.get(event.license_id)
        if before is None or not lasts(before.expires_at, event.at):
            self._count(event.at)
        self._forget(event.license_id)
        self._put_aside(event.at - SETTLING)
        self._put(event.license_id, Held(event.expires_at, event.title_id, event.at))

    @applies
    def _shortened(self, event: DownloadShortened) -> None:
        before = self.held.get(event.license_id)
        if before is not None:
            del self.held[event.license_id]
            self._put(event.license_id, Held(event.expires_at, before.title_id, before.since))

    @applies
    def _ended(self, event: DownloadsEnded) -> None:
        for license_id, ends_at in event.ends.items():
            before = self.held.get(license_id)
            if before is not None:
                self.held[license_id] = Held(ends_at, before.title_id, before.since)
                self.ended[license_id] = ends_at
        self._sort()

    @applies
    def _dropped(self, event: DownloadDropped) -> None:
        self._forget(event.license_id)

    def _put(self, license_id: str, added: Held) -> None:
        """Keep a licence that is not held, in its place among those that are."""
        last = next(reversed(self.held.values()), added)
        self.held[license_id] = added
        if _end(added) < _end(last):
            self._sort()

    def _sort(self) -> None:
        self.held = dict(sorted(self.held.items(), key=lambda item: _end(item[1])))

    def _count(self, at: datetime) -> None:
        """Count a grant, or the refresh of an expired licence: no extension of an active one."""
        insort(self.downloads, at)
        latest = self.downloads[-1]
        gone = bisect_right(self.downloads, latest - MONTHS_KEPT)
        if gone:
            self._decide_after(latest - SETTLING)
        del self.downloads[: max(gone, len(self.downloads) - DOWNLOADS_MAX)]

    def _forget(self, license_id: str) -> None:
        self.ended.pop(license_id, None)
        if license_id in self.held:
            del self.held[license_id]
        elif self.lapsed:
            self.lapsed = self.lapsed.replace(f"{license_id} ", "")

    def _put_aside(self, horizon: datetime) -> None:
        lapsed = list(takewhile(lambda i: not lasts(self.held[i].expires_at, horizon), self.held))
        if not lapsed:
            return
        for license_id in lapsed:
            del self.held[license_id]
        self.lapsed += "".join([f"{license_id} " for license_id in lapsed])
        self._decide_after(horizon)

    def _decide_after(self, horizon: datetime) -> None:
        self.horizon = horizon if self.horizon is None else max(horizon, self.horizon)


def _end(held: Held) -> datetime:
    return end_or_never(held.expires_at)
