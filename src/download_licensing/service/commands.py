"""Commands: what a customer's devices and account page ask for. Each names its customer.

The time of the decision and the idempotency key are not part of a command: they come in its
`helenus.CommandContext`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec

from download_licensing.domain.events import Standing
from download_licensing.domain.ids import (
    Country,
    CustomerId,
    DeviceId,
    Id,
    LicenseId,
    PlanId,
    SessionId,
    TimeZone,
    TitleId,
)
from download_licensing.domain.sessions import SESSION_EVENTS_MAX, SessionKind

REASON_CHARACTERS_MAX = 500
SYNC_ITEMS_MAX = 150
"""Items of one sync. Each records five events at most, within the repository's default bound of
1,000 events per command."""

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
ItemId = Id
ItemKind = Literal["release", "play", "session", "renewal"]
_UpToSync = msgspec.Meta(max_length=SYNC_ITEMS_MAX)
LicenseIds = Annotated[tuple[LicenseId, ...], msgspec.Meta(min_length=1, max_length=SYNC_ITEMS_MAX)]
OperatorsReason = Annotated[
    str, msgspec.Meta(min_length=1, max_length=REASON_CHARACTERS_MAX, pattern=r"\S")
]


class SessionEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happened in a playback session.

    Attributes:
        kind: start, pause, resume, keep-alive or stop.
        at: when, by the clock of the device.
    """

    kind: SessionKind
    at: Moment


SessionEvents = Annotated[
    tuple[SessionEvent, ...], msgspec.Meta(min_length=1, max_length=SESSION_EVENTS_MAX)
]


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all commands.

    Attributes:
        customer_id: on whose stream it is decided.
    """

    customer_id: CustomerId


class LicenseCommand(Command, frozen=True, kw_only=True):
    """Base of the commands about one licence.

    Attributes:
        license_id: the licence, as its grant named it.
    """

    license_id: LicenseId


class OpenAccount(Command, frozen=True, kw_only=True):
    """Open the customer's account. Idempotent for the same plan.

    Attributes:
        plan: a plan of the catalogue.
        country: where the customer lives; None: not told.
        time_zone: whose calendar months count; None: UTC.
    """

    plan: PlanId
    country: Country | None = None
    time_zone: TimeZone | None = None


class ChangePlan(Command, frozen=True, kw_only=True):
    """Change the customer's plan. What is granted stays until it ends. Idempotent.

    Attributes:
        plan: a plan of the catalogue.
    """

    plan: PlanId


class SetRegion(Command, frozen=True, kw_only=True):
    """Say where the customer lives. Idempotent.

    Attributes:
        country: ISO 3166-1 alpha-2.
        time_zone: IANA.
    """

    country: Country
    time_zone: TimeZone


class SetStanding(Command, frozen=True, kw_only=True):
    """Say how the customer stands with billing. Idempotent.

    Attributes:
        standing: good, past-due (payments are missing) or cancelled.
    """

    standing: Standing


class BlockAccount(Command, frozen=True, kw_only=True):
    """Stop all downloads of a customer. Idempotent for the same reason.

    Attributes:
        reason: the operator's, for people.
    """

    reason: OperatorsReason


class UnblockAccount(Command, frozen=True, kw_only=True):
    """Allow the customer's downloads again. Idempotent."""


class SyncedItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a device brings.

    Attributes:
        item_id: the device's; another for each item, and the same whenever the item is repeated.
        license_id: the licence that it is about.
    """

    item_id: ItemId
    license_id: LicenseId


class SyncedRelease(SyncedItem, frozen=True, kw_only=True):
    """As `ReleaseLicense`."""

    kind: ClassVar[ItemKind] = "release"

    released_at: Moment | None = None


class SyncedPlay(SyncedItem, frozen=True, kw_only=True):
    """As `ReportFirstPlay`."""

    kind: ClassVar[ItemKind] = "play"

    played_at: Moment
    session_id: SessionId | None = None


class SyncedSession(SyncedItem, frozen=True, kw_only=True):
    """As `ReportSession`."""

    kind: ClassVar[ItemKind] = "session"

    session_id: SessionId
    events: SessionEvents


class SyncedRenewal(SyncedItem, frozen=True, kw_only=True):
    """As `RenewLicense`."""

    kind: ClassVar[ItemKind] = "renewal"


SyncItem = SyncedRelease | SyncedPlay | SyncedSession | SyncedRenewal


class TitleCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the commands about a title, for all customers.

    Attributes:
        title_id: of the catalogue.
    """

    title_id: TitleId


class WithdrawTitle(TitleCommand, frozen=True, kw_only=True):
    """End every download of a title now, and grant none. Idempotent: the first reason stays.

    Attributes:
        reason: the operator's, for people.
    """

    reason: OperatorsReason


class ReinstateTitle(TitleCommand, frozen=True, kw_only=True):
    """Let a title be downloaded again. Idempotent."""


class Sync(Command, frozen=True, kw_only=True):
    """Carry out all that a device did while it was offline: `SYNC_ITEMS_MAX` items at most.

    Releases are decided first, then plays and sessions in the order of their times, then renewals.
    Idempotent as a whole by its key, and item by item: what was carried out is known again.

    Attributes:
        device_id: the device; all items are about downloads on it.
        sent_at: now, by the clock of the device: what is told is then corrected by the difference.
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


class RenewLicenses(Command, frozen=True, kw_only=True):
    """Extend several licences, on whichever devices. Each is answered on its own.

    Attributes:
        license_ids: another one each.
    """

    license_ids: LicenseIds


class RevokeLicense(LicenseCommand, frozen=True, kw_only=True):
    """Take a licence away for good. Idempotent: the first reason stays.

    Attributes:
        reason: the operator's, for people.
    """

    reason: OperatorsReason


class RequestDownload(Command, frozen=True, kw_only=True):
    """Ask for permission to download a title. Needs an idempotency key: it makes the licence's id.

    Attributes:
        device_id: where the download will lie.
        title_id: a title of the catalogue.
    """

    device_id: DeviceId
    title_id: TitleId


class ReportFirstPlay(LicenseCommand, frozen=True, kw_only=True):
    """Report that a download was played; the first report that arrives starts its playback window.

    Attributes:
        played_at: when, by the clock of the device, which is not trusted.
        session_id: in which session; a session counts as one play, however often it is told.
        sent_at: now, by the clock of the device: what is told is then corrected by the difference.
    """

    played_at: Moment
    session_id: SessionId | None = None
    sent_at: Moment | None = None


class ReportSession(LicenseCommand, frozen=True, kw_only=True):
    """Report what happened in a playback session. Idempotent, in any order and any parts.

    Attributes:
        session_id: the device's own id of the session.
        events: what happened, with times by the clock of the device, which is not trusted.
        sent_at: now, by the clock of the device: what is told is then corrected by the difference.
    """

    session_id: SessionId
    events: SessionEvents
    sent_at: Moment | None = None


class RenewLicense(LicenseCommand, frozen=True, kw_only=True):
    """Extend a licence; of an expired one, a refresh, which counts as a download."""


class ReleaseLicense(LicenseCommand, frozen=True, kw_only=True):
    """Give a licence back because its download was deleted. Idempotent.

    Attributes:
        released_at: when, by the clock of the device, which is not trusted.
    """

    released_at: Moment | None = None


class RemoveDevice(Command, frozen=True, kw_only=True):
    """Release all licences of a device and free its slot. Idempotent.

    Attributes:
        device_id: the device.
    """

    device_id: DeviceId
