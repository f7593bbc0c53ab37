from datetime import datetime
from typing import Any

import pytest

from download_licensing.domain.rule import Rule
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.agreement_concurrent_downloads import (
    AgreementConcurrentDownloads,
)
from download_licensing.domain.rules.device_downloads_per_month import DeviceDownloadsPerMonth
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.device_registrations import DeviceRegistrations
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.renewals_per_license_per_year import RenewalsPerLicensePerYear
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.rules.title_plays_per_year import TitlePlaysPerYear
from download_licensing.domain.times import NEVER
from tests.unit.download_licensing.domain.rules.situations import DAY, NOW, TICK, YEAR, met, unmet

OLDER, NEWER = NOW - 2 * DAY, NOW - DAY
SOON, LATER = NOW + DAY, NOW + 2 * DAY


@pytest.mark.parametrize(
    ("rule", "below", "at_limit", "resets_at"),
    [
        (
            DeviceLimit(2),
            {"other_devices_until": [SOON]},
            {"other_devices_until": [LATER, SOON]},
            SOON,
        ),
        (
            DeviceRegistrations(2, window_days=30),
            {"registrations": [NEWER]},
            {"registrations": [OLDER, NEWER]},
            OLDER + 30 * DAY,
        ),
        (
            ActiveDownloadsPerDevice(2),
            {"others_on_device": [NEVER]},
            {"others_on_device": [NEVER, SOON]},
            SOON,
        ),
        (
            DeviceDownloadsPerMonth(2),
            {"downloads_in_month": 1},
            {"downloads_in_month": 2, "month_ends_at": SOON},
            SOON,
        ),
        (TitleDownloadsPerYear(2), {"counted": [NEWER]}, {"counted": [OLDER, NEWER]}, OLDER + YEAR),
        (TitlePlaysPerYear(2), {"plays": [NEWER]}, {"plays": [OLDER, NEWER]}, OLDER + YEAR),
        (
            AgreementConcurrentDownloads(2),
            {"agreement": "tide", "others_under_agreement": [NEVER]},
            {"agreement": "tide", "others_under_agreement": [LATER, SOON]},
            SOON,
        ),
        (RenewalsPerLicense(2), {"renewals_used": 1}, {"renewals_used": 2}, None),
        (
            RenewalsPerLicensePerYear(2),
            {"renewed": [NEWER]},
            {"renewed": [OLDER, NEWER]},
            OLDER + YEAR,
        ),
    ],
)
def test_one_more_is_allowed_up_to_the_limit(
    rule: Rule, below: dict[str, Any], at_limit: dict[str, Any], resets_at: datetime | None
) -> None:
    assert met(rule, **below) == (1, 1)

    said = unmet(rule, **at_limit)
    assert (said.limit, said.used, said.resets_at) == (2, 2, resets_at)


@pytest.mark.parametrize(
    "rule",
    [
        DeviceLimit(0),
        DeviceRegistrations(0, window_days=30),
        ActiveDownloadsPerDevice(0),
        DeviceDownloadsPerMonth(0),
        TitleDownloadsPerYear(0),
        TitlePlaysPerYear(0),
        AgreementConcurrentDownloads(0),
        RenewalsPerLicense(0),
        RenewalsPerLicensePerYear(0),
    ],
)
@pytest.mark.parametrize("used", [0, 1])
def test_a_limit_of_none_at_all_never_resets(rule: Rule, used: int) -> None:
    said = unmet(
        rule,
        agreement="tide",
        other_devices_until=[SOON] * used,
        registrations=[NEWER] * used,
        others_on_device=[SOON] * used,
        downloads_in_month=used,
        month_ends_at=SOON,
        counted=[NEWER] * used,
        plays=[NEWER] * used,
        others_under_agreement=[SOON] * used,
        renewals_used=used,
        renewed=[NEWER] * used,
    )

    assert (said.limit, said.used, said.resets_at) == (0, used, None)


def test_a_device_far_over_the_limit_waits_for_as_many_as_are_too_many() -> None:
    ends = [NOW + 3 * DAY, SOON, LATER]

    over = unmet(DeviceLimit(2), other_devices_until=ends, holds_slot=True)

    assert (over.used, over.resets_at) == (4, LATER)


def test_a_place_that_never_ends_is_never_free_by_waiting() -> None:
    assert unmet(ActiveDownloadsPerDevice(2), others_on_device=[NEVER, NEVER]).resets_at is None


def test_a_title_that_may_not_be_downloaded_says_so() -> None:
    assert "cannot be downloaded" in unmet(TitleDownloadsPerYear(0)).remedy
    assert "cannot be downloaded" in unmet(TitlePlaysPerYear(0)).remedy


def test_a_device_that_the_account_has_is_not_held_against_registrations() -> None:
    rule = DeviceRegistrations(1, window_days=30)

    assert met(rule, registered=True, registrations=[NEWER]) == (1, 0)


def test_a_registration_counts_for_less_than_the_window() -> None:
    rule = DeviceRegistrations(1, window_days=30)
    window = 30 * DAY

    assert unmet(rule, registrations=[NOW - window + TICK]).resets_at == NOW + TICK
    assert met(rule, registrations=[NOW - window]) == (0, 1)


def test_a_title_under_no_agreement_is_not_counted() -> None:
    rule = AgreementConcurrentDownloads(0)

    assert met(rule, agreement="", others_under_agreement=[SOON]) == (None, None)
