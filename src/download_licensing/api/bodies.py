"""Request bodies: what the operations that change something are told."""

from __future__ import annotations

from typing import Annotated

import msgspec

from download_licensing.domain.events import Standing
from download_licensing.domain.ids import Country, DeviceId, PlanId, SessionId, TimeZone, TitleId
from download_licensing.service.commands import (
    SYNC_ITEMS_MAX,
    LicenseIds,
    Moment,
    OperatorsReason,
    SessionEvents,
    SyncedPlay,
    SyncedRelease,
    SyncedRenewal,
    SyncedSession,
)

_UpToSync = msgspec.Meta(max_length=SYNC_ITEMS_MAX)


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all bodies: a field that is not known is refused."""


class AccountBody(Body, frozen=True, kw_only=True):
    """The account wanted.

    Attributes:
        plan: a plan of the catalogue.
        country: where the customer lives, ISO 3166-1 alpha-2.
        time_zone: whose calendar months count, an IANA name; left out: UTC.
    """

    plan: PlanId
    country: Country | None = None
    time_zone: TimeZone | None = None


class PlanBody(Body, frozen=True, kw_only=True):
    """The plan wanted.

    Attributes:
        plan: a plan of the catalogue.
    """

    plan: PlanId


class WithdrawalBody(Body, frozen=True, kw_only=True):
    """A withdrawal.

    Attributes:
        reason: for people, at most 500 characters.
    """

    reason: OperatorsReason


class RegionBody(Body, frozen=True, kw_only=True):
    """Where the customer lives.

    Attributes:
        country: ISO 3166-1 alpha-2.
        time_zone: an IANA name.
    """

    country: Country
    time_zone: TimeZone


class StandingBody(Body, frozen=True, kw_only=True):
    """How the customer stands with billing."""

    standing: Standing


class BlockBody(Body, frozen=True, kw_only=True):
    """A block.

    Attributes:
        reason: for people, at most 500 characters.
    """

    reason: OperatorsReason


class DownloadBody(Body, frozen=True, kw_only=True):
    """The download wanted.

    Attributes:
        device_id: where it will lie.
        title_id: what it is of, a title of the catalogue.
    """

    device_id: DeviceId
    title_id: TitleId


class RenewalBody(Body, frozen=True, kw_only=True):
    """Nothing more is needed."""


class PlayBody(Body, frozen=True, kw_only=True):
    """A first play.

    Attributes:
        played_at: when, by the clock of the device.
        session_id: in which session, so that the session counts as one play.
        sent_at: now, by the clock of the device, to correct what it tells.
    """

    played_at: Moment
    session_id: SessionId | None = None
    sent_at: Moment | None = None


class SessionBody(Body, frozen=True, kw_only=True):
    """What happened in a playback session.

    Attributes:
        events: 1 to 200, in any order.
        sent_at: now, by the clock of the device, to correct what it tells.
    """

    events: SessionEvents
    sent_at: Moment | None = None


class SyncBody(Body, frozen=True, kw_only=True):
    """All that a device did while it was offline: at most 150 items, each with an id of its own.

    Attributes:
        device_id: the device.
        sent_at: now, by the clock of the device, to correct what it tells.
        releases: downloads that were deleted.
        plays: first plays.
        sessions: playback sessions.
        renewals: licences to extend.
    """

    device_id: DeviceId
    sent_at: Moment | None = None
    releases: Annotated[tuple[SyncedRelease, ...], _UpToSync] = ()
    plays: Annotated[tuple[SyncedPlay, ...], _UpToSync] = ()
    sessions: Annotated[tuple[SyncedSession, ...], _UpToSync] = ()
    renewals: Annotated[tuple[SyncedRenewal, ...], _UpToSync] = ()


class RenewalsBody(Body, frozen=True, kw_only=True):
    """The licences to extend.

    Attributes:
        license_ids: 1 to 150, another one each.
    """

    license_ids: LicenseIds


class RevocationBody(Body, frozen=True, kw_only=True):
    """A revocation.

    Attributes:
        reason: for people, at most 500 characters.
    """

    reason: OperatorsReason


class ReleaseBody(Body, frozen=True, kw_only=True):
    """A release.

    Attributes:
        released_at: when the download was deleted, by the clock of the device.
    """

    released_at: Moment | None = None


class PolicyBody(Body, frozen=True, kw_only=True):
    """A policy to publish.

    Attributes:
        document: YAML.
        expected: the version that was published last, as the publisher knows it; "": none; null:
            whichever.
    """

    document: str
    expected: str | None = None
