"""Account: a customer's plan and devices."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from download_licensing.domain.events import AccountOpened, DeviceRegistered, DeviceRemoved
from helenus.aggregates import Aggregate, applies

ACCOUNT_ID = "account"
"""The id of a customer's one account within the stream."""


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
        devices: by id, in the order in which they were first registered.
    """

    plan: str = ""
    opened_at: datetime | None = None
    devices: dict[str, Registration] = msgspec.field(default_factory=dict)

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

    def open(self, plan: str, at: datetime) -> None:
        self.record(AccountOpened(plan=plan, at=at))

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

    @applies
    def _registered(self, event: DeviceRegistered) -> None:
        self.devices[event.device_id] = Registration(event.at)

    @applies
    def _removed(self, event: DeviceRemoved) -> None:
        registration = self.devices[event.device_id]
        self.devices[event.device_id] = Registration(registration.registered_at, event.at)
