from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from download_licensing.domain.rules import (
    ActiveDownloadsPerDevice,
    DeviceLimit,
    Renewals,
    Rule,
    TitleDownloadsPerYear,
    check_all,
    download_rules,
    renewal_rules,
)
from download_licensing.domain.situation import Situation
from download_licensing.domain.terms import Plan, Title
from download_licensing.domain.times import NEVER
from download_licensing.domain.unmet import Unmet

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)
PLAN = Plan(plan_id="p", name="P", devices_max=2, active_downloads_per_device_max=3)
TITLE = Title(
    title_id="t",
    name="T",
    studio="S",
    downloads_per_year_max=4,
    license_duration_s=60,
    playback_window_s=0,
    renewals_max=5,
)


def situation(**known: Any) -> Situation:
    nothing = Situation(
        now=NOW,
        other_devices_until=[],
        holds_slot=False,
        others_on_device=[],
        counted=[],
        renewals_used=0,
    )
    return msgspec.structs.replace(nothing, **known)


def unmet(rule: Rule, **known: Any) -> Unmet:
    found = rule.check(situation(**known))
    assert found is not None
    assert found.reason == rule.reason
    assert found.remedy
    assert found.detail
    return found


def test_devices_are_allowed_up_to_the_limit_with_this_one() -> None:
    rule = DeviceLimit(2)

    assert rule.check(situation(other_devices_until=[NOW + DAY])) is None
    over = unmet(rule, other_devices_until=[NOW + 2 * DAY, NOW + DAY])
    assert (over.limit, over.used, over.resets_at) == (2, 2, NOW + DAY)


def test_a_device_far_over_the_limit_waits_for_as_many_as_are_too_many() -> None:
    ends = [NOW + 3 * DAY, NOW + DAY, NOW + 2 * DAY]

    over = unmet(DeviceLimit(2), other_devices_until=ends, holds_slot=True)

    assert (over.used, over.resets_at) == (4, NOW + 2 * DAY)


@pytest.mark.parametrize("rule", [DeviceLimit(0), ActiveDownloadsPerDevice(0)])
def test_a_limit_of_none_at_all_never_resets(rule: Rule) -> None:
    over = unmet(rule, other_devices_until=[NOW + DAY], others_on_device=[NOW + DAY])

    assert over.resets_at is None


def test_downloads_on_a_device_are_allowed_up_to_the_limit_with_this_one() -> None:
    rule = ActiveDownloadsPerDevice(2)

    assert rule.check(situation(others_on_device=[NEVER])) is None
    over = unmet(rule, others_on_device=[NEVER, NOW + DAY])
    assert (over.limit, over.used, over.resets_at) == (2, 2, NOW + DAY)
    assert unmet(rule, others_on_device=[NEVER, NEVER]).resets_at is None


def test_downloads_of_a_title_are_allowed_up_to_the_cap_with_this_one() -> None:
    rule = TitleDownloadsPerYear(2)

    assert rule.check(situation(counted=[NOW - DAY])) is None
    over = unmet(rule, counted=[NOW - 2 * DAY, NOW - DAY])
    assert (over.limit, over.used, over.resets_at) == (2, 2, NOW - 2 * DAY + YEAR)


def test_a_title_that_may_not_be_downloaded_never_resets() -> None:
    over = unmet(TitleDownloadsPerYear(0))

    assert (over.used, over.resets_at) == (0, None)
    assert "cannot be downloaded" in over.remedy


def test_renewals_are_allowed_up_to_the_limit_with_this_one() -> None:
    rule = Renewals(2)

    assert rule.check(situation(renewals_used=1)) is None
    over = unmet(rule, renewals_used=2)
    assert (over.limit, over.used, over.resets_at) == (2, 2, None)


def test_a_new_download_is_held_against_device_downloads_and_title() -> None:
    expected: list[Rule] = [
        DeviceLimit(2),
        ActiveDownloadsPerDevice(3),
        TitleDownloadsPerYear(4),
    ]
    assert download_rules(PLAN, TITLE) == expected


def test_a_renewal_is_not_held_against_the_title_and_a_refresh_is() -> None:
    renewal = renewal_rules(PLAN, TITLE, renewals_max=5, refresh=False)
    refresh = renewal_rules(PLAN, TITLE, renewals_max=5, refresh=True)

    expected: list[Rule] = [DeviceLimit(2), ActiveDownloadsPerDevice(3), Renewals(5)]
    assert renewal == expected
    assert refresh == [*download_rules(PLAN, TITLE), Renewals(5)]


def test_what_is_not_capped_has_no_rule() -> None:
    free = msgspec.structs.replace(TITLE, downloads_per_year_max=None)

    rules = renewal_rules(PLAN, free, renewals_max=None, refresh=True)

    expected: list[Rule] = [DeviceLimit(2), ActiveDownloadsPerDevice(3)]
    assert rules == expected


def test_every_unmet_rule_is_listed_in_the_order_of_the_rules() -> None:
    full = situation(
        other_devices_until=[NOW + DAY] * 2,
        others_on_device=[NOW + DAY] * 3,
        counted=[NOW] * 4,
        renewals_used=5,
    )
    rules = renewal_rules(PLAN, TITLE, renewals_max=5, refresh=True)

    assert [u.reason for u in check_all(rules, full)] == [
        "device-limit",
        "active-downloads-per-device",
        "title-downloads-per-year",
        "renewals-exhausted",
    ]
    assert check_all(rules, situation()) == ()
