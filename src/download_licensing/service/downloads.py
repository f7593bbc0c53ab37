"""Downloads: a licence is requested, renewed and released."""

from __future__ import annotations

from datetime import datetime

from download_licensing.domain.device import Device
from download_licensing.domain.granting import grant, renew
from download_licensing.domain.ids import license_id_of
from download_licensing.domain.license import License
from download_licensing.domain.policy import Terms
from download_licensing.domain.refusals import (
    DownloadRefused,
    KeyReused,
    UnknownTitle,
)
from download_licensing.domain.rule import Decision
from download_licensing.domain.rules import check_all, unmet_of
from download_licensing.domain.situation import Situation
from download_licensing.domain.times import utc
from download_licensing.service import answers, present
from download_licensing.service.base import Licensing, account_of, require_not_ended
from download_licensing.service.commands import ReleaseLicense, RenewLicense, RequestDownload
from helenus.errors import InvalidArgument
from helenus.service import CommandContext, handles
from helenus.unit_of_work import UnitOfWork


class Downloads(Licensing):
    """The commands about one download."""

    @handles
    def request_download(
        self, unit: UnitOfWork, command: RequestDownload, context: CommandContext
    ) -> answers.Grant:
        """Grant a new licence if every rule is met.

        Raises:
            UnknownTitle: the title is not in the catalogue.
            TitleWithdrawn: an operator withdrew it.
            DownloadRefused: rules are not met.
            KeyReused: the key made a licence for another device or title.
            LicenseReleased: the key made a licence that was released since.
            LicenseRevoked: the key made a licence that was revoked since.
            helenus.InvalidArgument: there is no idempotency key.
        """
        at = utc(context.at, "at")
        account = self._settled(unit, command.customer_id, at)
        title = self._catalogue.titles.get(command.title_id)
        if title is None:
            raise UnknownTitle(command.title_id)
        terms = self._terms(account, title, at)
        license = unit.get(License, _license_id(command, context))
        if license.issued_at is not None:
            license = self._license(unit, account, license.id, at)
            situation = self._survey(unit, account, title, command.device_id, at, renewed=license)
            return _granted_before(command, license, situation, account.plan, terms)
        situation = self._survey(unit, account, title, command.device_id, at)
        self._require_offered(title.title_id, at, unit.view().position)
        _require(terms, "download", situation, unit)
        grant(
            unit,
            account,
            license,
            terms,
            device_id=command.device_id,
            title_id=title.title_id,
            now=situation.now,
        )
        return present.grant(
            command.customer_id, license, situation, account.plan, terms, downloads=1
        )

    @handles
    def renew(
        self, unit: UnitOfWork, command: RenewLicense, context: CommandContext
    ) -> answers.Grant:
        """Extend a licence if every rule is met.

        Raises:
            LicenseNotFound: the customer has no such licence.
            LicenseReleased: it was given back.
            LicenseRevoked: an operator took it away.
            TitleNotFound: its title is no longer in the catalogue.
            TitleWithdrawn: an operator withdrew its title.
            DownloadRefused: rules are not met.
        """
        at = utc(context.at, "at")
        license = self._asked_about(unit, command, at)
        return self._renew(unit, command.customer_id, license, at)

    @handles
    def release(
        self, unit: UnitOfWork, command: ReleaseLicense, context: CommandContext
    ) -> answers.License:
        """Give a licence back; a repetition changes nothing.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        at = utc(context.at, "at")
        license = self._asked_about(unit, command, at)
        self._release(unit, license, command.released_at, at)
        return present.license(command.customer_id, license, at)

    def _renew(
        self, unit: UnitOfWork, customer_id: str, license: License, at: datetime, item_id: str = ""
    ) -> answers.Grant:
        """Extend a licence, unless the item that asks for it did so before."""
        account = account_of(unit, customer_id)
        require_not_ended(license)
        title = self._title(license.title_id)
        terms = self._terms(account, title, at)
        situation = self._survey(unit, account, title, license.device_id, at, renewed=license)
        if item_id and item_id in license.renewal_items:
            return present.grant(customer_id, license, situation, account.plan, terms, downloads=0)
        self._require_offered(license.title_id, at, unit.view().position)
        refresh = not license.active(situation.now)
        _require(terms, "refresh" if refresh else "renewal", situation, unit)
        renew(unit, account, license, terms, now=situation.now, refresh=refresh, item_id=item_id)
        return present.grant(
            *(customer_id, license, situation, account.plan, terms),
            downloads=int(refresh),
            renewals=1,
        )

    def _release(
        self, unit: UnitOfWork, license: License, released_at: datetime | None, at: datetime
    ) -> None:
        """Give a licence back, unless it ended before."""
        told = None if released_at is None else utc(released_at, "released_at")
        if license.ended_at is None:
            license.release("deleted", told, at)
            unit.get(Device, license.device_id).drop(license.id, at)


def _license_id(command: RequestDownload, context: CommandContext) -> str:
    if context.command_id is None:
        raise InvalidArgument(
            "A download request needs an idempotency key.",
            remedy="Send one; a repetition under the same key is granted once.",
        )
    return license_id_of(command.customer_id, context.command_id)


def _require(terms: Terms, decision: Decision, situation: Situation, unit: UnitOfWork) -> None:
    rules = terms.checked_at(decision, situation.renewals_max)
    if unmet := unmet_of(check_all(rules, situation)):
        raise DownloadRefused(
            unmet,
            policy_version=terms.policy_version,
            at=situation.now,
            position=unit.view().position,
        )


def _granted_before(
    command: RequestDownload, license: License, situation: Situation, plan_id: str, terms: Terms
) -> answers.Grant:
    """The answer to a repetition that came later than the repository remembers commands."""
    if (license.device_id, license.title_id) != (command.device_id, command.title_id):
        raise KeyReused
    require_not_ended(license)
    return present.grant(command.customer_id, license, situation, plan_id, terms, downloads=0)
