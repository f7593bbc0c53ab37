"""Was a title withdrawn at a time? Then no rule was asked, and nothing of it was granted."""

from __future__ import annotations

from datetime import datetime

import msgspec

from download_licensing.domain.cuts import Withdrawn
from download_licensing.domain.events import TitleReinstated, TitleWithdrawn
from download_licensing.domain.title_withdrawal import TitleWithdrawal
from download_licensing.service.base import WITHDRAWALS_STREAM
from helenus.repository import AggregateRepository


class WithdrawalTold(msgspec.Struct, frozen=True, kw_only=True):
    """The withdrawal of a title from all customers, and what can be done about it.

    Attributes:
        title_id: the title.
        withdrawn_at: when its downloads ended.
        reinstated_at: when it could be downloaded again; null: it still cannot.
        reason: the operator's.
        stream: where it was recorded.
        position: of its event there.
        detail: what is the matter, as a sentence.
        remedy: what can be done, as a sentence.
    """

    title_id: str
    withdrawn_at: datetime
    reinstated_at: datetime | None
    reason: str
    stream: str
    position: int
    detail: str
    remedy: str


async def withdrawn_titles(repository: AggregateRepository) -> Withdrawn:
    """When titles were withdrawn, as far back as the service remembers it.

    Args:
        repository: of the stream of titles.
    """
    view = await repository.load(WITHDRAWALS_STREAM)
    return {title.id: title.spans for title in view.all(TitleWithdrawal)}


async def withdrawal_of(
    repository: AggregateRepository, title_id: str, at: datetime
) -> WithdrawalTold | None:
    """The withdrawal of a title that holds at a time; None: there is none.

    Args:
        repository: of the stream of titles.
        title_id: the title.
        at: the time asked about.
    """
    withdrawn: tuple[int, TitleWithdrawn] | None = None
    async for recorded in repository.history(WITHDRAWALS_STREAM):
        if recorded.aggregate_id != title_id:
            continue
        event = recorded.event
        if isinstance(event, TitleWithdrawn):
            withdrawn = (recorded.position, event) if event.at <= at else None
        elif isinstance(event, TitleReinstated) and withdrawn is not None:
            if at < event.at:
                return _told(title_id, *withdrawn, reinstated_at=event.at)
            withdrawn = None
    return None if withdrawn is None else _told(title_id, *withdrawn, reinstated_at=None)


def _told(
    title_id: str, position: int, event: TitleWithdrawn, *, reinstated_at: datetime | None
) -> WithdrawalTold:
    return WithdrawalTold(
        title_id=title_id,
        withdrawn_at=event.at,
        reinstated_at=reinstated_at,
        reason=event.reason,
        stream=WITHDRAWALS_STREAM,
        position=position,
        detail=f"Title {title_id!r} was withdrawn from all customers, so no rule was asked.",
        remedy="Choose another title, or reinstate this one if it was withdrawn in error."
        if reinstated_at is None
        else "Ask again: it can be downloaded since it was reinstated.",
    )
