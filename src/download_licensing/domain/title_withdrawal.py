"""Title withdrawal: when a title was withdrawn, from all customers, by an operator."""

from __future__ import annotations

from datetime import datetime

import msgspec

from download_licensing.domain.events import TitleReinstated, TitleWithdrawn
from download_licensing.domain.spans import Span, begun, ended
from helenus.aggregates import Aggregate, applies


class TitleWithdrawal(Aggregate, name="title-withdrawal"):
    """The withdrawals of one title. It lies on the stream of titles, not on a customer's.

    Attributes:
        spans: oldest first; the last has no end while the title is withdrawn.
        reason: of the last one, the operator's.
    """

    spans: list[Span] = msgspec.field(default_factory=list)
    reason: str = ""

    @property
    def withdrawn_at(self) -> datetime | None:
        """Since when the title is withdrawn; None: it is not."""
        return self.spans[-1].since if self.spans and self.spans[-1].until is None else None

    def withdraw(self, reason: str, at: datetime) -> None:
        if self.withdrawn_at is None:
            self.record(TitleWithdrawn(reason=reason, at=at))

    def reinstate(self, at: datetime) -> None:
        if self.withdrawn_at is not None:
            self.record(TitleReinstated(at=at))

    @applies
    def _withdrawn(self, event: TitleWithdrawn) -> None:
        self.spans = begun(self.spans, event.at)
        self.reason = event.reason

    @applies
    def _reinstated(self, event: TitleReinstated) -> None:
        self.spans = ended(self.spans, event.at)
        self.reason = ""
