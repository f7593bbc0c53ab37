"""How times, spans and counts are put into words."""

from __future__ import annotations

from datetime import datetime

_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400


def moment(at: datetime) -> str:
    """A time, in UTC and to the second; fractions only where there are any."""
    text = f"{at:%Y-%m-%d %H:%M:%S}"
    if at.microsecond:
        text += f".{at.microsecond:06}"
    return f"{text} UTC"


def until(end: datetime | None) -> str:
    """How long something holds."""
    return "without end" if end is None else f"until {moment(end)}"


def span(seconds: int) -> str:
    """A length of time, in the largest unit that it is whole in."""
    for unit_s, unit in ((_DAY_S, "day"), (_HOUR_S, "hour"), (_MINUTE_S, "minute")):
        if seconds and seconds % unit_s == 0:
            return counted(seconds // unit_s, unit)
    return counted(seconds, "second")


def counted(number: int, thing: str) -> str:
    """A number of things."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
