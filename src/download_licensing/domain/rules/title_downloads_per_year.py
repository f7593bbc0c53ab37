"""How often a title may be downloaded."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from download_licensing.domain.situation import Situation
from download_licensing.domain.times import YEAR, when_fewer_last
from download_licensing.domain.unmet import Reason, Unmet


class TitleDownloadsPerYear(msgspec.Struct, frozen=True):
    """A customer downloads a title at most `downloads_max` times in a rolling year of 365 days.

    Every grant counts, on whichever device, and so does the refresh of an expired licence.

    Source: help centres of streaming services, "some titles can be downloaded only a few times a
    year"; the number is set by the studio.

    Attributes:
        downloads_max: downloads.
    """

    reason: ClassVar[Reason] = "title-downloads-per-year"

    downloads_max: int

    def check(self, situation: Situation) -> Unmet | None:
        used = len(situation.counted)
        if used + 1 <= self.downloads_max:
            return None
        resets_at = when_fewer_last([at + YEAR for at in situation.counted], self.downloads_max - 1)
        return Unmet(
            reason=self.reason,
            limit=self.downloads_max,
            used=used,
            resets_at=resets_at,
            remedy="Wait until then, or stream the title."
            if resets_at
            else "Stream the title; it cannot be downloaded.",
            detail=f"The title may be downloaded {self.downloads_max} time(s) in 365 days;"
            f" it was downloaded {used} time(s).",
        )
