"""How often a downloaded title may be played."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import Counted, Rule
from download_licensing.domain.situation import Situation
from download_licensing.domain.times import YEAR, when_fewer_last


class TitlePlaysPerYear(Rule, frozen=True):
    """Nothing is granted once a title was played `plays_max` times in a rolling year of 365 days.

    Plays of all its downloads count, on whichever device, each session once, when it is reported.
    So a device that was offline may have played it more often; then it waits the longer.

    Source: *Scaling Event Sourcing for Netflix Downloads*, QCon New York 2017, which names plays of
    a title over a year among the rules.

    Attributes:
        plays_max: plays.
    """

    name: ClassVar[str] = "title-plays-per-year"
    reason: ClassVar[str] = "title-plays-per-year"
    order: ClassVar[int] = 90
    counted: ClassVar[Counted | None] = Counted("play-of-title", "play of this title", "plays_max")

    plays_max: Annotated[int, Meta(ge=0, le=400)]

    def check(self, situation: Situation) -> Finding:
        used = len(situation.plays)
        if used < self.plays_max:
            return self.met(used, self.plays_max)
        resets_at = when_fewer_last([at + YEAR for at in situation.plays], self.plays_max - 1)
        return self.unmet(
            used,
            self.plays_max,
            resets_at=resets_at,
            frees="a play of the title, when the oldest that counts is a year old",
            remedy="Wait until then, or stream the title."
            if resets_at
            else "Stream the title; it cannot be downloaded.",
            detail=f"Downloads of the title may be played {self.plays_max} time(s) in 365 days;"
            f" they were played {used} time(s).",
        )
