"""How many devices may hold downloads."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from download_licensing.domain.situation import Situation
from download_licensing.domain.times import when_fewer_last
from download_licensing.domain.unmet import Reason, Unmet


class DeviceLimit(msgspec.Struct, frozen=True):
    """At most `devices_max` devices of an account have an active licence, this one included.

    Source: help centres of streaming services, "downloads on too many devices"; the number comes
    with the plan.

    Attributes:
        devices_max: devices.
    """

    reason: ClassVar[Reason] = "device-limit"

    devices_max: int

    def check(self, situation: Situation) -> Unmet | None:
        others = situation.other_devices_until
        if len(others) + 1 <= self.devices_max:
            return None
        return Unmet(
            reason=self.reason,
            limit=self.devices_max,
            used=situation.devices_in_use,
            resets_at=when_fewer_last(others, self.devices_max - 1),
            remedy="Delete all downloads on another device, or remove a device from the account.",
            detail=f"The plan allows downloads on {self.devices_max} device(s);"
            f" {len(others)} other(s) hold some.",
        )
