"""The oracle's own model of one customer: plain lists, from which all else is counted each time.

Nothing here is kept up to date cleverly: which licences are active, how many devices hold one, how
often a title was downloaded in a year are found by looking through all licences and downloads.
That is slow and easy to believe, which is what an oracle is for.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from download_licensing.simulate.oracle.records import (
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
    Told,
)

YEAR = timedelta(days=365)


@dataclass(slots=True)
class LicenseKept:
    """One licence, as its own events tell it."""

    license_id: str
    title_id: str
    device_id: str
    plan: str
    issued_at: datetime
    since: datetime
    expires_at: datetime | None
    playback_window_s: float
    renewals_max: int | None
    policy_version: str
    renewals: int = 0
    renewed: list[datetime] = field(default_factory=list)
    first_played_at: datetime | None = None
    playback_ends_at: datetime | None = None
    released_at: datetime | None = None
    release_reason: str | None = None
    revoked_at: datetime | None = None
    revoke_reason: str | None = None
    cut_reason: str | None = None
    cut_noted: bool = True
    sessions: dict[str, SessionReported] = field(default_factory=dict)

    @property
    def ended_at(self) -> datetime | None:
        """When it was released or revoked."""
        return self.released_at or self.revoked_at

    def ends_at(self) -> datetime | None:
        """The effective expiry: the licence's or the playback window's end; None: never."""
        ends = [end for end in (self.expires_at, self.playback_ends_at) if end is not None]
        return min(ends, default=None)

    def state(self, at: datetime) -> str:
        """In the words of the contract."""
        running = "active" if self.active(at) else "expired"
        return "released" if self.released_at else "revoked" if self.revoked_at else running

    def active(self, at: datetime) -> bool:
        """Whether it counts at that time."""
        ends_at = self.ends_at()
        return self.ended_at is None and (ends_at is None or at < ends_at)


@dataclass(slots=True)
class DeviceKept:
    """One device, and what its own events say that it holds: licence to effective expiry."""

    registered_at: datetime
    removed_at: datetime | None = None
    held: dict[str, datetime | None] = field(default_factory=dict)


@dataclass(slots=True)
class Download:
    """One counted download of a title."""

    title_id: str
    license_id: str
    device_id: str
    at: datetime


@dataclass(slots=True)
class Ledger:
    """Everything the events of one customer say.

    The last three are of a customer as seen by who knows of withdrawals: see `withdrawals.seen`.

    Attributes:
        gone: titles that are withdrawn.
        ended: when licences ended for it, of which the stream does not say so yet.
        forgotten: those of them that had ended anyway, so long ago that it need not be said.
    """

    customer_id: str
    plan: str | None = None
    opened_at: datetime | None = None
    country: str = ""
    time_zone: str = "UTC"
    standing: str = "good"
    blocked: str = ""
    registrations: list[datetime] = field(default_factory=list)
    plays: list[tuple[str, datetime]] = field(default_factory=list)
    devices: dict[str, DeviceKept] = field(default_factory=dict)
    licenses: dict[str, LicenseKept] = field(default_factory=dict)
    downloads: list[Download] = field(default_factory=list)
    gone: Set[str] = frozenset()
    ended: Mapping[str, datetime] = field(default_factory=dict)
    forgotten: Set[str] = frozenset()

    def active_on(self, device_id: str, at: datetime) -> list[LicenseKept]:
        """The active licences of a device."""
        return [
            kept
            for kept in self.licenses.values()
            if kept.device_id == device_id and kept.active(at)
        ]

    def holding(self, at: datetime) -> set[str]:
        """The devices that hold an active licence."""
        return {kept.device_id for kept in self.licenses.values() if kept.active(at)}

    def counted(self, title_id: str, at: datetime) -> list[datetime]:
        """When the title was downloaded within the year before, oldest first."""
        return sorted(
            download.at
            for download in self.downloads
            if download.title_id == title_id and download.at > at - YEAR
        )

    def played(self, title_id: str, at: datetime) -> list[datetime]:
        """When downloads of the title were played within the year before."""
        return [played for title, played in self.plays if title == title_id and played > at - YEAR]

    def enter(self, told: Told) -> None:
        """Take in one fact.

        Raises:
            KeyError: it speaks of a licence or a device that no earlier event introduced.
        """
        match told.fact:
            case DeviceRegistered(device_id, at):
                self.registrations.append(at)
                known = self.devices.get(device_id)
                self.devices[device_id] = DeviceKept(at, held=known.held if known else {})
            case DeviceRemoved(device_id, at):
                self.devices[device_id].removed_at = at
            case DownloadCounted(license_id, device_id, at):
                self.downloads.append(Download(told.aggregate_id, license_id, device_id, at))
            case PlayCounted(_, _, played_at):
                self.plays.append((told.aggregate_id, played_at))
            case DownloadHeld(license_id, _, expires_at, _):
                self.devices[told.aggregate_id].held[license_id] = expires_at
            case DownloadShortened(license_id, expires_at, _):
                self.devices[told.aggregate_id].held[license_id] = expires_at
            case DownloadsEnded(ends):
                self._end(self.devices[told.aggregate_id], ends)
            case DownloadDropped(license_id, _):
                del self.devices[told.aggregate_id].held[license_id]
            case _:
                self._enter_account(told)

    def _enter_account(self, told: Told) -> None:
        match told.fact:
            case AccountOpened(plan, at, country, time_zone):
                self.plan, self.opened_at = plan, at
                self.country, self.time_zone = country, time_zone
            case RegionChanged(country, time_zone):
                self.country, self.time_zone = country, time_zone
            case PlanChanged(plan):
                self.plan = plan
            case StandingChanged(standing, at):
                self.standing = standing
                if standing == "cancelled":
                    self._cut(at)
            case AccountBlocked(reason):
                self.blocked = reason
            case AccountUnblocked():
                self.blocked = ""
            case _:
                self._enter_license(told)

    def _end(self, device: DeviceKept, ends: Mapping[str, datetime]) -> None:
        """A device says what ended early: a cancellation had ended it, or a withdrawal did."""
        for license_id, end in ends.items():
            device.held[license_id] = end
            kept = self.licenses[license_id]
            if kept.ends_at() != end:
                kept.expires_at, kept.cut_reason, kept.cut_noted = end, "title-withdrawn", False

    def _cut(self, at: datetime) -> None:
        """Everything ends when a customer cancels; each licence says so when it is next touched."""
        for kept in self.licenses.values():
            if kept.active(at):
                kept.expires_at, kept.cut_reason, kept.cut_noted = at, "account-cancelled", False

    def _enter_license(self, told: Told) -> None:
        match told.fact:
            case LicenseIssued(
                title_id, device_id, plan, expires_at, window_s, renewals_max, at, version
            ):
                self.licenses[told.aggregate_id] = LicenseKept(
                    license_id=told.aggregate_id,
                    title_id=title_id,
                    device_id=device_id,
                    plan=plan,
                    issued_at=at,
                    since=at,
                    expires_at=expires_at,
                    playback_window_s=window_s,
                    renewals_max=renewals_max,
                    policy_version=version,
                )
            case FirstPlayReported(played_at, _, playback_ends_at, _):
                kept = self.licenses[told.aggregate_id]
                kept.first_played_at, kept.playback_ends_at = played_at, playback_ends_at
            case LicenseRenewed(expires_at, refresh, at, version):
                kept = self.licenses[told.aggregate_id]
                kept.expires_at, kept.since, kept.policy_version = expires_at, at, version
                kept.renewed.append(at)
                kept.cut_reason = None
                kept.renewals += 1
                if refresh:
                    kept.first_played_at = kept.playback_ends_at = None
            case LicenseReleased(reason, _, at):
                kept = self.licenses[told.aggregate_id]
                kept.released_at, kept.release_reason = at, reason
            case LicenseCut(reason, ends_at):
                kept = self.licenses[told.aggregate_id]
                kept.expires_at, kept.cut_reason, kept.cut_noted = ends_at, reason, True
                self.devices[kept.device_id].held[kept.license_id] = kept.ends_at()
            case LicenseRevoked(reason, at):
                kept = self.licenses[told.aggregate_id]
                kept.revoked_at, kept.revoke_reason = at, reason
            case SessionReported():
                self.licenses[told.aggregate_id].sessions[told.fact.session_id] = told.fact
            case _:
                raise AssertionError(f"no such fact: {told.name}")
