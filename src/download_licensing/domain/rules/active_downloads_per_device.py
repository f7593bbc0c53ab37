"""How many downloads one device may hold."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from download_licensing.domain.situation import Situation
from download_licensing.domain.times import when_fewer_last
from download_licensing.domain.unmet import Reason, Unmet


class ActiveDownloadsPerDevice(msgspec.Struct, frozen=True):
    """At most `downloads_max` licences are active on one device, this one included.

    Source: help centres of streaming services, "100 active downloads per device"; the number
    comes with the plan.

    Attributes:
        downloads_max: active licences.
    """

    reason: ClassVar[Reason] = "active-downloads-per-device"

    downloads_max: int

    def check(self, situation: Situation) -> Unmet | None:
        others = situation.others_on_device
        if len(others) + 1 <= self.downloads_max:
            return None
        return Unmet(
            reason=self.reason,
            limit=self.downloads_max,
            used=len(others),
            resets_at=when_fewer_last(others, self.downloads_max - 1),
            remedy="Delete a download on this device.",
            detail=f"The plan allows {self.downloads_max} active download(s) on a device;"
            f" this one holds {len(others)} other(s).",
        )
