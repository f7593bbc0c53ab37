"""Was a title withdrawn at a time? Then no rule was asked, and nothing of it was granted.

What the service keeps of withdrawals tells when there were any. Only of one that holds at the time
in question is the event looked for, from the end of the stream back.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from download_licensing.domain.events import TitleWithdrawn
from download_licensing.domain.spans import Span, within
from download_licensing.domain.title_withdrawal import TitleWithdrawal
from download_licensing.service.base import WITHDRAWALS_STREAM
from helenus.errors import CorruptData
from helenus.repository import AggregateRepository
from helenus.state import StreamView

READ_BACK_EVENTS = 1_000
"""Events of the stream of titles that are read at once, from its end back."""


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


class Withdrawals:
    """The withdrawals of titles that there were up to a moment.

    Args:
        repository: of the stream of titles.
        view: of that stream.

    Attributes:
        spans: in which titles were withdrawn, by id, as far back as the service remembers them.
    """

    def __init__(self, repository: AggregateRepository, view: StreamView) -> None:
        self._repository = repository
        self._head = view.position
        self.spans = {title.id: title.spans for title in view.all(TitleWithdrawal)}

    async def of(self, title_id: str, at: datetime) -> WithdrawalTold | None:
        """The withdrawal of a title that holds at a time; None: there is none.

        Raises:
            CorruptData: its event is not there.
        """
        for span in self.spans.get(title_id, ()):
            if within([span], at):
                position, reason = await self._recorded(title_id, span)
                return _told(title_id, position, reason, span)
        return None

    async def _recorded(self, title_id: str, span: Span) -> tuple[int, str]:
        """Where a withdrawal was recorded, and the operator's reason."""
        for upto in range(self._head, 0, -READ_BACK_EVENTS):
            after = max(0, upto - READ_BACK_EVENTS)
            found: tuple[int, str] | None = None
            async for one in self._repository.history(WITHDRAWALS_STREAM, after=after, upto=upto):
                event = one.event
                if (
                    one.aggregate_id == title_id
                    and isinstance(event, TitleWithdrawn)
                    and event.at == span.since
                ):
                    found = one.position, event.reason
            if found is not None:
                return found
        raise CorruptData(
            f"Stream {WITHDRAWALS_STREAM!r}: no event up to position {self._head} tells that"
            f" {title_id!r} was withdrawn at {span.since}."
        )


async def withdrawals(repository: AggregateRepository) -> Withdrawals:
    """The withdrawals that there are by now.

    Args:
        repository: of the stream of titles.
    """
    return Withdrawals(repository, await repository.load(WITHDRAWALS_STREAM))


def _told(title_id: str, position: int, reason: str, span: Span) -> WithdrawalTold:
    return WithdrawalTold(
        title_id=title_id,
        withdrawn_at=span.since,
        reinstated_at=span.until,
        reason=reason,
        stream=WITHDRAWALS_STREAM,
        position=position,
        detail=f"Title {title_id!r} was withdrawn from all customers, so no rule was asked.",
        remedy="Choose another title, or reinstate this one if it was withdrawn in error."
        if span.until is None
        else "Ask again: it can be downloaded since it was reinstated.",
    )
