"""Samples of every event ever recorded, from which the golden histories beside this are made.

`python -m helenus.testing.golden record --aggregates
download_licensing.service.licensing:AGGREGATES --samples
tests.unit.download_licensing.domain.golden_samples:SAMPLES DIRECTORY` writes what is missing.
"""

from datetime import UTC, datetime, timedelta

from download_licensing.domain.account import Account
from download_licensing.domain.device import Device
from download_licensing.domain.downloaded_title import DownloadedTitle
from download_licensing.domain.events import (
    AccountBlocked,
    AccountOpened,
    AccountUnblocked,
    DeviceRegistered,
    DeviceRemoved,
    DownloadCounted,
    DownloadDropped,
    DownloadHeld,
    DownloadShortened,
    FirstPlayReported,
    LicenseIssued,
    LicenseReleased,
    LicenseRenewed,
    RegionChanged,
    StandingChanged,
)
from download_licensing.domain.license import License
from helenus.testing import at

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ONE, TWO = "lic-" + 32 * "1", "lic-" + 32 * "2"

FIRST_RELEASE = [
    at(Account, "account", AccountOpened(plan="basic", at=START)),
    at(Account, "account", DeviceRegistered(device_id="tv", at=START)),
    at(DownloadedTitle, "film", DownloadCounted(license_id=ONE, device_id="tv", at=START)),
    at(
        Device,
        "tv",
        DownloadHeld(license_id=ONE, title_id="film", expires_at=START + 30 * DAY, at=START),
    ),
    at(
        License,
        ONE,
        LicenseIssued(
            title_id="film",
            device_id="tv",
            plan="basic",
            expires_at=START + 30 * DAY,
            playback_window_s=172_800,
            renewals_max=2,
            at=START,
        ),
    ),
    at(
        License,
        ONE,
        FirstPlayReported(
            played_at=START + DAY,
            reported_at_device=START + 2 * DAY,
            playback_ends_at=START + 3 * DAY,
            at=START + DAY,
        ),
    ),
    at(
        Device,
        "tv",
        DownloadShortened(license_id=ONE, expires_at=START + 3 * DAY, at=START + DAY),
    ),
    at(
        DownloadedTitle,
        "film",
        DownloadCounted(license_id=ONE, device_id="tv", at=START + 40 * DAY),
    ),
    at(
        Device,
        "tv",
        DownloadHeld(
            license_id=ONE, title_id="film", expires_at=START + 70 * DAY, at=START + 40 * DAY
        ),
    ),
    at(
        License,
        ONE,
        LicenseRenewed(expires_at=START + 70 * DAY, refresh=True, at=START + 40 * DAY),
    ),
    at(
        Device,
        "tv",
        DownloadHeld(license_id=TWO, title_id="series", expires_at=None, at=START + 80 * DAY),
    ),
    at(
        License,
        ONE,
        LicenseReleased(reason="deleted", released_at_device=None, at=START + 120 * DAY),
    ),
    at(Device, "tv", DownloadDropped(license_id=ONE, at=START + 120 * DAY)),
    at(Account, "account", DeviceRemoved(device_id="tv", at=START + 121 * DAY)),
]

STANDING = [
    at(
        Account,
        "account",
        AccountOpened(plan="basic", at=START, country="PT", time_zone="Europe/Lisbon"),
    ),
    at(
        Account,
        "account",
        RegionChanged(country="BR", time_zone="America/Manaus", at=START + DAY),
    ),
    at(Account, "account", StandingChanged(standing="past-due", at=START + 2 * DAY)),
    at(Account, "account", AccountBlocked(reason="Abuse.", at=START + 3 * DAY)),
    at(Account, "account", StandingChanged(standing="good", at=START + 4 * DAY)),
    at(Account, "account", AccountUnblocked(at=START + 5 * DAY)),
]

SAMPLES = {"first-release": FIRST_RELEASE, "standing": STANDING}
