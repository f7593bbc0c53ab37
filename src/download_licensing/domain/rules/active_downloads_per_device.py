"""How many downloads one device may hold."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import Rule
from download_licensing.domain.situation import Situation
from download_licensing.domain.times import when_fewer_last


class ActiveDownloadsPerDevice(Rule, frozen=True):
    """At most `downloads_max` licences are active on one device, this one included.

    Source: help centres of streaming services, "100 active downloads per device"; the number
    comes with the plan.

    Attributes:
        downloads_max: active licences.
    """

    name: ClassVar[str] = "active-downloads-per-device"
    reason: ClassVar[str] = "active-downloads-per-device"
    order: ClassVar[int] = 60

    downloads_max: Annotated[int, Meta(ge=0, le=400)]

    def check(self, situation: Situation) -> Finding:
        others = situation.others_on_device
        if len(others) < self.downloads_max:
            return self.met(len(others), self.downloads_max)
        return self.unmet(
            len(others),
            self.downloads_max,
            resets_at=when_fewer_last(others, self.downloads_max - 1),
            frees="a download on this device, when its licence ends",
            remedy="Delete a download on this device.",
            detail=f"The plan allows {self.downloads_max} active download(s) on a device;"
            f" this one holds {len(others)} other(s).",
        )
