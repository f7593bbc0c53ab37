"""Queries: what is asked and records nothing."""

from __future__ import annotations

from datetime import datetime

from download_licensing.domain.refusals import AccountNotFound
from download_licensing.domain.rules import check_all, unmet_of
from download_licensing.domain.times import utc
from download_licensing.service import answers, present
from download_licensing.service.base import (
    Licensing,
    account_of,
    license_of,
    require_not_ended,
    stream_of,
)
from download_licensing.service.history import History, history_event
from download_licensing.service.sealing import token_of


class Queries(Licensing):
    """What is answered from the state as it stands."""

    async def account(self, customer_id: str) -> answers.Account:
        """The account as it stands."""
        view = await self.repository.load(stream_of(customer_id))
        return present.account(customer_id, account_of(view, customer_id))

    async def license(self, customer_id: str, license_id: str, at: datetime) -> answers.License:
        """A licence, with what is left of it at a time.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        view = await self.repository.load(stream_of(customer_id))
        at = utc(at, "at")
        seen, _ = self._seen(view, customer_id, at)
        return present.license(customer_id, license_of(seen, license_id), at)

    async def remaining(self, customer_id: str, license_id: str, at: datetime) -> answers.Remaining:
        """What remains of a licence and of its playback window at a time.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        view = await self.repository.load(stream_of(customer_id))
        at = utc(at, "at")
        seen, _ = self._seen(view, customer_id, at)
        return present.remaining(license_of(seen, license_id), at)

    async def token(self, customer_id: str, license_id: str, at: datetime) -> answers.LicenseToken:
        """The token of a licence as it stands at a time; "" where the service signs none.

        Raises:
            LicenseNotFound: the customer has no such licence.
            LicenseReleased: it was given back.
            LicenseRevoked: an operator took it away.
        """
        view = await self.repository.load(stream_of(customer_id))
        seen, _ = self._seen(view, customer_id, utc(at, "at"))
        license = license_of(seen, license_id)
        require_not_ended(license)
        token = "" if self._signer is None else token_of(customer_id, license, self._signer)
        return answers.LicenseToken(license_id=license_id, token=token)

    async def devices(self, customer_id: str, at: datetime) -> answers.Devices:
        """The devices of an account, with what they hold at a time."""
        view = await self.repository.load(stream_of(customer_id))
        at = utc(at, "at")
        seen, account = self._seen(view, customer_id, at)
        return present.devices(seen, account, self._terms(account, None, at), at)

    async def history(self, customer_id: str, *, after: int, limit: int) -> History:
        """A part of the customer's history.

        Args:
            customer_id: whose.
            after: the position to go on after.
            limit: most events in the answer.

        Raises:
            AccountNotFound: nothing was recorded.
        """
        stream = stream_of(customer_id)
        head = (await self.repository.load(stream)).position
        if not head:
            raise AccountNotFound(customer_id)
        upto = max(after, min(after + limit, head))
        recorded = self.repository.history(stream, after=after, upto=upto)
        events = [history_event(event) async for event in recorded]
        return History(customer_id=customer_id, head=head, events=events)

    async def allowance(
        self, customer_id: str, title_id: str, device_id: str, at: datetime
    ) -> answers.Allowance:
        """What is left, and whether a download would be granted at a time. Records nothing.

        Raises:
            TitleNotFound: the title is not in the catalogue.
            TitleWithdrawn: an operator withdrew it.
        """
        view = await self.repository.load(stream_of(customer_id))
        at = utc(at, "at")
        seen, account = self._seen(view, customer_id, at)
        title = self._title(title_id)
        self._require_offered(title_id, at, view.position)
        terms = self._terms(account, title, at)
        situation = self._survey(seen, account, title, device_id, at)
        unmet = unmet_of(check_all(terms.checked_at("download", None), situation))
        return present.allowance(title_id, device_id, situation, terms, unmet)
