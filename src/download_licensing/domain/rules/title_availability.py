"""When a title may be downloaded at all."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import Rule
from download_licensing.domain.situation import Situation
from download_licensing.domain.times import lasts

Moment = Annotated[datetime, Meta(tz=True)]


class TitleAvailability(Rule, frozen=True):
    """A title is downloaded and extended from `available_from` on and before `available_until`.

    No licence for it outlasts the end. A country's layer, or a title's own for one country, gives
    the window that holds there.

    Source: help centres of streaming services: titles leave the service, and differ by country.

    Attributes:
        available_from: None: since ever.
        available_until: None: no end.
        offered: false: not at all, whatever the dates.
    """

    name: ClassVar[str] = "title-availability"
    reason: ClassVar[str] = "title-not-available"
    order: ClassVar[int] = 30

    available_from: Moment | None = None
    available_until: Moment | None = None
    offered: bool = True

    def check(self, situation: Situation) -> Finding:
        now = situation.now
        if not self.offered or not lasts(self.available_until, now):
            return self.unmet(
                saw=self._window,
                resets_at=None,
                frees="nothing: the title is not offered any more",
                remedy="Choose another title.",
                detail="The title is not available for download in the account's country.",
            )
        if self.available_from is not None and now < self.available_from:
            return self.unmet(
                saw=self._window,
                resets_at=self.available_from,
                frees="the title, when its window begins",
                remedy="Wait until then.",
                detail="The title is not available for download in the account's country before"
                f" {self.available_from:%Y-%m-%d}.",
            )
        return self.met(saw=self._window)

    @property
    def _window(self) -> str:
        if not self.offered:
            return "not offered"
        ends = (self.available_from, self.available_until)
        if ends == (None, None):
            return "no window"
        return "…".join("" if end is None else f"{end:%Y-%m-%dT%H:%M:%SZ}" for end in ends)
