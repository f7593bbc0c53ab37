"""One story of a customer for each kind of event, as today's code would record it.

After a change of events, record the next generation; files that are there are never changed:

    helenus golden record \
        --aggregates download_licensing.service.licensing:STORED_AGGREGATES \
        --samples tests.unit.download_licensing.golden.samples:SAMPLES \
        tests/unit/download_licensing/golden/histories

The histories named after customers are streams as the service itself stored them, by `capture`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from download_licensing.domain.account import ACCOUNT_ID, Account
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
    DownloadsEnded,
    DownloadShortened,
    FirstPlayReported,
    LicenseCut,
    LicenseIssued,
    LicenseReleased,
    LicenseRenewed,
    LicenseRevoked,
    PlanChanged,
    PlayCounted,
    RegionChanged,
    SessionReported,
    StandingChanged,
    TitleReinstated,
    TitleWithdrawn,
)
from download_licensing.domain.license import License
from download_licensing.domain.title_withdrawal import TitleWithdrawal
from download_licensing.policies.events import (
    BOOK_ID,
    PolicyBook,
    PolicyPublished,
    PolicyWithdrawn,
)
from download_licensing.service.noted_refusals import REFUSALS_ID, RefusalNoted, Refusals
from helenus.testing import at

_START = datetime(2026, 1, 30, 22, 15, 0, 123_456, tzinfo=UTC)
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_YEAR = timedelta(days=365)

SAMPLES = {
    "account": [
        at(Account, ACCOUNT_ID, AccountOpened(plan="standard", at=_START)),
        at(Account, ACCOUNT_ID, DeviceRegistered(device_id="tablet-1", at=_START + _DAY)),
        at(Account, ACCOUNT_ID, DeviceRegistered(device_id="телефон 2", at=_START + 2 * _DAY)),
        at(Account, ACCOUNT_ID, DeviceRemoved(device_id="tablet-1", at=_START + 3 * _DAY)),
        # A device that comes back is registered anew.
        at(Account, ACCOUNT_ID, DeviceRegistered(device_id="tablet-1", at=_START + 4 * _DAY)),
    ],
    "account-standing": [
        at(
            Account,
            ACCOUNT_ID,
            AccountOpened(plan="basic", at=_START, country="PT", time_zone="Europe/Lisbon"),
        ),
        at(
            Account,
            ACCOUNT_ID,
            RegionChanged(country="BR", time_zone="America/Manaus", at=_START + _DAY),
        ),
        at(Account, ACCOUNT_ID, StandingChanged(standing="past-due", at=_START + 2 * _DAY)),
        at(Account, ACCOUNT_ID, AccountBlocked(reason="Abuse.", at=_START + 3 * _DAY)),
        at(Account, ACCOUNT_ID, StandingChanged(standing="good", at=_START + 4 * _DAY)),
        at(Account, ACCOUNT_ID, AccountUnblocked(at=_START + 5 * _DAY)),
    ],
    "downloaded-title": [
        at(
            DownloadedTitle,
            "title-7",
            DownloadCounted(license_id=license_id, device_id="tablet-1", at=_START + after),
        )
        # The last comes when the first is long out of every rolling year.
        for license_id, after in (("l-1", _DAY), ("l-2", _DAY), ("l-1", 2 * _YEAR))
    ],
    "device": [
        at(
            Device,
            "tablet-1",
            DownloadHeld(
                license_id="l-1", title_id="title-7", expires_at=_START + _WEEK, at=_START
            ),
        ),
        at(
            Device,
            "tablet-1",
            DownloadHeld(license_id="l-2", title_id="title-8", expires_at=None, at=_START),
        ),
        at(
            Device,
            "tablet-1",
            DownloadShortened(license_id="l-1", expires_at=_START + 3 * _DAY, at=_START + _DAY),
        ),
        at(
            Device,
            "tablet-1",
            DownloadShortened(license_id="l-2", expires_at=None, at=_START + _DAY),
        ),
        # l-1 is put aside by then.
        at(
            Device,
            "tablet-1",
            DownloadHeld(
                license_id="l-3",
                title_id="title-9",
                expires_at=_START + _YEAR + _WEEK,
                at=_START + _YEAR,
            ),
        ),
        at(Device, "tablet-1", DownloadDropped(license_id="l-2", at=_START + _YEAR)),
    ],
    "license": [
        at(
            License,
            "l-1",
            LicenseIssued(
                title_id="title-7",
                device_id="tablet-1",
                plan="standard",
                expires_at=_START + _WEEK,
                playback_window_s=172_800,
                renewals_max=2,
                at=_START,
            ),
        ),
        at(
            License,
            "l-1",
            FirstPlayReported(
                played_at=_START + _DAY,
                reported_at_device=_START - _DAY,
                playback_ends_at=_START + 3 * _DAY,
                at=_START + _DAY,
            ),
        ),
        at(
            License,
            "l-1",
            LicenseRenewed(expires_at=_START + 2 * _WEEK, refresh=False, at=_START + 2 * _DAY),
        ),
        at(
            License,
            "l-1",
            LicenseRenewed(expires_at=_START + 4 * _WEEK, refresh=True, at=_START + 3 * _WEEK),
        ),
        at(
            License,
            "l-1",
            LicenseReleased(
                reason="deleted",
                released_at_device=_START + 3 * _WEEK,
                at=_START + 4 * _WEEK,
            ),
        ),
    ],
    "license-without-limits": [
        at(
            License,
            "l-2",
            LicenseIssued(
                title_id="title-8",
                device_id="tablet-1",
                plan="premium",
                expires_at=None,
                playback_window_s=0,
                renewals_max=None,
                at=_START,
            ),
        ),
        at(
            License,
            "l-2",
            FirstPlayReported(
                played_at=_START + _DAY,
                reported_at_device=_START + _DAY,
                playback_ends_at=None,
                at=_START + _DAY,
            ),
        ),
        at(License, "l-2", LicenseRenewed(expires_at=None, refresh=False, at=_START + _DAY)),
        at(
            License,
            "l-2",
            LicenseReleased(reason="device-removed", released_at_device=None, at=_START + 2 * _DAY),
        ),
    ],
    "sessions": [
        at(
            License,
            "l-3",
            SessionReported(
                session_id="s-1",
                started_at=_START,
                state="playing",
                last_at=_START + _DAY,
                reported_at_device=_START - _DAY,
                at=_START + 2 * _DAY,
            ),
        ),
        at(
            DownloadedTitle,
            "title-9",
            PlayCounted(license_id="l-3", session_id="s-1", played_at=_START, at=_START + 2 * _DAY),
        ),
        at(License, "l-3", LicenseRevoked(reason="Claim.", at=_START + 3 * _DAY)),
    ],
    "cuts": [
        at(TitleWithdrawal, "title-9", TitleWithdrawn(reason="Claim.", at=_START)),
        at(TitleWithdrawal, "title-9", TitleReinstated(at=_START + _DAY)),
        at(Account, ACCOUNT_ID, PlanChanged(plan="basic", at=_START)),
        at(Account, ACCOUNT_ID, StandingChanged(standing="cancelled", at=_START)),
        at(Account, ACCOUNT_ID, StandingChanged(standing="good", at=_START + _DAY)),
        at(
            Device,
            "tablet-1",
            DownloadHeld(license_id="l-4", title_id="title-9", expires_at=None, at=_START),
        ),
        at(Device, "tablet-1", DownloadsEnded(ends={"l-4": _START + _DAY}, at=_START + _DAY)),
        at(
            License,
            "l-4",
            LicenseCut(reason="title-withdrawn", ends_at=_START + _DAY, at=_START + 2 * _DAY),
        ),
    ],
    "policies": [
        at(
            PolicyBook,
            BOOK_ID,
            PolicyPublished(
                version="2026-01",
                effective_from=datetime(1900, 1, 1, tzinfo=UTC),
                document="version: 2026-01\ndefault: {device-limit: {devices_max: 1}} # erste\n",
                source="policy.yaml",
                at=_START,
            ),
        ),
        at(
            PolicyBook,
            BOOK_ID,
            PolicyPublished(
                version="2026-02",
                effective_from=_START + _DAY,
                document="version: 2026-02\nnote: Zurückgezogen.\n",
                source="policy.yaml",
                at=_START,
            ),
        ),
        at(PolicyBook, BOOK_ID, PolicyWithdrawn(version="2026-02", at=_START + _DAY / 2)),
    ],
    "refusals": [
        at(
            Refusals,
            REFUSALS_ID,
            RefusalNoted(
                position=7,
                at=_START,
                device_id="tablet-1",
                title_id="title-7",
                policy_version="2026-01",
                reasons=("device-limit", "title-downloads-per-year"),
                times=3,
            ),
        ),
        at(
            Refusals,
            REFUSALS_ID,
            RefusalNoted(
                position=7, at=_START + _DAY, license_id="l-1", reasons=("renewals-exhausted",)
            ),
        ),
    ],
}
