"""How often a title may be downloaded."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import DOWNLOADS, Counted, Decision, Rule
from download_licensing.domain.situation import Situation
from download_licensing.domain.times import YEAR, when_fewer_last


class TitleDownloadsPerYear(Rule, frozen=True):
    """A customer downloads a title at most `downloads_max` times in a rolling year of 365 days.

    Every grant counts, on whichever device, and so does the refresh of an expired licence.

    Source: help centres of streaming services, "some titles can be downloaded only a few times a
    year"; the number is set by the studio.

    Attributes:
        downloads_max: downloads.
    """

    name: ClassVar[str] = "title-downloads-per-year"
    reason: ClassVar[str] = "title-downloads-per-year"
    order: ClassVar[int] = 80
    applies_to: ClassVar[frozenset[Decision]] = DOWNLOADS
    counted: ClassVar[Counted | None] = Counted(
        "download-of-title", "download of this title", "downloads_max"
    )

    downloads_max: Annotated[int, Meta(ge=0, le=10_000)]

    def check(self, situation: Situation) -> Finding:
        used = len(situation.counted)
        if used < self.downloads_max:
            return self.met(used, self.downloads_max)
        resets_at = when_fewer_last([at + YEAR for at in situation.counted], self.downloads_max - 1)
        return self.unmet(
            used,
            self.downloads_max,
            resets_at=resets_at,
            frees="a download of the title, when the oldest that counts is a year old",
            remedy="Wait until then, or stream the title."
            if resets_at
            else "Stream the title; it cannot be downloaded.",
            detail=f"The title may be downloaded {self.downloads_max} time(s) in 365 days;"
            f" it was downloaded {used} time(s).",
        )
