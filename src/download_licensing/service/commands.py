"""Commands: what a customer's devices and account page ask for. Each names its customer.

The time of the decision and the idempotency key are not part of a command: they come in its
`helenus.CommandContext`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from download_licensing.domain.events import Standing
from download_licensing.domain.ids import (
    Country,
    CustomerId,
    DeviceId,
    LicenseId,
    PlanId,
    SessionId,
    TimeZone,
    TitleId,
)
from download_licensing.domain.sessions import SESSION_EVENTS_MAX, SessionKind

REASON_CHARACTERS_MAX = 500

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
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


class RevokeLicense(Command, frozen=True, kw_only=True):
    """Take a licence away for good. Idempotent: the first reason stays.

    Attributes:
        license_id: the licence.
        reason: the operator's, for people.
    """

    license_id: LicenseId
    reason: OperatorsReason


class RequestDownload(Command, frozen=True, kw_only=True):
    """Ask for permission to download a title. Needs an idempotency key: it makes the licence's id.

    Attributes:
        device_id: where the download will lie.
        title_id: a title of the catalogue.
    """

    device_id: DeviceId
    title_id: TitleId


class ReportFirstPlay(Command, frozen=True, kw_only=True):
    """Report that a download was played; the first report that arrives starts its playback window.

    Attributes:
        license_id: its licence.
        played_at: when, by the clock of the device, which is not trusted.
        session_id: in which session; a session counts as one play, however often it is told.
        sent_at: now, by the clock of the device: what is told is then corrected by the difference.
    """

    license_id: LicenseId
    played_at: Moment
    session_id: SessionId | None = None
    sent_at: Moment | None = None


class ReportSession(Command, frozen=True, kw_only=True):
    """Report what happened in a playback session. Idempotent, in any order and any parts.

    Attributes:
        license_id: of what was played.
        session_id: the device's own id of the session.
        events: what happened, with times by the clock of the device, which is not trusted.
        sent_at: now, by the clock of the device: what is told is then corrected by the difference.
    """

    license_id: LicenseId
    session_id: SessionId
    events: SessionEvents
    sent_at: Moment | None = None


class RenewLicense(Command, frozen=True, kw_only=True):
    """Extend a licence; of an expired one, a refresh, which counts as a download.

    Attributes:
        license_id: the licence.
    """

    license_id: LicenseId


class ReleaseLicense(Command, frozen=True, kw_only=True):
    """Give a licence back because its download was deleted. Idempotent.

    Attributes:
        license_id: the licence.
        released_at: when, by the clock of the device, which is not trusted.
    """

    license_id: LicenseId
    released_at: Moment | None = None


class RemoveDevice(Command, frozen=True, kw_only=True):
    """Release all licences of a device and forget the device. Idempotent.

    Attributes:
        device_id: the device.
    """

    device_id: DeviceId
