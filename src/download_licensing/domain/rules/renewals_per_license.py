"""How often a licence may be renewed."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import EXTENSIONS, Decision, Rule
from download_licensing.domain.situation import Situation


class RenewalsPerLicense(Rule, frozen=True):
    """A licence is renewed at most `renewals_max` times, refreshes included.

    The number in force when a licence is issued holds for it for good.

    Source: help centres of streaming services, "renewals are limited for some titles"; the number
    is set by the studio.

    Attributes:
        renewals_max: renewals.
    """

    name: ClassVar[str] = "renewals-per-license"
    reason: ClassVar[str] = "renewals-exhausted"
    order: ClassVar[int] = 110
    applies_to: ClassVar[frozenset[Decision]] = EXTENSIONS

    renewals_max: Annotated[int, Meta(ge=0, le=10_000)]

    def check(self, situation: Situation) -> Finding:
        used = situation.renewals_used
        if used < self.renewals_max:
            return self.met(used, self.renewals_max)
        return self.unmet(
            used,
            self.renewals_max,
            resets_at=None,
            frees="nothing: its renewals are used up",
            remedy="Delete the download and download the title again.",
            detail=f"The licence may be renewed {self.renewals_max} time(s);"
            f" it was renewed {used} time(s).",
        )
