"""Downloaded title: how often a customer downloaded and played a title."""

from __future__ import annotations

from bisect import bisect_right, insort
from datetime import datetime

import msgspec

from download_licensing.domain.events import DownloadCounted, PlayCounted
from download_licensing.domain.times import SETTLING, YEAR
from helenus.aggregates import Aggregate, applies

PLAYS_MAX = 400
"""Plays of a title that are remembered, the latest: no rule's limit is higher."""


class DownloadedTitle(Aggregate, name="downloaded-title"):
    """The counted downloads and plays of one title.

    Attributes:
        counted: their times, oldest first, without those too old for a decision as of `horizon`.
        horizon: decisions are made as of this time or later.
        plays: the times of its plays, likewise, `PLAYS_MAX` of them at most.
    """

    counted: list[datetime] = msgspec.field(default_factory=list)
    horizon: datetime | None = None
    plays: list[datetime] = msgspec.field(default_factory=list)

    def in_year_before(self, now: datetime) -> list[datetime]:
        """The downloads that count at a time: those less than a rolling year old, oldest first."""
        return self.counted[bisect_right(self.counted, now - YEAR) :]

    def plays_in_year_before(self, now: datetime) -> list[datetime]:
        """The plays that count at a time: those less than a rolling year old, oldest first."""
        return self.plays[bisect_right(self.plays, now - YEAR) :]

    def count(self, license_id: str, device_id: str, at: datetime) -> None:
        self.record(DownloadCounted(license_id=license_id, device_id=device_id, at=at))

    def count_play(
        self, license_id: str, session_id: str, played_at: datetime, at: datetime
    ) -> None:
        self.record(
            PlayCounted(license_id=license_id, session_id=session_id, played_at=played_at, at=at)
        )

    @applies
    def _counted(self, event: DownloadCounted) -> None:
        insort(self.counted, event.at)
        del self.counted[: self._too_old(self.counted)]

    @applies
    def _played(self, event: PlayCounted) -> None:
        insort(self.plays, event.played_at)
        gone = self._too_old(self.plays)
        del self.plays[: max(gone, len(self.plays) - PLAYS_MAX)]

    def _too_old(self, times: list[datetime]) -> int:
        """How many of these count for no decision from now on; the horizon moves with them."""
        horizon = times[-1] - SETTLING
        gone = bisect_right(times, horizon - YEAR)
        if gone:
            self.horizon = horizon if self.horizon is None else max(horizon, self.horizon)
        return gone
