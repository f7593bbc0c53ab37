"""What the service recorded, as the oracle reads it: events, and the commands they belong to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

import msgspec

SessionState = Literal["playing", "paused", "stopped"]


class RecordedEvent(msgspec.Struct, frozen=True):
    """One line of an export, or one entry of a history answer."""

    position: int
    aggregate_type: str
    aggregate_id: str
    name: str
    commit_id: str
    recorded_at: datetime
    command_id: str | None
    data: msgspec.Raw
    stream: str = ""


class AccountOpened(msgspec.Struct, frozen=True):
    """The account was opened."""

    plan: str
    at: datetime
    country: str
    time_zone: str


class RegionChanged(msgspec.Struct, frozen=True):
    """The customer lives elsewhere."""

    country: str
    time_zone: str
    at: datetime


class PlanChanged(msgspec.Struct, frozen=True):
    """The customer pays for another plan."""

    plan: str
    at: datetime


class StandingChanged(msgspec.Struct, frozen=True):
    """Billing told how the customer stands."""

    standing: str
    at: datetime


class AccountBlocked(msgspec.Struct, frozen=True):
    """An operator stopped downloads."""

    reason: str
    at: datetime


class AccountUnblocked(msgspec.Struct, frozen=True):
    """An operator allowed downloads again."""

    at: datetime


class DeviceRegistered(msgspec.Struct, frozen=True):
    """A device came with its first grant."""

    device_id: str
    at: datetime


class DeviceRemoved(msgspec.Struct, frozen=True):
    """A device was removed."""

    device_id: str
    at: datetime


class DownloadCounted(msgspec.Struct, frozen=True):
    """A title was downloaded; the aggregate's id is the title's."""

    license_id: str
    device_id: str
    at: datetime


class PlayCounted(msgspec.Struct, frozen=True):
    """A title was played; the aggregate's id is the title's."""

    license_id: str
    session_id: str
    played_at: datetime
    at: datetime


class DownloadHeld(msgspec.Struct, frozen=True):
    """A device, the aggregate, holds a licence until it expires."""

    license_id: str
    title_id: str
    expires_at: datetime | None
    at: datetime


class DownloadsEnded(msgspec.Struct, frozen=True):
    """Licences that a device, the aggregate, holds ended early: when, by licence."""

    ends: dict[str, datetime]
    at: datetime


class DownloadDropped(msgspec.Struct, frozen=True):
    """A device holds a licence no longer."""

    license_id: str
    at: datetime


class DownloadShortened(msgspec.Struct, frozen=True):
    """A first play moved the effective expiry of a licence held."""

    license_id: str
    expires_at: datetime
    at: datetime


class LicenseIssued(msgspec.Struct, frozen=True):
    """A licence began; the aggregate's id is its own, as in the next three."""

    title_id: str
    device_id: str
    plan: str
    expires_at: datetime | None
    playback_window_s: float
    renewals_max: int | None
    at: datetime
    policy_version: str


class FirstPlayReported(msgspec.Struct, frozen=True):
    """A playback window began."""

    played_at: datetime
    reported_at_device: datetime
    playback_ends_at: datetime | None
    at: datetime


class LicenseRenewed(msgspec.Struct, frozen=True):
    """A licence was extended; refresh: after it had expired."""

    expires_at: datetime | None
    refresh: bool
    at: datetime
    policy_version: str
    item_id: str = ""


class LicenseReleased(msgspec.Struct, frozen=True):
    """A licence ended for good."""

    reason: str
    released_at_device: datetime | None
    at: datetime


class LicenseCut(msgspec.Struct, frozen=True):
    """A licence had ended early, as is noted now."""

    reason: str
    ends_at: datetime
    at: datetime


class LicenseRevoked(msgspec.Struct, frozen=True):
    """An operator ended a licence for good."""

    reason: str
    at: datetime


class SessionReported(msgspec.Struct, frozen=True):
    """What is known of a playback session after a report."""

    session_id: str
    started_at: datetime
    state: SessionState
    last_at: datetime
    reported_at_device: datetime
    at: datetime


class TitleWithdrawn(msgspec.Struct, frozen=True):
    """An operator withdrew a title, the aggregate, from all customers."""

    reason: str
    at: datetime


class TitleReinstated(msgspec.Struct, frozen=True):
    """A title, the aggregate, can be downloaded again."""

    at: datetime


Fact = (
    AccountOpened
    | PlanChanged
    | RegionChanged
    | StandingChanged
    | AccountBlocked
    | AccountUnblocked
    | DeviceRegistered
    | DeviceRemoved
    | DownloadCounted
    | PlayCounted
    | DownloadHeld
    | DownloadDropped
    | DownloadsEnded
    | DownloadShortened
    | LicenseIssued
    | FirstPlayReported
    | LicenseRenewed
    | LicenseReleased
    | LicenseCut
    | LicenseRevoked
    | SessionReported
    | TitleWithdrawn
    | TitleReinstated
)

_FACTS: dict[tuple[str, str], type[Fact]] = {
    ("account", "account-opened"): AccountOpened,
    ("account", "plan-changed"): PlanChanged,
    ("account", "region-changed"): RegionChanged,
    ("account", "standing-changed"): StandingChanged,
    ("account", "account-blocked"): AccountBlocked,
    ("account", "account-unblocked"): AccountUnblocked,
    ("account", "device-registered"): DeviceRegistered,
    ("account", "device-removed"): DeviceRemoved,
    ("downloaded-title", "download-counted"): DownloadCounted,
    ("downloaded-title", "play-counted"): PlayCounted,
    ("device", "download-held"): DownloadHeld,
    ("device", "downloads-ended"): DownloadsEnded,
    ("device", "download-dropped"): DownloadDropped,
    ("device", "download-shortened"): DownloadShortened,
    ("license", "license-issued"): LicenseIssued,
    ("license", "first-play-reported"): FirstPlayReported,
    ("license", "license-renewed"): LicenseRenewed,
    ("license", "license-released"): LicenseReleased,
    ("license", "license-cut"): LicenseCut,
    ("license", "license-revoked"): LicenseRevoked,
    ("license", "session-reported"): SessionReported,
    ("title-withdrawal", "title-withdrawn"): TitleWithdrawn,
    ("title-withdrawal", "title-reinstated"): TitleReinstated,
}
_DECODERS = {key: msgspec.json.Decoder(fact) for key, fact in _FACTS.items()}


class Told(msgspec.Struct, frozen=True):
    """A fact with the aggregate it is addressed to."""

    name: str
    aggregate_id: str
    fact: Fact


class Deed(msgspec.Struct):
    """All that one command recorded.

    Attributes:
        command_id: the idempotency key; "" when none was recorded.
        first: position of its first event.
        last: position of its last event.
        told: its facts, in order.
    """

    command_id: str
    first: int
    last: int
    told: list[Told]

    def names(self) -> Counter[str]:
        """How often each event name occurs."""
        return Counter(told.name for told in self.told)

    def ats(self) -> set[datetime]:
        """The decision times its facts name; one, if it is right."""
        return {told.fact.at for told in self.told}


class UnreadableEvent(Exception):
    """An event that the contract does not know; the message says which, and why."""


def tell(event: RecordedEvent) -> Told:
    """Read an event's data.

    Raises:
        UnreadableEvent: its name, aggregate type or fields are not the contract's.
    """
    decoder = _DECODERS.get((event.aggregate_type, event.name))
    if decoder is None:
        raise UnreadableEvent(
            f"no event {event.name!r} on aggregate {event.aggregate_type!r} is known"
        )
    try:
        return Told(event.name, event.aggregate_id, decoder.decode(event.data))
    except msgspec.ValidationError as error:
        raise UnreadableEvent(f"{event.name}: {error}") from error


def deeds_of(events: Sequence[RecordedEvent]) -> Iterable[Deed]:
    """Group the events of a stream by the command that recorded them, in order.

    Raises:
        UnreadableEvent: see `tell`.
    """
    deed: Deed | None = None
    commit_id = ""
    for event in events:
        command_id = event.command_id or ""
        if deed is None or (commit_id, deed.command_id) != (event.commit_id, command_id):
            if deed is not None:
                yield deed
            deed = Deed(command_id, event.position, event.position, [])
            commit_id = event.commit_id
        deed.told.append(tell(event))
        deed.last = event.position
    if deed is not None:
        yield deed
