"""How many downloads a device gets in a month."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import DOWNLOADS, Counted, Decision, Rule
from download_licensing.domain.situation import Situation


class DeviceDownloadsPerMonth(Rule, frozen=True):
    """A device gets at most `downloads_max` downloads in a calendar month of the customer's zone.

    Every grant counts and so does the refresh of an expired licence. The month begins with the 1st
    at midnight, by the clock of the account's time zone, where everything is free again. What is
    deleted stays counted.

    Source: press on ad-supported plans, "15 downloads per device per calendar month, reset on the
    1st".

    Attributes:
        downloads_max: downloads.
    """

    name: ClassVar[str] = "device-downloads-per-month"
    reason: ClassVar[str] = "device-downloads-per-month"
    order: ClassVar[int] = 70
    applies_to: ClassVar[frozenset[Decision]] = DOWNLOADS
    counted: ClassVar[Counted | None] = Counted(
        "download-on-device", "download on this device", "downloads_max"
    )

    downloads_max: Annotated[int, Meta(ge=0, le=1_000)]

    def check(self, situation: Situation) -> Finding:
        used = situation.downloads_in_month
        if used < self.downloads_max:
            return self.met(used, self.downloads_max)
        resets_at = situation.month_ends_at if self.downloads_max else None
        return self.unmet(
            used,
            self.downloads_max,
            resets_at=resets_at,
            frees="all downloads of the month, on the 1st of the next",
            remedy="Wait for the 1st, use another device, or change to a plan without this limit."
            if resets_at
            else "Change to a plan with downloads.",
            detail=f"The plan allows {self.downloads_max} download(s) to a device in a month; this"
            f" one had {used}.",
        )
