"""Calendar months by the clock of a customer's time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def same_month(one: datetime, other: datetime, time_zone: str) -> bool:
    """Whether a calendar of that zone shows the same month at two moments."""
    zone = ZoneInfo(time_zone)
    first, second = one.astimezone(zone), other.astimezone(zone)
    return (first.year, first.month) == (second.year, second.month)


def next_month(at: datetime, time_zone: str) -> datetime:
    """Midnight before the 1st that follows a moment."""
    zone = ZoneInfo(time_zone)
    here = at.astimezone(zone)
    year, month = divmod(12 * here.year + here.month, 12)
    return datetime(year, month + 1, 1, tzinfo=zone).astimezone(UTC)
