from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from download_licensing.domain.policy import Layer, NoPolicyInForce, Policies, Policy, Terms
from download_licensing.domain.policy import policy as policy_module
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.title_availability import TitleAvailability
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.terms import Title

START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
TITLE = Title(title_id="harbour", name="Harbour", studio="Tide", agreement="tide-2026")


def policy(version: str = "v1", effective_from: datetime = START, **layers: Any) -> Policy:
    return Policy(version=version, effective_from=effective_from, **layers)


def allows(number: int) -> Layer:
    return Layer.of(TitleDownloadsPerYear(number))


def number(terms: Terms) -> int | None:
    rule = terms.get(TitleDownloadsPerYear)
    return None if rule is None else rule.downloads_max


LAYERS: dict[str, Any] = {
    "default": allows(1),
    "plans": {"basic": allows(2)},
    "agreements": {"tide-2026": allows(3)},
    "titles": {"harbour": Layer(allows(4).clauses, countries={"DE": allows(6)})},
    "countries": {"DE": allows(5), "FR": allows(7)},
}


@pytest.mark.parametrize(
    ("given", "country", "expected", "source"),
    [
        (["default"], "DE", 1, "default"),
        (["default", "plans"], "DE", 2, "plans.basic"),
        (["default", "plans", "agreements"], "DE", 3, "agreements.tide-2026"),
        (["default", "plans", "agreements", "titles"], "", 4, "titles.harbour"),
        (["default", "plans", "agreements", "countries"], "DE", 5, "countries.DE"),
        (list(LAYERS), "FR", 7, "countries.FR"),
        (list(LAYERS), "DE", 6, "titles.harbour.countries.DE"),
        (list(LAYERS), "", 4, "titles.harbour"),
    ],
)
def test_the_last_layer_that_sets_a_rule_wins(
    given: list[str], country: str, expected: int, source: str
) -> None:
    terms = policy(**{name: LAYERS[name] for name in given}).terms_for("basic", TITLE, country)

    assert number(terms) == expected
    assert terms.sources["title-downloads-per-year"] == source


def test_layers_of_others_do_not_hold() -> None:
    terms = policy(**LAYERS).terms_for("premium", None, "IT")

    assert number(terms) == 1


def test_a_layer_replaces_only_what_it_sets() -> None:
    terms = policy(
        default=Layer.of(DeviceLimit(2), LicenseDuration(48)),
        plans={"basic": Layer.of(DeviceLimit(9))},
    ).terms_for("basic", TITLE)

    assert terms.rules == (DeviceLimit(9),)
    assert terms.license_duration_s == 48 * 3_600
    assert terms.playback_window_s == 0


def test_a_rule_that_a_layer_switches_off_is_not_checked_unless_a_later_one_sets_it() -> None:
    off = Layer({"title-downloads-per-year": None})

    assert number(policy(default=allows(1), plans={"basic": off}).terms_for("basic")) is None
    again = policy(default=allows(1), plans={"basic": off}, titles={"harbour": allows(2)})
    assert number(again.terms_for("basic", TITLE)) == 2


def test_terms_are_combined_once() -> None:
    held = policy(**LAYERS)

    assert held.terms_for("basic", TITLE, "DE") is held.terms_for("basic", TITLE, "DE")


def test_the_oldest_terms_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_module, "TERMS_KEPT_MAX", 2)
    held = policy(**LAYERS)
    first, second = held.terms_for("a"), held.terms_for("b")

    held.terms_for("c")

    assert held.terms_for("b") is second
    assert held.terms_for("a") is not first


def test_rules_are_selected_by_the_decision_in_the_order_of_refusals() -> None:
    terms = policy(
        default=Layer.of(
            RenewalsPerLicense(5),
            TitleDownloadsPerYear(4),
            ActiveDownloadsPerDevice(3),
            DeviceLimit(2),
        )
    ).terms_for("basic", TITLE)
    devices = (DeviceLimit(2), ActiveDownloadsPerDevice(3))
    title, renewals = TitleDownloadsPerYear(4), RenewalsPerLicense(5)

    assert terms.checked_at("download", None) == (*devices, title)
    assert terms.checked_at("renewal", 5) == (*devices, renewals)
    assert terms.checked_at("refresh", 5) == (*devices, title, renewals)


def test_a_licence_keeps_the_number_of_renewals_that_it_was_issued_with() -> None:
    terms = policy(default=Layer.of(RenewalsPerLicense(5))).terms_for("basic")

    assert terms.renewals_max == 5
    assert terms.checked_at("renewal", 2) == (RenewalsPerLicense(2),)
    assert terms.checked_at("renewal", None) == ()
    assert policy().terms_for("basic").checked_at("renewal", 2) == (RenewalsPerLicense(2),)


def test_a_policy_is_in_force_from_its_effective_date_until_the_next() -> None:
    first, second = policy("v1", START), policy("v2", START + DAY)
    policies = Policies([second, first])

    assert policies.versions == (first, second)
    assert policies.in_force(START) is first
    assert policies.in_force(START + DAY - TICK) is first
    assert policies.in_force(START + DAY) is second
    with pytest.raises(NoPolicyInForce, match="2025-12-31T23:59:59Z"):
        policies.in_force(START - TICK)


@pytest.mark.parametrize("versions", [("v1", "v1"), ("v1", "v2")])
def test_two_policies_cannot_share_a_version_or_an_effective_date(
    versions: tuple[str, str],
) -> None:
    starts = (START, START + DAY) if len(set(versions)) == 1 else (START, START)

    with pytest.raises(ValueError, match="Two policies have the same"):
        Policies([policy(v, s) for v, s in zip(versions, starts, strict=True)])


@pytest.mark.parametrize(
    ("hours", "until", "expected"),
    [
        (48, None, START + 2 * DAY),
        (48, START + DAY, START + DAY),
        (48, START + 3 * DAY, START + 2 * DAY),
        (0, START + DAY, START + DAY),
        (0, None, None),
    ],
)
def test_no_licence_outlasts_the_availability_of_its_title(
    hours: int, until: datetime | None, expected: datetime | None
) -> None:
    terms = policy(
        default=Layer.of(LicenseDuration(hours), TitleAvailability(available_until=until))
    ).terms_for("basic")

    assert terms.license_ends_at(START) == expected
