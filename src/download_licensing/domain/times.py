"""Time arithmetic. All times are aware and UTC; none is read from a clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from helenus.errors import InvalidArgument

YEAR = timedelta(days=365)
"""The rolling year of the rules. What happened exactly this long ago no longer counts."""

SETTLING = timedelta(days=31)
"""For how long after the fact a decision may still be made as of an earlier time.

What can no longer matter to any decision after that is dropped from the state or put aside."""

NEVER = datetime.max.replace(tzinfo=UTC)
"""Stands for "no end" where times are compared."""

EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 1, 1, tzinfo=UTC)
"""Bounds of any time taken in, so that arithmetic on it never leaves the calendar."""


def utc(moment: datetime, field: str) -> datetime:
    """The same moment in UTC.

    Raises:
        InvalidArgument: it has no zone, or lies outside `EARLIEST` to `LATEST`; it names the field.
    """
    if moment.tzinfo is None:
        raise InvalidArgument(f"{field} needs a time zone.", remedy="Send it as RFC 3339, in UTC.")
    if not EARLIEST <= moment < LATEST:
        raise InvalidArgument(
            f"{field} lies outside the years {EARLIEST.year} to {LATEST.year - 1}.",
            remedy="Check the clock that it was read from.",
        )
    return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def counted_time(
    told: datetime, *, earliest: datetime, latest: datetime, ahead: timedelta = timedelta(0)
) -> datetime:
    """When something counts as having happened that a device tells of: its clock is not trusted.

    Args:
        told: by the clock of the device.
        earliest: before which it cannot have happened.
        latest: after which it cannot have happened.
        ahead: by how much the clock of the device is ahead of ours; negative: behind.
    """
    # Compared as spans: with a clock that is thousands of years off, a moment would not exist.
    if told - latest >= ahead:
        return latest
    return min(earliest, latest) if told - earliest <= ahead else told - ahead


def after(moment: datetime, seconds: int) -> datetime | None:
    """The moment this many seconds later; None, no end, for 0."""
    return moment + timedelta(seconds=seconds) if seconds else None


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    """The earlier of two ends, where None is no end."""
    if one is None:
        return other
    return one if other is None else min(one, other)


def lasts(end: datetime | None, at: datetime) -> bool:
    """Whether something with this end still holds at a moment: not any more at the end itself."""
    return end is None or at < end


def end_or_never(end: datetime | None) -> datetime:
    """An end in comparable form."""
    return NEVER if end is None else end


def none_if_never(end: datetime) -> datetime | None:
    """The opposite of `end_or_never`."""
    return None if end == NEVER else end


def when_fewer_last(ends: list[datetime], allowed: int) -> datetime | None:
    """When at most `allowed` of the things with these ends still hold; None: never.

    Args:
        ends: in comparable form, in any order; more than `allowed`.
        allowed: how many may hold; negative: no waiting brings it about.
    """
    return None if allowed < 0 else none_if_never(sorted(ends)[len(ends) - allowed - 1])


def seconds_until(end: datetime, at: datetime) -> int:
    """Whole seconds from a moment to an end; 0 if it has passed."""
    return max(0, (end - at) // timedelta(seconds=1))


def is_time_zone(name: str) -> bool:
    """Whether there is an IANA time zone of this name, as the system or `tzdata` knows it."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def month_of(now: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """The calendar month that holds a moment, by the clock of a time zone.

    Args:
        now: the moment.
        time_zone: an IANA name. One that this system does not know counts as UTC.

    Returns:
        Its first moment and the first one of the next month. A month begins at the first moment at
        which clocks show the 1st: where they jump over midnight, when they jump.
    """
    zone = _zone(time_zone)
    local = now.astimezone(zone)
    start, end = _month(zone, local.year, local.month)
    if now < end:
        return start, end
    # The clocks were set back over midnight, so they show the last day once more.
    return _month(zone, *_following(local.year, local.month))


def day_of(moment: datetime, time_zone: str) -> date:
    """The day that clocks of a time zone show at a moment.

    Args:
        moment: the moment.
        time_zone: an IANA name. One that this system does not know counts as UTC.
    """
    return moment.astimezone(_zone(time_zone)).date()


@lru_cache(maxsize=1_024)
def _zone(name: str) -> tzinfo:
    return ZoneInfo(name) if is_time_zone(name) else UTC


@lru_cache(maxsize=4_096)
def _month(zone: tzinfo, year: int, month: int) -> tuple[datetime, datetime]:
    return _first_of(zone, year, month), _first_of(zone, *_following(year, month))


def _first_of(zone: tzinfo, year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=zone).astimezone(UTC)


def _following(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)
