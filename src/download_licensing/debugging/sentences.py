"""Every event in words: one sentence for each type, in the past tense, for people.

A new event type gets its sentence here; a test finds the one that has none. Until then it is told
by its name and fields, so that a timeline is never cut short.
"""

from __future__ import annotations

from functools import singledispatch

import msgspec

from download_licensing.debugging.wording import moment, span, until
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
from helenus.events import Event


@singledispatch
def sentence(event: Event, aggregate_id: str) -> str:
    """What an event says, as a sentence.

    Args:
        event: the event.
        aggregate_id: of the aggregate it is addressed to: the licence, the device, the title.
    """
    fields = msgspec.json.encode(msgspec.structs.asdict(event)).decode()
    return f"{event.event_name} of {aggregate_id}: {fields}."


@sentence.register
def _(event: AccountOpened, aggregate_id: str) -> str:
    country = f" in {event.country}" if event.country else ""
    return f"The account was opened{country} with the plan {event.plan}."


@sentence.register
def _(event: RegionChanged, aggregate_id: str) -> str:
    country = event.country or "no country that was told"
    return f"The customer's region became {country}, with months by {event.time_zone}."


@sentence.register
def _(event: StandingChanged, aggregate_id: str) -> str:
    return f"The account's standing became {event.standing}."


@sentence.register
def _(event: AccountBlocked, aggregate_id: str) -> str:
    return f"An operator blocked the account: {event.reason.rstrip('.')}."


@sentence.register
def _(event: AccountUnblocked, aggregate_id: str) -> str:
    return "An operator ended the block of the account."


@sentence.register
def _(event: DeviceRegistered, aggregate_id: str) -> str:
    return f"Device {event.device_id} was registered: the account did not have it."


@sentence.register
def _(event: DeviceRemoved, aggregate_id: str) -> str:
    return f"Device {event.device_id} was removed from the account."


@sentence.register
def _(event: DownloadCounted, aggregate_id: str) -> str:
    return (
        f"A download of {aggregate_id} was counted, for licence {event.license_id}"
        f" on device {event.device_id}."
    )


@sentence.register
def _(event: DownloadHeld, aggregate_id: str) -> str:
    return (
        f"Device {aggregate_id} holds {event.title_id} by licence {event.license_id},"
        f" {until(event.expires_at)}."
    )


@sentence.register
def _(event: DownloadShortened, aggregate_id: str) -> str:
    return (
        f"Device {aggregate_id} holds licence {event.license_id} only {until(event.expires_at)},"
        " as it was played."
    )


@sentence.register
def _(event: DownloadDropped, aggregate_id: str) -> str:
    return f"Device {aggregate_id} holds licence {event.license_id} no longer."


@sentence.register
def _(event: LicenseIssued, aggregate_id: str) -> str:
    window = (
        f"to be played within {span(event.playback_window_s)} of the first play"
        if event.playback_window_s
        else "without a playback window"
    )
    renewals = (
        "renewals not limited"
        if event.renewals_max is None
        else f"{event.renewals_max} renewal(s) allowed"
    )
    return (
        f"Licence {aggregate_id} was issued for {event.title_id} on device {event.device_id},"
        f" {until(event.expires_at)}, {window}, {renewals}."
    )


@sentence.register
def _(event: FirstPlayReported, aggregate_id: str) -> str:
    clock = (
        ""
        if event.reported_at_device == event.played_at
        else f" (the device's clock said {moment(event.reported_at_device)})"
    )
    return (
        f"Licence {aggregate_id} was first played at {moment(event.played_at)}{clock};"
        f" it may be played {until(event.playback_ends_at)}."
    )


@sentence.register
def _(event: LicenseRenewed, aggregate_id: str) -> str:
    how = "refreshed after it had expired" if event.refresh else "renewed"
    return f"Licence {aggregate_id} was {how}; it lasts {until(event.expires_at)}."


@sentence.register
def _(event: LicenseReleased, aggregate_id: str) -> str:
    why = {
        "deleted": "the download was deleted",
        "device-removed": "its device was removed",
    }.get(event.reason, event.reason)
    clock = (
        ""
        if event.released_at_device is None
        else f" (the device's clock said {moment(event.released_at_device)})"
    )
    return f"Licence {aggregate_id} was released: {why}{clock}."


@sentence.register
def _(event: LicenseRevoked, aggregate_id: str) -> str:
    return f"An operator revoked licence {aggregate_id}: {event.reason.rstrip('.')}."


@sentence.register
def _(event: SessionReported, aggregate_id: str) -> str:
    return (
        f"Session {event.session_id} of licence {aggregate_id}, begun at"
        f" {moment(event.started_at)}, was {event.state} at {moment(event.last_at)}."
    )


@sentence.register
def _(event: PlayCounted, aggregate_id: str) -> str:
    session = f", session {event.session_id}" if event.session_id else ""
    return (
        f"A play of {aggregate_id} at {moment(event.played_at)} was counted"
        f" (licence {event.license_id}{session})."
    )


@sentence.register
def _(event: PlanChanged, aggregate_id: str) -> str:
    return f"The account's plan became {event.plan}."


@sentence.register
def _(event: DownloadsEnded, aggregate_id: str) -> str:
    ended = ", ".join(f"{license_id} at {moment(end)}" for license_id, end in event.ends.items())
    return f"Downloads on device {aggregate_id} ended early: {ended or 'none'}."


@sentence.register
def _(event: LicenseCut, aggregate_id: str) -> str:
    why = {
        "title-withdrawn": "its title was withdrawn",
        "account-cancelled": "the account was cancelled",
    }.get(event.reason, event.reason)
    return f"Licence {aggregate_id} ended early, at {moment(event.ends_at)}: {why}."


@sentence.register
def _(event: TitleWithdrawn, aggregate_id: str) -> str:
    return f"An operator withdrew the title {aggregate_id}: {event.reason.rstrip('.')}."


@sentence.register
def _(event: TitleReinstated, aggregate_id: str) -> str:
    return f"An operator reinstated the title {aggregate_id}."
