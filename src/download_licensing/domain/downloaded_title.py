"""Downloaded title: how often a customer downloaded a title."""

from __future__ import annotations

from bisect import bisect_right, insort
from datetime import datetime

import msgspec

from download_licensing.domain.events import DownloadCounted
from download_licensing.domain.times import SETTLING, YEAR
from helenus.aggregates import Aggregate, applies


class DownloadedTitle(Aggregate, name="downloaded-title"):
    """The counted downloads of one title.

    Attributes:
        counted: their times, oldest first, without those too old for a decision as of `horizon`.
        horizon: decisions are made as of this time or later.
    """

    counted: list[datetime] = msgspec.field(default_factory=list)
    horizon: datetime | None = None

    def in_year_before(self, now: datetime) -> list[datetime]:
        """The downloads that count at a time: those less than a rolling year old, oldest first."""
        return self.counted[bisect_right(self.counted, now - YEAR) :]

    def count(self, license_id: str, device_id: str, at: datetime) -> None:
        self.record(DownloadCounted(license_id=license_id, device_id=device_id, at=at))

    @applies
    def _counted(self, event: DownloadCounted) -> None:
        insort(self.counted, event.at)
        horizon = self.counted[-1] - SETTLING
        gone = bisect_right(self.counted, horizon - YEAR)
        if gone:
            del self.counted[:gone]
            self.horizon = horizon
