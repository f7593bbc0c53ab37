"""The licensing service: decides every command of a customer on the customer's stream."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from download_licensing.catalogue import Catalogue
from download_licensing.domain.account import ACCOUNT_ID, Account
from download_licensing.domain.device import Device
from download_licensing.domain.downloaded_title import DownloadedTitle
from download_licensing.domain.granting import grant, renew
from download_licensing.domain.ids import license_id_of
from download_licensing.domain.license import License
from download_licensing.domain.refusals import (
    AccountExists,
    AccountNotFound,
    DeviceNotFound,
    DownloadRefused,
    KeyReused,
    LicenseNotFound,
    LicenseReleased,
    TitleNotFound,
    UnknownPlan,
    UnknownTitle,
)
from download_licensing.domain.rules import check_all, download_rules, renewal_rules
from download_licensing.domain.situation import Aggregates, Situation, survey
from download_licensing.domain.terms import Plan, Title
from download_licensing.domain.times import utc
from download_licensing.service import answers, present
from download_licensing.service.commands import (
    Command,
    OpenAccount,
    ReleaseLicense,
    RemoveDevice,
    RenewLicense,
    ReportFirstPlay,
    RequestDownload,
)
from helenus.errors import InvalidArgument
from helenus.repository import AggregateRepository
from helenus.service import AggregateService, CommandContext, Hook, handles
from helenus.unit_of_work import UnitOfWork

AGGREGATES = (Account, DownloadedTitle, Device, License)
"""All aggregate types of a customer's stream, for the repository."""

RELEASES_PER_COMMAND_MAX = 450
"""Licences that one removal of a device releases: two events each, within the repository's default
bound of 1,000 events per command, and more than a catalogue lets be active on one device. Those
left over expired long ago; removing the device again releases them."""


def stream_of(customer_id: str) -> str:
    """The stream that holds all of a customer's aggregates."""
    return f"customer/{customer_id}"


class LicensingService(AggregateService):
    """Carries out commands and answers queries.

    Every command and query may raise `AccountNotFound`, `helenus.InvalidArgument` for a time that
    is naive or outside the years 1900 to 8999, and what `AggregateRepository.transact` and `load`
    raise.

    Args:
        repository: made with `AGGREGATES`.
        catalogue: the plans and titles in force.
        hooks: entered around each command, the first outermost.
    """

    def __init__(
        self, repository: AggregateRepository, catalogue: Catalogue, *, hooks: Iterable[Hook] = ()
    ) -> None:
        super().__init__(repository, hooks=hooks)
        self._catalogue = catalogue

    def stream_of(self, command: Command) -> str:
        return stream_of(command.customer_id)

    @handles
    def open_account(
        self, unit: UnitOfWork, command: OpenAccount, context: CommandContext
    ) -> answers.AccountOpened:
        """Open an account, once.

        Raises:
            UnknownPlan: the plan is not in the catalogue.
            AccountExists: it is open with another plan.
        """
        self._plan(command.plan)
        account = unit.get(Account, ACCOUNT_ID)
        created = account.opened_at is None
        if created:
            account.open(command.plan, utc(context.at, "at"))
        elif account.plan != command.plan:
            raise AccountExists(command.customer_id, account.plan)
        return answers.AccountOpened(
            account=present.account(command.customer_id, account), created=created
        )

    @handles
    def request_download(
        self, unit: UnitOfWork, command: RequestDownload, context: CommandContext
    ) -> answers.Grant:
        """Grant a new licence if every rule is met.

        Raises:
            UnknownTitle: the title is not in the catalogue.
            DownloadRefused: rules are not met.
            KeyReused: the key made a licence for another device or title.
            LicenseReleased: the key made a licence that was released since.
            helenus.InvalidArgument: there is no idempotency key.
        """
        account = _account(unit, command.customer_id)
        plan = self._plan(account.plan)
        title = self._catalogue.titles.get(command.title_id)
        if title is None:
            raise UnknownTitle(command.title_id)
        license = unit.get(License, _license_id(command, context))
        situation = survey(
            unit,
            account,
            device_id=command.device_id,
            title_id=command.title_id,
            at=utc(context.at, "at"),
            renewed=license if license.issued_at else None,
        )
        if license.issued_at is not None:
            return _granted_before(command, license, situation, plan, title)
        if unmet := check_all(download_rules(plan, title), situation):
            raise DownloadRefused(unmet)
        grant(unit, account, license, command.device_id, title, now=situation.now)
        return present.grant(command.customer_id, license, situation, plan, title, downloads=1)

    @handles
    def renew(
        self, unit: UnitOfWork, command: RenewLicense, context: CommandContext
    ) -> answers.Grant:
        """Extend a licence if every rule is met.

        Raises:
            LicenseNotFound: the customer has no such licence.
            LicenseReleased: it was given back.
            TitleNotFound: its title is no longer in the catalogue.
            DownloadRefused: rules are not met.
        """
        account = _account(unit, command.customer_id)
        license = _license(unit, command.license_id)
        if license.released_at is not None:
            raise LicenseReleased(command.license_id)
        plan = self._plan(account.plan)
        title = self._title(license.title_id)
        situation = survey(
            unit,
            account,
            device_id=license.device_id,
            title_id=license.title_id,
            at=utc(context.at, "at"),
            renewed=license,
        )
        refresh = not license.active(situation.now)
        rules = renewal_rules(plan, title, renewals_max=license.renewals_max, refresh=refresh)
        if unmet := check_all(rules, situation):
            raise DownloadRefused(unmet)
        renew(unit, account, license, title, now=situation.now, refresh=refresh)
        return present.grant(
            command.customer_id, license, situation, plan, title, downloads=int(refresh)
        )

    @handles
    def report_first_play(
        self, unit: UnitOfWork, command: ReportFirstPlay, context: CommandContext
    ) -> answers.License:
        """Start the playback window with the first report that arrives; others change nothing.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        _account(unit, command.customer_id)
        license = _license(unit, command.license_id)
        at = utc(context.at, "at")
        reported = utc(command.played_at, "played_at")
        if license.released_at is None and license.first_played_at is None:
            expires_at = license.effective_expires_at
            license.play(reported, at)
            if license.effective_expires_at != expires_at:
                device = unit.get(Device, license.device_id)
                device.shorten(license.id, license.effective_expires_at, at)
        return present.license(command.customer_id, license, at)

    @handles
    def release(
        self, unit: UnitOfWork, command: ReleaseLicense, context: CommandContext
    ) -> answers.License:
        """Give a licence back; a repetition changes nothing.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        _account(unit, command.customer_id)
        license = _license(unit, command.license_id)
        at = utc(context.at, "at")
        told = None if command.released_at is None else utc(command.released_at, "released_at")
        if license.released_at is None:
            license.release("deleted", told, at)
            unit.get(Device, license.device_id).drop(license.id, at)
        return present.license(command.customer_id, license, at)

    @handles
    def remove_device(
        self, unit: UnitOfWork, command: RemoveDevice, context: CommandContext
    ) -> answers.DeviceRemoved:
        """Release the licences on a device and free its slot.

        Raises:
            DeviceNotFound: the account never had such a device.
        """
        account = _account(unit, command.customer_id)
        if command.device_id not in account.devices:
            raise DeviceNotFound(command.device_id)
        at = utc(context.at, "at")
        device = unit.get(Device, command.device_id)
        released = device.licenses()[:RELEASES_PER_COMMAND_MAX]
        for license_id in released:
            unit.get(License, license_id).release("device-removed", None, at)
            device.drop(license_id, at)
        account.remove(command.device_id, at)
        return answers.DeviceRemoved(device_id=command.device_id, released_licenses=tuple(released))

    async def account(self, customer_id: str) -> answers.Account:
        """The account as it stands."""
        view = await self.repository.load(stream_of(customer_id))
        return present.account(customer_id, _account(view, customer_id))

    async def license(self, customer_id: str, license_id: str, at: datetime) -> answers.License:
        """A licence, with what is left of it at a time.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        view = await self.repository.load(stream_of(customer_id))
        _account(view, customer_id)
        return present.license(customer_id, _license(view, license_id), utc(at, "at"))

    async def devices(self, customer_id: str, at: datetime) -> answers.Devices:
        """The devices of an account, with what they hold at a time."""
        view = await self.repository.load(stream_of(customer_id))
        account = _account(view, customer_id)
        return present.devices(view, account, self._plan(account.plan), utc(at, "at"))

    async def allowance(
        self, customer_id: str, title_id: str, device_id: str, at: datetime
    ) -> answers.Allowance:
        """What is left, and whether a download would be granted at a time. Records nothing.

        Raises:
            TitleNotFound: the title is not in the catalogue.
        """
        view = await self.repository.load(stream_of(customer_id))
        account = _account(view, customer_id)
        plan, title = self._plan(account.plan), self._title(title_id)
        situation = survey(view, account, device_id=device_id, title_id=title_id, at=utc(at, "at"))
        unmet = check_all(download_rules(plan, title), situation)
        return present.allowance(device_id, situation, plan, title, unmet)

    def _plan(self, plan_id: str) -> Plan:
        plan = self._catalogue.plans.get(plan_id)
        if plan is None:
            raise UnknownPlan(plan_id, list(self._catalogue.plans))
        return plan

    def _title(self, title_id: str) -> Title:
        title = self._catalogue.titles.get(title_id)
        if title is None:
            raise TitleNotFound(title_id)
        return title


def _account(aggregates: Aggregates, customer_id: str) -> Account:
    account = aggregates.get(Account, ACCOUNT_ID)
    if account.opened_at is None:
        raise AccountNotFound(customer_id)
    return account


def _license(aggregates: Aggregates, license_id: str) -> License:
    license = aggregates.get(License, license_id)
    if license.issued_at is None:
        raise LicenseNotFound(license_id)
    return license


def _license_id(command: RequestDownload, context: CommandContext) -> str:
    if context.command_id is None:
        raise InvalidArgument(
            "A download request needs an idempotency key.",
            remedy="Send one; a repetition under the same key is granted once.",
        )
    return license_id_of(command.customer_id, context.command_id)


def _granted_before(
    command: RequestDownload, license: License, situation: Situation, plan: Plan, title: Title
) -> answers.Grant:
    """The answer to a repetition that came later than the repository remembers commands."""
    if (license.device_id, license.title_id) != (command.device_id, command.title_id):
        raise KeyReused
    if license.released_at is not None:
        raise LicenseReleased(license.id)
    return present.grant(command.customer_id, license, situation, plan, title, downloads=0)
