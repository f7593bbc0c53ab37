from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from download_licensing.domain.times import (
    EARLIEST,
    LATEST,
    NEVER,
    after,
    earlier,
    lasts,
    month_of,
    seconds_until,
    utc,
    when_fewer_last,
)
from helenus import InvalidArgument

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_something_lasts_up_to_its_end_and_not_at_it() -> None:
    assert lasts(NOON, NOON - TICK)
    assert not lasts(NOON, NOON)
    assert lasts(None, NOON)


def test_no_end_is_later_than_any_end() -> None:
    assert earlier(None, NOON) == earlier(NOON, None) == earlier(NOON + TICK, NOON) == NOON
    assert earlier(None, None) is None


def test_a_duration_of_zero_has_no_end() -> None:
    assert after(NOON, 0) is None
    assert after(NOON, 60) == NOON + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [(2, NOON), (1, NOON + TICK), (0, None), (-1, None)],
)
def test_fewer_last_once_enough_have_ended(allowed: int, expected: datetime | None) -> None:
    assert when_fewer_last([NEVER, NOON, NOON + TICK], allowed) == expected


def test_remaining_seconds_are_whole_and_never_negative() -> None:
    assert seconds_until(NOON, NOON - timedelta(seconds=2) + TICK) == 1
    assert seconds_until(NOON, NOON + timedelta(days=1)) == 0


def test_times_are_taken_in_as_utc() -> None:
    local = NOON.astimezone(timezone(timedelta(hours=-5)))

    assert utc(local, "at") == NOON
    assert utc(local, "at").tzinfo is UTC


def test_the_bounds_of_the_calendar_hold_to_the_microsecond() -> None:
    assert utc(EARLIEST, "at") == EARLIEST
    assert utc(LATEST - TICK, "at") == LATEST - TICK
    for outside in (EARLIEST - TICK, LATEST, datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(InvalidArgument, match="at lies outside"):
            utc(outside, "at")


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="time zone"):
        utc(NOON.replace(tzinfo=None), "played_at")


@pytest.mark.parametrize(
    ("time_zone", "inside", "start", "end"),
    [
        ("UTC", "2026-02-28T23:59", "2026-02-01T00:00", "2026-03-01T00:00"),
        ("UTC", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00"),
        ("UTC", "2026-12-31T12:00", "2026-12-01T00:00", "2027-01-01T00:00"),
        # Its clocks go forward on 29 March: the month is an hour short.
        ("Europe/Berlin", "2026-03-15T12:00", "2026-02-28T23:00", "2026-03-31T22:00"),
        # … and back on 25 October.
        ("Europe/Berlin", "2026-10-15T12:00", "2026-09-30T22:00", "2026-10-31T23:00"),
        # Half a day ahead and behind.
        (
            "Pacific/Kiritimati",
            "2026-05-15T12:00",
            "2026-04-30T10:00",
            "2026-05-31T10:00",
        ),
        ("Etc/GMT+12", "2026-05-15T12:00", "2026-05-01T12:00", "2026-06-01T12:00"),
        # There was no midnight on 1 October 2023: clocks jumped from 0:00 to 1:00.
        (
            "America/Asuncion",
            "2023-10-15T12:00",
            "2023-10-01T04:00",
            "2023-11-01T03:00",
        ),
        # Midnight of 1 November 2026 comes twice; the first one counts.
        ("America/Havana", "2026-11-15T12:00", "2026-11-01T04:00", "2026-12-01T05:00"),
        # At 0:01 of 1 November 2009 clocks were set back to 31 October, 23:01.
        (
            "America/St_Johns",
            "2009-11-01T02:30",
            "2009-11-01T02:30",
            "2009-12-01T03:30",
        ),
        (
            "America/St_Johns",
            "2009-11-01T02:45",
            "2009-11-01T02:30",
            "2009-12-01T03:30",
        ),
        ("Nowhere/Land", "2026-02-15T12:00", "2026-02-01T00:00", "2026-03-01T00:00"),
    ],
)
def test_a_month_is_the_customers_own(time_zone: str, inside: str, start: str, end: str) -> None:
    month = moment(start), moment(end)

    assert month_of(moment(inside), time_zone) == month
    assert month_of(month[0], time_zone) == month
    assert month_of(month[1] - TICK, time_zone) == month
    assert month_of(month[0] - TICK, time_zone)[1] == month[0]
    assert month_of(month[1], time_zone)[0] == month[1]


@given(
    st.integers(0, 60 * 24 * 365 * 48),
    st.sampled_from(sorted(available_timezones())),
)
def test_months_follow_each_other_without_gap(minutes: int, time_zone: str) -> None:
    now = datetime(1990, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)

    start, end = month_of(now, time_zone)

    assert start <= now < end
    assert timedelta(days=27) < end - start < timedelta(days=32)
    assert month_of(end, time_zone)[0] == end


@pytest.mark.parametrize("now", [EARLIEST, LATEST - TICK])
def test_a_month_is_known_to_the_bounds_of_the_calendar(now: datetime) -> None:
    for time_zone in ("UTC", "Pacific/Kiritimati", "Etc/GMT+12"):
        start, end = month_of(now, time_zone)
        assert start <= now < end
