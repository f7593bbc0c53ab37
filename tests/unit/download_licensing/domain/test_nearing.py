"""Limits that are near: told when one more or none is left, and until when that is so."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from download_licensing.domain.nearing import nearing
from download_licensing.domain.rule import Rule
from download_licensing.domain.rules import RULES
from download_licensing.domain.rules.device_downloads_per_month import DeviceDownloadsPerMonth
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.device_registrations import DeviceRegistrations
from download_licensing.domain.rules.renewals_per_license_per_year import RenewalsPerLicensePerYear
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.rules.title_plays_per_year import TitlePlaysPerYear
from tests.unit.download_licensing.domain.rules.situations import DAY, NOW, YEAR, situation

MONTH_END = NOW + 10 * DAY
AGO = [NOW - 30 * DAY, NOW - 20 * DAY, NOW - 10 * DAY]


def near(rule: Rule, **known: object) -> list[tuple[str, int, datetime | None]]:
    found = nearing([rule], situation(**known))
    return [(one.counted.code, one.left, one.until) for one in found]


@pytest.mark.parametrize(
    ("rule", "use", "until"),
    [
        (TitleDownloadsPerYear, "counted", AGO[0] + YEAR),
        (TitlePlaysPerYear, "plays", AGO[0] + YEAR),
        (RenewalsPerLicensePerYear, "renewed", AGO[0] + YEAR),
    ],
)
def test_what_is_counted_over_a_year_is_near_until_the_oldest_leaves_it(
    rule: type[Rule], use: str, until: datetime
) -> None:
    assert near(rule(5), **{use: AGO}) == []
    ((_, left, when),) = near(rule(4), **{use: AGO})
    assert (left, when) == (1, until)
    ((_, left, when),) = near(rule(3), **{use: AGO})
    assert (left, when) == (0, until)


def test_downloads_of_a_month_are_near_until_it_ends() -> None:
    use = {"downloads_in_month": 14, "month_ends_at": MONTH_END}
    assert near(DeviceDownloadsPerMonth(16), **use) == []
    for limit in (15, 14):
        assert near(DeviceDownloadsPerMonth(limit), **use) == [
            ("download-on-device", limit - 14, MONTH_END)
        ]


def test_new_devices_are_near_until_the_oldest_leaves_the_window() -> None:
    for limit, left in ((4, 1), (3, 0)):
        rule = DeviceRegistrations(limit, 60)
        assert near(rule, registrations=AGO) == [("new-device", left, AGO[0] + 60 * DAY)]


def test_what_was_never_used_is_not_near() -> None:
    for limit in (0, 1):
        assert near(TitleDownloadsPerYear(limit)) == []
        assert near(DeviceDownloadsPerMonth(limit)) == []


def test_a_limit_that_fell_below_the_use_is_near_until_one_is_free_again() -> None:
    assert near(TitleDownloadsPerYear(1), counted=AGO) == [("download-of-title", 0, AGO[2] + YEAR)]


def test_what_is_free_again_by_itself_is_not_warned_of() -> None:
    assert near(DeviceLimit(1), other_devices_until=[NOW + DAY], holds_slot=True) == []


def test_every_parameter_that_is_a_limit_is_one_of_its_rule() -> None:
    counted = {rule: rule.counted for rule in RULES if rule.counted is not None}
    assert len({one.code for one in counted.values()}) == len(counted) == 5
    for rule, one in counted.items():
        assert one.parameter in rule.__struct_fields__


@given(
    ages=st.lists(st.integers(1, 364), max_size=8),
    limit=st.integers(0, 8),
)
def test_one_more_is_allowed_exactly_from_the_moment_that_is_told(
    ages: list[int], limit: int
) -> None:
    counted = sorted(NOW - age * DAY for age in ages)
    rule = TitleDownloadsPerYear(limit)
    for _, left, until in near(rule, counted=counted):
        assert left == max(0, limit - len(counted)) <= 1
        if until is None:
            assert limit == 0
            continue
        for at, more in ((until - timedelta(microseconds=1), 0), (until, 1)):
            rest = [one for one in counted if one > at - YEAR]
            found = rule.check(situation(now=at, counted=rest))
            if len(counted) <= limit:
                assert found.left is not None
                assert found.left >= left + more
                assert more or found.left == left
            else:
                assert found.met == bool(more)


def test_the_next_request_finds_what_was_counted() -> None:
    before = situation(registrations=AGO[:1], counted=AGO[:1], renewed=AGO[:1], renewals_used=1)
    after = before.next(downloads=1, renewals=1)
    assert after.counted == [AGO[0], NOW] == after.renewed == after.registrations
    assert (after.downloads_in_month, after.renewals_used) == (1, 2)
    registered = situation(registered=True).next(downloads=1, renewals=0)
    assert (registered.registered, registered.registrations) == (False, [])
    assert situation(registered=True).next(downloads=0, renewals=0).counted == []
