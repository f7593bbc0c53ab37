"""Times, spans and counts in words."""

from datetime import UTC, datetime

import pytest

from download_licensing.debugging.wording import counted, moment, span, until

T0 = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (90, "90 seconds"),
        (60, "1 minute"),
        (5_400, "90 minutes"),
        (172_800, "2 days"),
        (176_400, "49 hours"),
    ],
)
def test_a_span_is_told_in_the_largest_unit_that_it_is_whole_in(seconds: int, text: str) -> None:
    assert span(seconds) == text


def test_a_moment_shows_fractions_only_where_there_are_any() -> None:
    assert moment(T0) == "2026-01-31 12:30:00 UTC"
    assert moment(T0.replace(microsecond=7)) == "2026-01-31 12:30:00.000007 UTC"


def test_an_end_that_never_comes_is_told_as_such() -> None:
    assert (until(None), until(T0)) == ("without end", "until 2026-01-31 12:30:00 UTC")


def test_one_thing_is_told_in_the_singular() -> None:
    assert [counted(n, "event") for n in (0, 1, 1_234)] == ["0 events", "1 event", "1,234 events"]
