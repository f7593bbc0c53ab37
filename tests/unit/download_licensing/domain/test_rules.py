"""The registry of rules, and what every rule has."""

import re

import msgspec
import pytest

from download_licensing.domain.rule import Clause, Duration, Rule
from download_licensing.domain.rules import CLAUSES, RULES, by_name, check_all, unmet_of
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.playback_window import PlaybackWindow
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from tests.unit.download_licensing.domain.rules.situations import DAY, NOW, situation


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
    assert [rule.name for rule in RULES] == [
        "operator-block",
        "account-standing",
        "title-availability",
        "device-limit",
        "device-registrations",
        "active-downloads-per-device",
        "device-downloads-per-month",
        "title-downloads-per-year",
        "title-plays-per-year",
        "agreement-concurrent-downloads",
        "renewals-per-license",
        "renewals-per-license-per-year",
    ]
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


def test_two_clauses_cannot_share_a_name() -> None:
    class Impostor(Rule, frozen=True):
        name = "device-limit"

    with pytest.raises(TypeError, match="Impostor: give it a name of its own"):
        by_name([DeviceLimit, Impostor])


def test_a_clause_without_a_name_is_refused() -> None:
    with pytest.raises(TypeError, match="not ''"):
        by_name([Rule])
