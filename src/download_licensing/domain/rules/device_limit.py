"""How many devices may hold downloads."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import Rule
from download_licensing.domain.situation import Situation
from download_licensing.domain.times import when_fewer_last


class DeviceLimit(Rule, frozen=True):
    """At most `devices_max` devices of an account have an active licence, this one included.

    Source: help centres of streaming services, "downloads on too many devices"; the number comes
    with the plan.

    Attributes:
        devices_max: devices.
    """

    name: ClassVar[str] = "device-limit"
    reason: ClassVar[str] = "device-limit"
    order: ClassVar[int] = 40

    devices_max: Annotated[int, Meta(ge=0, le=100)]

    def check(self, situation: Situation) -> Finding:
        others = situation.other_devices_until
        if len(others) < self.devices_max:
            return self.met(situation.devices_in_use, self.devices_max)
        return self.unmet(
            situation.devices_in_use,
            self.devices_max,
            resets_at=when_fewer_last(others, self.devices_max - 1),
            frees="the place of another device, when its last licence ends",
            remedy="Delete all downloads on another device, or remove a device from the account.",
            detail=f"The plan allows downloads on {self.devices_max} device(s);"
            f" {len(others)} other(s) hold some.",
        )
