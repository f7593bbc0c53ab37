"""How many downloads an account may hold under one studio agreement."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import Rule
from download_licensing.domain.situation import Situation
from download_licensing.domain.times import when_fewer_last


class AgreementConcurrentDownloads(Rule, frozen=True):
    """At most `downloads_max` licences under the title's agreement are active, this one included.

    They are counted over all devices of the account. Which titles an agreement covers, the
    catalogue says at the time of the decision; a title under no agreement is not counted.

    Source: press on download limits: some studios limit the downloads that an account holds at the
    same time.

    Attributes:
        downloads_max: active licences.
    """

    name: ClassVar[str] = "agreement-concurrent-downloads"
    reason: ClassVar[str] = "agreement-concurrent-downloads"
    order: ClassVar[int] = 100

    downloads_max: Annotated[int, Meta(ge=0, le=10_000)]

    def check(self, situation: Situation) -> Finding:
        if not situation.agreement:
            return self.met(saw="under no agreement")
        others = situation.others_under_agreement
        if len(others) < self.downloads_max:
            return self.met(len(others), self.downloads_max, saw=situation.agreement)
        return self.unmet(
            len(others),
            self.downloads_max,
            saw=situation.agreement,
            resets_at=when_fewer_last(others, self.downloads_max - 1),
            frees="a download under the agreement, when its licence ends",
            remedy="Delete a download of this studio, on any device.",
            detail=f"The studio allows {self.downloads_max} active download(s) in an account;"
            f" it holds {len(others)} other(s).",
        )
