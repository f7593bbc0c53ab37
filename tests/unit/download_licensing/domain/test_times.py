from datetime import UTC, datetime, timedelta, timezone

import pytest

from download_licensing.domain.times import (
    EARLIEST,
    LATEST,
    NEVER,
    after,
    earlier,
    lasts,
    seconds_until,
    utc,
    when_fewer_last,
)
from helenus import InvalidArgument

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


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
