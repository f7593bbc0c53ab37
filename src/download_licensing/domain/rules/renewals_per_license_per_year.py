"""How often a licence may be renewed in a year."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import EXTENSIONS, Counted, Decision, Rule
from download_licensing.domain.situation import Situation
from download_licensing.domain.times import YEAR, when_fewer_last


class RenewalsPerLicensePerYear(Rule, frozen=True):
    """A licence is renewed at most `renewals_max` times in a rolling year of 365 days.

    Refreshes count. Unlike the number of renewals of a licence, the number in force at the time of
    the renewal holds.

    Source: help centres of streaming services, "renewals are limited for some titles"; that some
    count them by the year is our own reading.

    Attributes:
        renewals_max: renewals.
    """

    name: ClassVar[str] = "renewals-per-license-per-year"
    reason: ClassVar[str] = "renewals-per-year"
    order: ClassVar[int] = 120
    applies_to: ClassVar[frozenset[Decision]] = EXTENSIONS
    counted: ClassVar[Counted | None] = Counted(
        "renewal-this-year", "renewal of this download", "renewals_max"
    )

    renewals_max: Annotated[int, Meta(ge=0, le=400)]

    def check(self, situation: Situation) -> Finding:
        used = len(situation.renewed)
        if used < self.renewals_max:
            return self.met(used, self.renewals_max)
        resets_at = when_fewer_last([at + YEAR for at in situation.renewed], self.renewals_max - 1)
        return self.unmet(
            used,
            self.renewals_max,
            resets_at=resets_at,
            frees="a renewal, when the oldest that counts is a year old",
            remedy="Wait until then, or delete the download and download the title again."
            if resets_at
            else "Delete the download and download the title again.",
            detail=f"The licence may be renewed {self.renewals_max} time(s) in 365 days;"
            f" it was renewed {used} time(s).",
        )
