import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from download_licensing.domain.rule import Clause, Duration, Rule
from download_licensing.domain.rules import CLAUSES, RULES, check_all, unmet_of
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.playback_window import PlaybackWindow
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.situation import Situation
from download_licensing.domain.times import NEVER
from download_licensing.domain.unmet import Unmet

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)


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
    assert found.unmet is not None
    assert (found.rule, found.limit, found.used) == (
        rule.name,
        found.unmet.limit,
        found.unmet.used,
    )
    assert (found.unmet.reason, found.unmet.rule) == (rule.reason, rule.name)
    assert found.unmet.frees
    assert found.unmet.remedy
    assert found.unmet.detail
    return found.unmet


def met(rule: Rule, **known: Any) -> tuple[int | None, int | None]:
    """Used and left."""
    found = rule.check(situation(**known))
    assert found.met
    assert found.rule == rule.name
    return found.used, found.left


def test_devices_are_allowed_up_to_the_limit_with_this_one() -> None:
    rule = DeviceLimit(2)

    assert met(rule, other_devices_until=[NOW + DAY]) == (1, 1)
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

    assert met(rule, others_on_device=[NEVER]) == (1, 1)
    over = unmet(rule, others_on_device=[NEVER, NOW + DAY])
    assert (over.limit, over.used, over.resets_at) == (2, 2, NOW + DAY)
    assert unmet(rule, others_on_device=[NEVER, NEVER]).resets_at is None


def test_downloads_of_a_title_are_allowed_up_to_the_cap_with_this_one() -> None:
    rule = TitleDownloadsPerYear(2)

    assert met(rule, counted=[NOW - DAY]) == (1, 1)
    over = unmet(rule, counted=[NOW - 2 * DAY, NOW - DAY])
    assert (over.limit, over.used, over.resets_at) == (2, 2, NOW - 2 * DAY + YEAR)


def test_a_title_that_may_not_be_downloaded_never_resets() -> None:
    over = unmet(TitleDownloadsPerYear(0))

    assert (over.used, over.resets_at) == (0, None)
    assert "cannot be downloaded" in over.remedy


def test_renewals_are_allowed_up_to_the_limit_with_this_one() -> None:
    rule = RenewalsPerLicense(2)

    assert met(rule, renewals_used=1) == (1, 1)
    over = unmet(rule, renewals_used=2)
    assert (over.limit, over.used, over.resets_at) == (2, 2, None)


def test_every_unmet_rule_is_listed_in_the_order_of_the_rules() -> None:
    full = situation(
        other_devices_until=[NOW + DAY] * 2,
        others_on_device=[NOW + DAY] * 3,
        counted=[NOW] * 4,
        renewals_used=5,
    )
    rules: list[Rule] = [
        DeviceLimit(2),
        ActiveDownloadsPerDevice(3),
        TitleDownloadsPerYear(4),
        RenewalsPerLicense(5),
    ]

    assert [u.rule for u in unmet_of(check_all(rules, full))] == [rule.name for rule in rules]
    assert unmet_of(check_all(rules, situation())) == ()


def test_durations_are_hours_and_zero_is_unlimited() -> None:
    durations: list[Duration] = [LicenseDuration(48), PlaybackWindow(48), PlaybackWindow(0)]

    assert [duration.seconds for duration in durations] == [172_800, 172_800, 0]


def test_every_clause_of_the_folder_is_found_by_its_name() -> None:
    assert {DeviceLimit, TitleDownloadsPerYear, LicenseDuration} <= set(CLAUSES.values())
    assert [name for name, clause in CLAUSES.items() if clause.name != name] == []


def test_rules_are_in_the_order_of_refusals() -> None:
    assert [rule.order for rule in RULES] == sorted(rule.order for rule in RULES)
    assert {rule for rule in CLAUSES.values() if issubclass(rule, Rule)} == set(RULES)


@pytest.mark.parametrize("clause", CLAUSES.values())
def test_every_clause_says_what_it_is_and_where_it_comes_from(clause: type[Clause]) -> None:
    fields = msgspec.structs.fields(clause)
    documented = clause.__doc__ or ""

    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", clause.name)
    assert "Source:" in documented
    assert [field.name for field in fields if f"{field.name}:" not in documented] == []
    if issubclass(clause, Rule):
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", clause.reason)
        assert clause.applies_to


@pytest.mark.parametrize("clause", CLAUSES.values())
def test_no_number_of_a_clause_may_be_negative(clause: type[Clause]) -> None:
    for field in msgspec.structs.fields(clause):
        if "int" in str(field.type):
            with pytest.raises(msgspec.ValidationError, match=">= "):
                msgspec.convert(-1, field.type)
