"""Why a question about a history cannot be answered. Nothing is ever written to answer one.

Refusal (domain)
└── Unanswerable
    ├── PositionBeyondHead      the history is not that long
    ├── TimeBeforeHistory       nothing had been recorded yet
    └── NotInOrder              the later of two moments lies before the earlier
"""

from __future__ import annotations

from datetime import datetime

from download_licensing.debugging.wording import moment
from download_licensing.domain.refusals import Refusal


class Unanswerable(Refusal):
    """The history cannot answer the question."""


class PositionBeyondHead(Unanswerable):
    """A position was named that the history has not reached."""

    reason = "position-beyond-head"

    def __init__(self, position: int, head: int) -> None:
        super().__init__(
            f"There is no position {position:,}: the history ends at {head:,}.",
            remedy=f"Name a position from 1 to {head:,}.",
        )


class TimeBeforeHistory(Unanswerable):
    """A time was named at which nothing had been recorded yet."""

    reason = "time-before-history"

    def __init__(self, at: datetime, first: datetime) -> None:
        super().__init__(
            f"Nothing had been recorded at {moment(at)}.",
            remedy=f"Name a time from {moment(first)} on, when the first event was recorded.",
        )


class NotInOrder(Unanswerable):
    """Of two moments the later one was named first."""

    reason = "moments-not-in-order"

    def __init__(self, before: int, after: int) -> None:
        super().__init__(
            f"The history went from position {after:,} to {before:,}, not the other way.",
            remedy="Name the earlier moment first.",
        )
