"""What every part of the licensing service stands on: the catalogue, and whose stream it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from download_licensing.catalogue import Catalogue
from download_licensing.domain.account import ACCOUNT_ID, Account
from download_licensing.domain.cuts import Cuts, Withdrawn
from download_licensing.domain.license import License
from download_licensing.domain.policy import PolicySource, Terms
from download_licensing.domain.refusals import (
    AccountNotFound,
    LicenseNotFound,
    LicenseReleased,
    LicenseRevoked,
    TitleNotFound,
    TitleWithdrawn,
    UnknownPlan,
)
from download_licensing.domain.situation import Aggregates, Situation, survey
from download_licensing.domain.spans import within
from download_licensing.domain.terms import Plan, Title
from download_licensing.service.commands import Command, LicenseCommand, TitleCommand
from download_licensing.service.sealing import sealed
from download_licensing.tokens.signer import TokenSigner
from helenus.repository import AggregateRepository
from helenus.service import AggregateService, CommandContext, Hook
from helenus.unit_of_work import UnitOfWork


def stream_of(customer_id: str) -> str:
    """The stream that holds all of a customer's aggregates."""
    return f"customer/{customer_id}"


WITHDRAWALS_STREAM = "titles/withdrawn"
"""The one stream of titles: which are withdrawn from all customers, and since when."""


Observer = Callable[[Any, Any], None]
"""Told of a command and its answer."""


class Licensing(AggregateService):
    """Base of the parts of `LicensingService`.

    Args:
        repository: made with `AGGREGATES`.
        catalogue: the plans and titles there are.
        policies: where the policy in force is found.
        signer: signs what is granted; None: grants come without a token.
        hooks: entered around each command, the first outermost.
        observers: told of each command that was carried out, with its answer.
    """

    def __init__(
        self,
        repository: AggregateRepository,
        catalogue: Catalogue,
        *,
        policies: PolicySource,
        signer: TokenSigner | None = None,
        hooks: Iterable[Hook] = (),
        observers: Iterable[Observer] = (),
    ) -> None:
        super().__init__(repository, hooks=hooks)
        self._catalogue = catalogue
        self._policies = policies
        self._signer = signer
        self._observers = tuple(observers)
        self._withdrawn: Withdrawn = {}
        self._withdrawn_at_position = 0

    async def execute(self, command: Any, context: CommandContext) -> Any:
        """As `AggregateService.execute`; what a command granted is signed after it."""
        answer = await super().execute(command, context)
        for observer in self._observers:
            observer(command, answer)
        return answer if self._signer is None else sealed(answer, self._signer)

    @property
    def policies(self) -> PolicySource:
        """Where the policy in force is found."""
        return self._policies

    @property
    def catalogue(self) -> Catalogue:
        """The plans and titles there are."""
        return self._catalogue

    def stream_of(self, command: Command | TitleCommand) -> str:
        if isinstance(command, TitleCommand):
            return WITHDRAWALS_STREAM
        return stream_of(command.customer_id)

    def _settled(self, unit: UnitOfWork, customer_id: str, at: datetime) -> Account:
        """The customer's account, with what ended meanwhile recorded as ended.

        Raises:
            AccountNotFound: it was never opened.
        """
        account = account_of(unit, customer_id)
        Cuts(account, self._withdrawn, at).settle(unit)
        return account

    def _asked_about(self, unit: UnitOfWork, command: LicenseCommand, at: datetime) -> License:
        """The licence that a command is about, with what ended meanwhile recorded as ended.

        Raises:
            AccountNotFound: the account was never opened.
            LicenseNotFound: the customer has no such licence.
        """
        account = self._settled(unit, command.customer_id, at)
        return self._license(unit, account, command.license_id, at)

    def _license(
        self, unit: UnitOfWork, account: Account, license_id: str, at: datetime
    ) -> License:
        """A licence of the customer, with its early end recorded if it had one.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        license = license_of(unit, license_id)
        Cuts(account, self._withdrawn, at).settle_license(unit, license)
        return license

    def _seen(self, view: Aggregates, customer_id: str, at: datetime) -> tuple[Aggregates, Account]:
        """What a query is answered from: the aggregates as if all that ended had been recorded.

        Raises:
            AccountNotFound: it was never opened.
        """
        account = account_of(view, customer_id)
        return Cuts(account, self._withdrawn, at).seen(view), account

    def _require_offered(self, title_id: str, at: datetime, position: int) -> None:
        """Refuse what is withdrawn, on the state at a position of the customer's stream.

        Raises:
            TitleWithdrawn: an operator withdrew the title.
        """
        if within(self._withdrawn.get(title_id, ()), at):
            raise TitleWithdrawn(title_id, at=at, position=position)

    def _terms(self, account: Account, title: Title | None, at: datetime) -> Terms:
        """What the policy in force at a time says for a customer and a title."""
        plan = self._plan(account.plan)
        return self._policies.in_force(at).terms_for(plan.plan_id, title, account.country)

    def _survey(
        self,
        aggregates: Aggregates,
        account: Account,
        title: Title,
        device_id: str,
        at: datetime,
        *,
        renewed: License | None = None,
    ) -> Situation:
        """What rules look at where a title is to lie, or lies already, on a device."""
        return survey(
            aggregates,
            account,
            device_id=device_id,
            title=title,
            alongside=self._catalogue.alongside(title),
            at=at,
            renewed=renewed,
        )

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


def account_of(aggregates: Aggregates, customer_id: str) -> Account:
    """The customer's account.

    Raises:
        AccountNotFound: it was never opened.
    """
    account = aggregates.get(Account, ACCOUNT_ID)
    if account.opened_at is None:
        raise AccountNotFound(customer_id)
    return account


def license_of(aggregates: Aggregates, license_id: str) -> License:
    """A licence of the customer.

    Raises:
        LicenseNotFound: the customer has no such licence.
    """
    license = aggregates.get(License, license_id)
    if license.issued_at is None:
        raise LicenseNotFound(license_id)
    return license


def require_not_ended(license: License) -> None:
    """Refuse what only a licence that has not ended for good can have.

    Raises:
        LicenseReleased: it was given back.
        LicenseRevoked: an operator took it away.
    """
    if license.released_at is not None:
        raise LicenseReleased(license.id)
    if license.revoked_at is not None:
        raise LicenseRevoked(license.id)
