"""The facts recorded on a customer's stream, by the aggregate they are addressed to.

`at` is the time of the decision, which came with the command. Names and fields are stored: a field
may be added with a default, any other change needs a new version and an upcaster.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from download_licensing.domain.sessions import SessionState
from helenus.events import Event

ReleaseReason = Literal["deleted", "device-removed"]
CutReason = Literal["title-withdrawn", "account-cancelled"]
Standing = Literal["good", "past-due", "cancelled"]


class AccountOpened(Event, name="account-opened"):
    """Account: the customer may download from now on, by a plan of the catalogue.

    Attributes:
        country: ISO 3166-1 alpha-2; "": not told.
        time_zone: IANA; the customer's calendar months are counted in it.
    """

    plan: str
    at: datetime
    country: str = ""
    time_zone: str = "UTC"


class PlanChanged(Event, name="plan-changed"):
    """Account: the customer pays for another plan of the catalogue now."""

    plan: str
    at: datetime


class RegionChanged(Event, name="region-changed"):
    """Account: the customer lives elsewhere now. Fields as in `AccountOpened`."""

    country: str
    time_zone: str
    at: datetime


class StandingChanged(Event, name="standing-changed"):
    """Account: the customer fell behind with payments, cancelled, or is a customer again."""

    standing: Standing
    at: datetime


class AccountBlocked(Event, name="account-blocked"):
    """Account: an operator stopped downloads.

    Attributes:
        reason: the operator's, for people.
    """

    reason: str
    at: datetime


class AccountUnblocked(Event, name="account-unblocked"):
    """Account: an operator allowed downloads again."""

    at: datetime


class DeviceRegistered(Event, name="device-registered"):
    """Account: a device the account did not have got its first grant."""

    device_id: str
    at: datetime


class DeviceRemoved(Event, name="device-removed"):
    """Account: the customer removed a device."""

    device_id: str
    at: datetime


class DownloadCounted(Event, name="download-counted"):
    """Downloaded title: a grant, or the refresh of an expired licence."""

    license_id: str
    device_id: str
    at: datetime


class PlayCounted(Event, name="play-counted"):
    """Downloaded title: a download of it was played, in a session not counted before.

    Attributes:
        session_id: the device's; "": it told of a first play without naming the session.
        played_at: as counted.
    """

    license_id: str
    session_id: str
    played_at: datetime
    at: datetime


class DownloadHeld(Event, name="download-held"):
    """Device: it holds an active licence up to `expires_at`, the effective expiry; None: no end."""

    license_id: str
    title_id: str
    expires_at: datetime | None
    at: datetime


class DownloadShortened(Event, name="download-shortened"):
    """Device: a first play moved the effective expiry of a licence it holds."""

    license_id: str
    expires_at: datetime | None
    at: datetime


class DownloadsEnded(Event, name="downloads-ended"):
    """Device: licences that it holds ended early, by a withdrawal or a cancellation.

    Attributes:
        ends: when, by licence.
    """

    ends: dict[str, datetime]
    at: datetime


class DownloadDropped(Event, name="download-dropped"):
    """Device: it no longer holds a licence, which was released."""

    license_id: str
    at: datetime


class LicenseIssued(Event, name="license-issued"):
    """License: granted, on the terms in force at that time.

    Attributes:
        expires_at: None: unlimited.
        playback_window_s: seconds from the first play on; 0: unlimited.
        renewals_max: None: no cap.
        policy_version: of the policy that allowed it; "": recorded before there were any.
    """

    title_id: str
    device_id: str
    plan: str
    expires_at: datetime | None
    playback_window_s: int
    renewals_max: int | None
    at: datetime
    policy_version: str = ""


class FirstPlayReported(Event, name="first-play-reported"):
    """License: played for the first time since it was issued or refreshed.

    Attributes:
        played_at: as counted, which is never before the grant nor after the report.
        reported_at_device: as the device's clock had it.
        playback_ends_at: None: the playback window is unlimited.
    """

    played_at: datetime
    reported_at_device: datetime
    playback_ends_at: datetime | None
    at: datetime


class LicenseRenewed(Event, name="license-renewed"):
    """License: extended.

    Attributes:
        expires_at: None: unlimited.
        refresh: whether it had expired, so that this counts as a download.
        policy_version: of the policy that allowed it; "": recorded before there were any.
        item_id: of the item that asked for it, where several were asked for at once; else "".
    """

    expires_at: datetime | None
    refresh: bool
    at: datetime
    policy_version: str = ""
    item_id: str = ""


class LicenseReleased(Event, name="license-released"):
    """License: given back for good.

    Attributes:
        reason: the download was deleted, or its device removed.
        released_at_device: as the device's clock had it, where it was told.
    """

    reason: ReleaseReason
    released_at_device: datetime | None
    at: datetime


class LicenseCut(Event, name="license-cut"):
    """License: it ended early, by a withdrawal or a cancellation.

    Attributes:
        ends_at: when, which is before this was noted.
    """

    reason: CutReason
    ends_at: datetime
    at: datetime


class LicenseRevoked(Event, name="license-revoked"):
    """License: taken away for good by an operator.

    Attributes:
        reason: the operator's, for people.
    """

    reason: str
    at: datetime


class SessionReported(Event, name="session-reported"):
    """License: what is known of a playback session after a report.

    Attributes:
        started_at: as counted.
        state: stopped is for good.
        last_at: as counted, of its latest event.
        reported_at_device: of the earliest event in the report, as the device's clock had it.
    """

    session_id: str
    started_at: datetime
    state: SessionState
    last_at: datetime
    reported_at_device: datetime
    at: datetime


class TitleWithdrawn(Event, name="title-withdrawn"):
    """Title withdrawal: from now on nobody may download or play the title.

    Attributes:
        reason: the operator's, for people.
    """

    reason: str
    at: datetime


class TitleReinstated(Event, name="title-reinstated"):
    """Title withdrawal: the title may be downloaded again; what ended stays ended."""

    at: datetime
