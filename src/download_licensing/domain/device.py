"""Device: which licences a device holds."""

from __future__ import annotations

from datetime import datetime

import msgspec

from download_licensing.domain.events import DownloadDropped, DownloadHeld, DownloadShortened
from download_licensing.domain.times import NEVER, SETTLING, end_or_never
from helenus.aggregates import Aggregate, applies


class Device(Aggregate, name="device"):
    """The licences on one device that were not released.

    Attributes:
        held: their effective expiries; None: no end.
        lapsed: the ids of those that expired before `horizon`, each followed by a space. They count
            for nothing any more, and in this form the copy that each decision makes of them
            costs nothing however many there are.
        horizon: decisions are made as of this time or later.
    """

    held: dict[str, datetime | None] = msgspec.field(default_factory=dict)
    lapsed: str = ""
    horizon: datetime | None = None

    def active_ends(self, now: datetime, *, without: str | None = None) -> list[datetime]:
        """When each licence that is active now expires, in comparable form.

        Args:
            now: the time of the decision.
            without: a licence to leave out.
        """
        # Every decision of the customer goes through here for each device: no calls in the loop.
        return [
            NEVER if end is None else end
            for license_id, end in self.held.items()
            if (end is None or now < end) and license_id != without
        ]

    def licenses(self) -> list[str]:
        """The ids of all licences not released, those that last longest first."""
        held = sorted(self.held, key=lambda i: end_or_never(self.held[i]), reverse=True)
        return [*held, *self.lapsed.split()]

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
        self._forget(event.license_id)
        self._put_aside(event.at - SETTLING)
        self.held[event.license_id] = event.expires_at

    @applies
    def _shortened(self, event: DownloadShortened) -> None:
        if event.license_id in self.held:
            self.held[event.license_id] = event.expires_at

    @applies
    def _dropped(self, event: DownloadDropped) -> None:
        self._forget(event.license_id)

    def _forget(self, license_id: str) -> None:
        if license_id in self.held:
            del self.held[license_id]
        elif self.lapsed:
            self.lapsed = self.lapsed.replace(f"{license_id} ", "")

    def _put_aside(self, horizon: datetime) -> None:
        lapsed = [i for i, end in self.held.items() if end is not None and end <= horizon]
        if not lapsed:
            return
        for license_id in lapsed:
            del self.held[license_id]
        self.lapsed += "".join([f"{license_id} " for license_id in lapsed])
        self.horizon = horizon if self.horizon is None else max(horizon, self.horizon)
