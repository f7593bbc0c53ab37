"""Accounts: opened, moved, and their devices removed, as the customer asks for."""

from __future__ import annotations

from download_licensing.domain.account import ACCOUNT_ID, Account
from download_licensing.domain.device import Device
from download_licensing.domain.refusals import AccountExists, DeviceNotFound, UnknownTimeZone
from download_licensing.domain.times import is_time_zone, utc
from download_licensing.service import answers, present
from download_licensing.service.base import Licensing, account_of
from download_licensing.service.commands import ChangePlan, OpenAccount, RemoveDevice, SetRegion
from helenus.service import CommandContext, handles
from helenus.unit_of_work import UnitOfWork

REMOVAL_EVENTS_MAX = 1_000
"""Events that one removal of a device records, the repository's default bound. A licence takes two,
and a third if it ended early and does not say so yet; so there is room for more licences than a
policy lets be active on one device. Those left over have expired; removing the device again
releases them."""


class Accounts(Licensing):
    """The commands of the account page."""

    @handles
    def open_account(
        self, unit: UnitOfWork, command: OpenAccount, context: CommandContext
    ) -> answers.AccountOpened:
        """Open an account, once.

        Raises:
            UnknownPlan: the plan is not in the catalogue.
            UnknownTimeZone: the time zone is none.
            AccountExists: it is open with another plan, or for another region than the one told.
        """
        self._plan(command.plan)
        _require_time_zone(command.time_zone)
        account = unit.get(Account, ACCOUNT_ID)
        created = account.opened_at is None
        if created:
            account.open(
                command.plan,
                utc(context.at, "at"),
                country=command.country or "",
                time_zone=command.time_zone or "UTC",
            )
        elif account.plan != command.plan or _elsewhere(account, command):
            raise AccountExists(
                command.customer_id, account.plan, account.country, account.time_zone
            )
        return answers.AccountOpened(
            account=present.account(command.customer_id, account), created=created
        )

    @handles
    def change_plan(
        self, unit: UnitOfWork, command: ChangePlan, context: CommandContext
    ) -> answers.PlanChanged:
        """Decide by another plan from now on. What is granted already stays until it ends.

        Raises:
            UnknownPlan: the plan is not in the catalogue.
        """
        self._plan(command.plan)
        at = utc(context.at, "at")
        account = self._settled(unit, command.customer_id, at)
        account.change_plan(command.plan, at)
        terms = self._terms(account, None, at)
        return present.plan_changed(command.customer_id, unit, account, terms, at)

    @handles
    def set_region(
        self, unit: UnitOfWork, command: SetRegion, context: CommandContext
    ) -> answers.Account:
        """Say where the customer lives; what is granted already stays. Idempotent.

        Raises:
            UnknownTimeZone: the time zone is none.
        """
        _require_time_zone(command.time_zone)
        account = account_of(unit, command.customer_id)
        account.move(command.country, command.time_zone, utc(context.at, "at"))
        return present.account(command.customer_id, account)

    @handles
    def remove_device(
        self, unit: UnitOfWork, command: RemoveDevice, context: CommandContext
    ) -> answers.DeviceRemoved:
        """Release the licences on a device, those that last longest first, and free its slot.

        Raises:
            DeviceNotFound: the account never had such a device.
        """
        at = utc(context.at, "at")
        account = self._settled(unit, command.customer_id, at)
        if command.device_id not in account.devices:
            raise DeviceNotFound(command.device_id)
        device = unit.get(Device, command.device_id)
        released = []
        for license_id in device.licenses():
            if len(unit.entries) + 3 + 1 > REMOVAL_EVENTS_MAX:  # the last is of the account
                break
            license = self._license(unit, account, license_id, at)
            license.release("device-removed", None, at)
            device.drop(license_id, at)
            released.append(license_id)
        account.remove(command.device_id, at)
        return answers.DeviceRemoved(device_id=command.device_id, released_licenses=tuple(released))


def _elsewhere(account: Account, command: OpenAccount) -> bool:
    """Whether the command names another region than the account's; what it leaves out fits."""
    return (command.country or account.country, command.time_zone or account.time_zone) != (
        account.country,
        account.time_zone,
    )


def _require_time_zone(name: str | None) -> None:
    if name is not None and not is_time_zone(name):
        raise UnknownTimeZone(name)
