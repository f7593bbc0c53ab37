"""Operations: what those who run the service, and billing, decide about an account."""

from __future__ import annotations

from download_licensing.domain.device import Device
from download_licensing.domain.times import utc
from download_licensing.service import answers, present
from download_licensing.service.base import Licensing, account_of
from download_licensing.service.commands import (
    BlockAccount,
    RevokeLicense,
    SetStanding,
    UnblockAccount,
)
from helenus.service import CommandContext, handles
from helenus.unit_of_work import UnitOfWork


class Operations(Licensing):
    """The commands of billing and of operators. All are idempotent."""

    @handles
    def set_standing(
        self, unit: UnitOfWork, command: SetStanding, context: CommandContext
    ) -> answers.Account:
        """Say how the customer stands with billing. A cancellation ends all downloads now."""
        account = account_of(unit, command.customer_id)
        at = utc(context.at, "at")
        account.stand(command.standing, at)
        self._settled(unit, command.customer_id, at)
        return present.account(command.customer_id, account)

    @handles
    def block(
        self, unit: UnitOfWork, command: BlockAccount, context: CommandContext
    ) -> answers.Account:
        """Stop downloads of a customer, or change the reason."""
        account = account_of(unit, command.customer_id)
        account.block(command.reason, utc(context.at, "at"))
        return present.account(command.customer_id, account)

    @handles
    def unblock(
        self, unit: UnitOfWork, command: UnblockAccount, context: CommandContext
    ) -> answers.Account:
        """Allow downloads again."""
        account = account_of(unit, command.customer_id)
        account.unblock(utc(context.at, "at"))
        return present.account(command.customer_id, account)

    @handles
    def revoke(
        self, unit: UnitOfWork, command: RevokeLicense, context: CommandContext
    ) -> answers.License:
        """Take a licence away, which frees what it held; one that ended before stays as it is.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        at = utc(context.at, "at")
        license = self._asked_about(unit, command, at)
        if license.ended_at is None:
            license.revoke(command.reason, at)
            unit.get(Device, license.device_id).drop(license.id, at)
        return present.license(command.customer_id, license, at)
