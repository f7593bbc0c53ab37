"""License: the permission to keep and play one download."""

from __future__ import annotations

from bisect import bisect_right, insort
from datetime import datetime

import msgspec

from download_licensing.domain.events import (
    CutReason,
    FirstPlayReported,
    LicenseCut,
    LicenseIssued,
    LicenseReleased,
    LicenseRenewed,
    LicenseRevoked,
    ReleaseReason,
    SessionReported,
)
from download_licensing.domain.sessions import Session
from download_licensing.domain.times import YEAR, after, earlier, lasts
from helenus.aggregates import Aggregate, applies

SESSIONS_MAX = 50
"""Sessions of one licence that are remembered, those that began last."""

ENDED_SESSIONS_MAX = 10
"""The same once it was released or revoked: years of licences stay small in the state."""

RENEWALS_KEPT_MAX = 400
"""Renewals of a licence whose time is remembered, the latest: no rule's limit is higher."""

RENEWAL_ITEMS_MAX = 10
"""Items of one licence by which repeated renewals are known."""


class License(Aggregate, name="license", version=2):
    """A licence. It is active while it is neither released, revoked nor past its effective expiry.

    Attributes:
        title_id: what may be played.
        device_id: where.
        plan: the customer's when it was issued.
        issued_at: None: there is no such licence.
        extended_at: when it was issued or last renewed.
        expires_at: None: unlimited.
        playback_window_s: seconds from the first play on; 0: unlimited.
        playback_ends_at: None: not played since issued or refreshed, or unlimited.
        first_played_at: since it was issued or refreshed, as counted.
        renewals_used: refreshes included.
        renewals_max: None: no cap.
        renewed: when it was renewed, oldest first, the latest `RENEWALS_KEPT_MAX`.
        policy_version: of the policy that allowed the grant or the last renewal; "": recorded
            before there were any.
        cut_reason: why it ended early, since it was issued or last renewed; None: it did not.
        revoked_at: None: no operator revoked it.
        revoke_reason: the operator's.
        sessions: by id, `SESSIONS_MAX` of them at most, `ENDED_SESSIONS_MAX` once it ended.
        renewal_items: ids of the items that renewed it, the last `RENEWAL_ITEMS_MAX`.
        forgotten_until: when the last of the sessions that are forgotten began; None: none is.
    """

    title_id: str = ""
    device_id: str = ""
    plan: str = ""
    issued_at: datetime | None = None
    extended_at: datetime | None = None
    expires_at: datetime | None = None
    playback_window_s: int = 0
    playback_ends_at: datetime | None = None
    first_played_at: datetime | None = None
    renewals_used: int = 0
    renewals_max: int | None = None
    renewed: list[datetime] = msgspec.field(default_factory=list)
    released_at: datetime | None = None
    release_reason: ReleaseReason | None = None
    policy_version: str = ""
    cut_reason: CutReason | None = None
    revoked_at: datetime | None = None
    revoke_reason: str = ""
    sessions: dict[str, Session] = msgspec.field(default_factory=dict)
    forgotten_until: datetime | None = None
    renewal_items: list[str] = msgspec.field(default_factory=list)

    @property
    def effective_expires_at(self) -> datetime | None:
        """The end of the licence or of the playback window, whichever comes first; None: never."""
        return earlier(self.expires_at, self.playback_ends_at)

    @property
    def renewals_left(self) -> int | None:
        """None: not limited."""
        return None if self.renewals_max is None else max(0, self.renewals_max - self.renewals_used)

    @property
    def ended_at(self) -> datetime | None:
        """When it was released or revoked; None: neither."""
        return self.released_at or self.revoked_at

    def renewed_in_year_before(self, now: datetime) -> list[datetime]:
        """The renewals that count at a time: those less than a rolling year old, oldest first."""
        return self.renewed[bisect_right(self.renewed, now - YEAR) :]

    def active(self, at: datetime) -> bool:
        """Whether the download may be played at a time."""
        return self.ended_at is None and lasts(self.effective_expires_at, at)

    def forgot(self, started_at: datetime) -> bool:
        """Whether a session that began then may have been counted and forgotten."""
        return self.forgotten_until is not None and started_at <= self.forgotten_until

    def issue(
        self,
        *,
        title_id: str,
        device_id: str,
        plan: str,
        expires_at: datetime | None,
        playback_window_s: int,
        renewals_max: int | None,
        policy_version: str,
        at: datetime,
    ) -> None:
        self.record(
            LicenseIssued(
                title_id=title_id,
                device_id=device_id,
                plan=plan,
                expires_at=expires_at,
                playback_window_s=playback_window_s,
                renewals_max=renewals_max,
                policy_version=policy_version,
                at=at,
            )
        )

    def play(self, played_at: datetime, told: datetime, at: datetime) -> None:
        """Start the playback window.

        Args:
            played_at: as counted.
            told: by the clock of the device.
            at: when it is reported.
        """
        self.record(
            FirstPlayReported(
                played_at=played_at,
                reported_at_device=told,
                playback_ends_at=after(played_at, self.playback_window_s),
                at=at,
            )
        )

    def renew(
        self,
        expires_at: datetime | None,
        *,
        refresh: bool,
        policy_version: str,
        at: datetime,
        item_id: str = "",
    ) -> None:
        self.record(
            LicenseRenewed(
                expires_at=expires_at,
                refresh=refresh,
                policy_version=policy_version,
                at=at,
                item_id=item_id,
            )
        )

    def release(
        self, reason: ReleaseReason, released_at_device: datetime | None, at: datetime
    ) -> None:
        self.record(LicenseReleased(reason=reason, released_at_device=released_at_device, at=at))

    def revoke(self, reason: str, at: datetime) -> None:
        self.record(LicenseRevoked(reason=reason, at=at))

    def report_session(
        self, session_id: str, session: Session, told: datetime, at: datetime
    ) -> None:
        self.record(
            SessionReported(
                session_id=session_id,
                started_at=session.started_at,
                state=session.state,
                last_at=session.last_at,
                reported_at_device=told,
                at=at,
            )
        )

    @applies
    def _issued(self, event: LicenseIssued) -> None:
        self.title_id = event.title_id
        self.device_id = event.device_id
        self.plan = event.plan
        self.issued_at = self.extended_at = event.at
        self.expires_at = event.expires_at
        self.playback_window_s = event.playback_window_s
        self.renewals_max = event.renewals_max
        self.policy_version = event.policy_version

    @applies
    def _played(self, event: FirstPlayReported) -> None:
        self.first_played_at = event.played_at
        self.playback_ends_at = event.playback_ends_at

    @applies
    def _renewed(self, event: LicenseRenewed) -> None:
        self.extended_at = event.at
        self.expires_at = event.expires_at
        self.cut_reason = None
        self.renewals_used += 1
        insort(self.renewed, event.at)
        del self.renewed[:-RENEWALS_KEPT_MAX]
        self.policy_version = event.policy_version
        if event.refresh:
            self.first_played_at = self.playback_ends_at = None
        if event.item_id:
            self.renewal_items = [*self.renewal_items, event.item_id][-RENEWAL_ITEMS_MAX:]

    @applies
    def _released(self, event: LicenseReleased) -> None:
        self.released_at = event.at
        self.release_reason = event.reason
        self._forget_sessions()

    @applies
    def _cut(self, event: LicenseCut) -> None:
        self.expires_at = earlier(self.expires_at, event.ends_at)
        self.cut_reason = event.reason

    @applies
    def _revoked(self, event: LicenseRevoked) -> None:
        self.revoked_at = event.at
        self.revoke_reason = event.reason
        self._forget_sessions()

    @applies
    def _session(self, event: SessionReported) -> None:
        self.sessions[event.session_id] = Session(event.started_at, event.state, event.last_at)
        self._forget_sessions()

    def _forget_sessions(self) -> None:
        kept = SESSIONS_MAX if self.ended_at is None else ENDED_SESSIONS_MAX
        while len(self.sessions) > kept:
            oldest = min(self.sessions, key=lambda each: self.sessions[each].started_at)
            started_at = self.sessions.pop(oldest).started_at
            self.forgotten_until = max(started_at, self.forgotten_until or started_at)
