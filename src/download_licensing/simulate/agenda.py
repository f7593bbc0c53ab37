"""What a member means to do, by simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import datetime

from download_licensing.simulate.calls import Life

Intent = Callable[[datetime], Life]


class Agenda:
    """Intents in the order of their time, those of one time in the order they were made.

    Args:
        ends_at: intents for then or later are dropped.
    """

    def __init__(self, ends_at: datetime) -> None:
        self._ends_at = ends_at
        self._intents: list[tuple[datetime, int, Intent]] = []
        self._made = 0

    def add(self, at: datetime, intent: Intent) -> None:
        """Plan something."""
        if at < self._ends_at:
            self._made += 1
            heapq.heappush(self._intents, (at, self._made, intent))

    def next(self) -> tuple[datetime, Intent] | None:
        """Take the earliest intent; None if nothing is left to do."""
        if not self._intents:
            return None
        at, _, intent = heapq.heappop(self._intents)
        return at, intent
