"""The licensing service: decides every command of a customer on the customer's stream."""

from __future__ import annotations

from download_licensing.domain.account import Account
from download_licensing.domain.device import Device
from download_licensing.domain.downloaded_title import DownloadedTitle
from download_licensing.domain.license import License
from download_licensing.domain.title_withdrawal import TitleWithdrawal
from download_licensing.policies.events import PolicyBook
from download_licensing.service.accounts import REMOVAL_EVENTS_MAX, Accounts
from download_licensing.service.base import stream_of
from download_licensing.service.noted_refusals import Refusals
from download_licensing.service.operations import Operations
from download_licensing.service.previews import Previews
from download_licensing.service.queries import Queries
from download_licensing.service.syncing import Syncing
from download_licensing.service.withdrawals import Withdrawals

__all__ = [
    "AGGREGATES",
    "REMOVAL_EVENTS_MAX",
    "STORED_AGGREGATES",
    "LicensingService",
    "stream_of",
]

AGGREGATES = (Account, DownloadedTitle, Device, License, TitleWithdrawal)
"""All aggregate types, for the repository; the last is not of a customer's stream."""

STORED_AGGREGATES = (*AGGREGATES, PolicyBook, Refusals)
"""All aggregate types of all streams in a store of the service."""


class LicensingService(Accounts, Syncing, Previews, Operations, Withdrawals, Queries):
    """Carries out commands and answers queries.

    Every command and query may raise `AccountNotFound`, `helenus.InvalidArgument` for a time that
    is naive or outside the years 1900 to 8999, and what `AggregateRepository.transact` and `load`
    raise.

    Args:
        repository: made with `AGGREGATES`.
        catalogue: the plans and titles there are.
        policies: where the policy in force is found.
        signer: signs what is granted; None: grants come without a token.
        hooks: entered around each command, the first outermost.
        observers: told of each command that was carried out, with its answer.
    """
