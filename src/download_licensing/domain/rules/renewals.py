"""How often a licence may be renewed."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from download_licensing.domain.situation import Situation
from download_licensing.domain.unmet import Reason, Unmet


class Renewals(msgspec.Struct, frozen=True):
    """A licence is renewed at most `renewals_max` times, refreshes included.

    Source: help centres of streaming services, "renewals are limited for some titles"; the number
    is set by the studio, and holds for a licence as it was when the licence was issued.

    Attributes:
        renewals_max: renewals.
    """

    reason: ClassVar[Reason] = "renewals-exhausted"

    renewals_max: int

    def check(self, situation: Situation) -> Unmet | None:
        used = situation.renewals_used
        if used + 1 <= self.renewals_max:
            return None
        return Unmet(
            reason=self.reason,
            limit=self.renewals_max,
            used=used,
            resets_at=None,
            remedy="Delete the download and download the title again.",
            detail=f"The licence may be renewed {self.renewals_max} time(s);"
            f" it was renewed {used} time(s).",
        )
