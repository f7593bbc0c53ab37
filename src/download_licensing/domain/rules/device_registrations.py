"""How often devices may be added to an account."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from msgspec import Meta

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import Counted, Rule
from download_licensing.domain.situation import Situation
from download_licensing.domain.times import when_fewer_last


class DeviceRegistrations(Rule, frozen=True):
    """At most `registrations_max` devices are added to an account within `window_days`.

    A device is added by its first grant, or by its first one after it was removed; then it counts
    again. A device that the account has is not held against this rule.

    Source: help centres of streaming services, for instance "10 device registrations in 30 days".

    Attributes:
        registrations_max: devices added.
        window_days: days of 24 hours; at most a year.
    """

    name: ClassVar[str] = "device-registrations"
    reason: ClassVar[str] = "device-registrations"
    order: ClassVar[int] = 50
    counted: ClassVar[Counted | None] = Counted("new-device", "new device", "registrations_max")

    registrations_max: Annotated[int, Meta(ge=0, le=1_000)]
    window_days: Annotated[int, Meta(ge=1, le=365)]

    def check(self, situation: Situation) -> Finding:
        window = timedelta(days=self.window_days)
        recent = situation.registered_within(window)
        used = len(recent)
        if situation.registered or used < self.registrations_max:
            return self.met(used, self.registrations_max)
        resets_at = when_fewer_last([at + window for at in recent], self.registrations_max - 1)
        return self.unmet(
            used,
            self.registrations_max,
            resets_at=resets_at,
            frees=f"the addition of a device, when the oldest is {self.window_days} days old",
            remedy="Use a device that the account has, or wait until then."
            if resets_at
            else "Use a device that the account has.",
            detail=f"{self.registrations_max} device(s) may be added in {self.window_days} days;"
            f" {used} were added.",
        )
