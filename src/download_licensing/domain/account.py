"""Account: a customer's plan, region, standing and devices."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from download_licensing.domain.events import (
    AccountBlocked,
    AccountOpened,
    AccountUnblocked,
    DeviceRegistered,
    DeviceRemoved,
    PlanChanged,
    RegionChanged,
    Standing,
    StandingChanged,
)
from download_licensing.domain.spans import Span, begun, ended
from download_licensing.domain.times import SETTLING, YEAR
from helenus.aggregates import Aggregate, applies

ACCOUNT_ID = "account"
"""The id of a customer's one account within the stream."""

REGISTRATIONS_MAX = 1_000
"""Registrations of devices that are remembered, the latest: no rule's limit is higher."""


class Registration(msgspec.Struct, frozen=True, array_like=True):
    """A device of an account.

    Attributes:
        registered_at: of the first grant, or of the first one since it was removed.
        removed_at: None while the account has it.
    """

    registered_at: datetime
    removed_at: datetime | None = None


class Account(Aggregate, name="account"):
    """A customer's account.

    Attributes:
        plan: an id of the catalogue.
        opened_at: None: there is no account.
        devices: by id, in the order in which they were first registered. Those removed stay: their
            removal may be repeated, and what they report comes late.
        country: ISO 3166-1 alpha-2; "": not told.
        time_zone: IANA; the customer's calendar months are counted in it.
        standing: as the billing system told it.
        cancellations: when the customer was none, oldest first; the last has no end while that is
            so.
        blocked: the reason that an operator gave; "": not blocked.
        registrations: when devices were registered, again ones included, oldest first, without
            those too old for a decision as of `horizon`.
        horizon: decisions are made as of this time or later.
    """

    plan: str = ""
    opened_at: datetime | None = None
    devices: dict[str, Registration] = msgspec.field(default_factory=dict)
    country: str = ""
    time_zone: str = "UTC"
    standing: Standing = "good"
    cancellations: list[Span] = msgspec.field(default_factory=list)
    blocked: str = ""
    registrations: list[datetime] = msgspec.field(default_factory=list)
    horizon: datetime | None = None

    def has(self, device_id: str) -> bool:
        """Whether the device is registered and not removed."""
        registration = self.devices.get(device_id)
        return registration is not None and registration.removed_at is None

    def present(self) -> Iterable[str]:
        """The devices that are registered and not removed: only they can hold downloads."""
        return [
            device_id
            for device_id, registration in self.devices.items()
            if registration.removed_at is None
        ]

    def registered_within(self, window: timedelta, now: datetime) -> list[datetime]:
        """The registrations that count at a time: those less than a window old, oldest first.

        Args:
            window: at most a year.
            now: the time of the decision.
        """
        return self.registrations[bisect_right(self.registrations, now - window) :]

    def open(self, plan: str, at: datetime, *, country: str = "", time_zone: str = "UTC") -> None:
        self.record(AccountOpened(plan=plan, at=at, country=country, time_zone=time_zone))

    def change_plan(self, plan: str, at: datetime) -> None:
        if self.plan != plan:
            self.record(PlanChanged(plan=plan, at=at))

    def move(self, country: str, time_zone: str, at: datetime) -> None:
        if (self.country, self.time_zone) != (country, time_zone):
            self.record(RegionChanged(country=country, time_zone=time_zone, at=at))

    def stand(self, standing: Standing, at: datetime) -> None:
        if self.standing != standing:
            self.record(StandingChanged(standing=standing, at=at))

    def block(self, reason: str, at: datetime) -> None:
        if self.blocked != reason:
            self.record(AccountBlocked(reason=reason, at=at))

    def unblock(self, at: datetime) -> None:
        if self.blocked:
            self.record(AccountUnblocked(at=at))

    def register(self, device_id: str, at: datetime) -> None:
        if not self.has(device_id):
            self.record(DeviceRegistered(device_id=device_id, at=at))

    def remove(self, device_id: str, at: datetime) -> None:
        if self.has(device_id):
            self.record(DeviceRemoved(device_id=device_id, at=at))

    @applies
    def _opened(self, event: AccountOpened) -> None:
        self.plan = event.plan
        self.opened_at = event.at
        self.country = event.country
        self.time_zone = event.time_zone

    @applies
    def _plan_changed(self, event: PlanChanged) -> None:
        self.plan = event.plan

    @applies
    def _moved(self, event: RegionChanged) -> None:
        self.country = event.country
        self.time_zone = event.time_zone

    @applies
    def _stood(self, event: StandingChanged) -> None:
        if event.standing == "cancelled":
            self.cancellations = begun(self.cancellations, event.at)
        elif self.standing == "cancelled":
            self.cancellations = ended(self.cancellations, event.at)
        self.standing = event.standing

    @applies
    def _blocked(self, event: AccountBlocked) -> None:
        self.blocked = event.reason

    @applies
    def _unblocked(self, _: AccountUnblocked) -> None:
        self.blocked = ""

    @applies
    def _registered(self, event: DeviceRegistered) -> None:
        self.devices[event.device_id] = Registration(event.at)
        insort(self.registrations, event.at)
        horizon = self.registrations[-1] - SETTLING
        gone = bisect_right(self.registrations, horizon - YEAR)
        if gone:
            self.horizon = horizon
        del self.registrations[: max(gone, len(self.registrations) - REGISTRATIONS_MAX)]

    @applies
    def _removed(self, event: DeviceRemoved) -> None:
        registration = self.devices[event.device_id]
        self.devices[event.device_id] = Registration(registration.registered_at, event.at)
