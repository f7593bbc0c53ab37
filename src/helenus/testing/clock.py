"""A clock that a test moves, so that no test ever waits."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from helenus.events import from_microseconds, to_microseconds

_START = datetime(2026, 1, 1, tzinfo=UTC)


class MockClock:
    """Stands still until it is moved. Sleeping moves it, and lets other tasks run once.

    Args:
        now: where it starts; aware.
    """

    def __init__(self, now: datetime = _START) -> None:
        self._now_us = to_microseconds(now)

    @property
    def now(self) -> datetime:
        """The time, in UTC."""
        return from_microseconds(self._now_us)

    def now_us(self) -> int:
        """Microseconds since the Unix epoch."""
        return self._now_us

    def set(self, now: datetime) -> None:
        """Move to this time, which may lie in the past: clocks do that."""
        self._now_us = to_microseconds(now)

    def advance(self, seconds: float) -> None:
        """Move by this many seconds; backwards if negative."""
        self._now_us += round(seconds * 1_000_000)

    async def sleep(self, seconds: float) -> None:
        """Advance by this many seconds without waiting."""
        self.advance(seconds)
        await asyncio.sleep(0)
