"""The answers of the service as its contract promises them; what is missing or mistyped is refused.

Texts for people (titles, details, messages) are left out: nothing is judged by them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Unmet(msgspec.Struct, frozen=True):
    """One restriction that was not met."""

    reason: str
    rule: str
    limit: int | None
    used: int | None
    resets_at: datetime | None


class Refusal(msgspec.Struct, frozen=True):
    """403: every unmet restriction, the first one repeated on top."""

    type: str
    status: int
    reason: str
    rule: str
    limit: int | None
    used: int | None
    resets_at: datetime | None
    unmet: list[Unmet]
    policy_version: str
    at: datetime
    position: int


class Problem(msgspec.Struct, frozen=True):
    """Any other problem document."""

    type: str
    title: str
    status: int


class Account(msgspec.Struct, frozen=True):
    """A member's account."""

    customer_id: str
    plan: str
    opened_at: datetime
    country: str | None
    time_zone: str
    standing: str
    blocked: str | None


class Plan(msgspec.Struct, frozen=True):
    """The answer to a change of plan."""

    account: Account
    devices_max: int | None
    devices_in_use: int
    fits: bool


class Warned(msgspec.Struct, frozen=True):
    """A warning that came with a grant."""

    code: str
    until: datetime | None


class Grant(msgspec.Struct, frozen=True):
    """A download permission, issued or renewed; what is left is counted after it."""

    license_id: str
    customer_id: str
    device_id: str
    title_id: str
    plan: str
    issued_at: datetime
    expires_at: datetime | None
    playback_window_s: float
    playback_ends_at: datetime | None
    renewals_left: int | None
    downloads_left_this_year: int | None
    active_downloads_left_on_device: int | None
    devices_left: int | None
    warnings: list[Warned]
    policy_version: str


class License(msgspec.Struct, frozen=True):
    """A licence as it stands at the moment of the answer."""

    license_id: str
    customer_id: str
    device_id: str
    title_id: str
    state: Literal["active", "expired", "released", "revoked"]
    issued_at: datetime
    expires_at: datetime | None
    first_played_at: datetime | None
    playback_window_s: float
    playback_ends_at: datetime | None
    effective_expires_at: datetime | None
    license_remaining_s: float | None
    playback_remaining_s: float | None
    renewals_used: int
    renewals_left: int | None
    released_at: datetime | None
    release_reason: str | None
    revoked_at: datetime | None
    revoke_reason: str | None
    cut_reason: str | None
    policy_version: str


class SessionKept(msgspec.Struct, frozen=True):
    """A playback session as far as it is known."""

    session_id: str
    state: Literal["playing", "paused", "stopped"]
    started_at: datetime
    last_event_at: datetime


class Session(msgspec.Struct, frozen=True):
    """The answer to a report of a session."""

    license: License
    session: SessionKept | None
    news: bool


class ItemRefusal(msgspec.Struct, frozen=True):
    """Why an item of a sync was not carried out.

    Where nothing was decided, since the licence had ended, it names no policy, time or position.
    """

    reason: str
    unmet: list[Unmet]
    policy_version: str
    at: datetime | None
    position: int


class SyncedItem(msgspec.Struct, frozen=True):
    """What became of an item of a sync."""

    item_id: str
    kind: str
    license_id: str
    outcome: Literal["done", "repeated", "too-old", "refused"]
    state: str | None
    effective_expires_at: datetime | None
    refusal: ItemRefusal | None
    grant: Grant | None


class Synced(msgspec.Struct, frozen=True):
    """The answer to a sync: its items in the order in which they were decided."""

    customer_id: str
    device_id: str
    items: list[SyncedItem]


class Renewed(msgspec.Struct, frozen=True):
    """The answer to renewals in bulk: its items in the order in which they were asked for."""

    customer_id: str
    items: list[SyncedItem]


class Withdrawal(msgspec.Struct, frozen=True):
    """How a title stands after it was withdrawn or reinstated."""

    title_id: str
    withdrawn_at: datetime | None
    reason: str | None


class Removal(msgspec.Struct, frozen=True):
    """A removed device, and the licences that were released with it."""

    device_id: str
    released_licenses: list[str]


class DeviceLine(msgspec.Struct, frozen=True):
    """One device of an account."""

    device_id: str
    registered_at: datetime
    removed_at: datetime | None
    active_downloads: int
    holds_slot: bool


class Devices(msgspec.Struct, frozen=True):
    """The devices of an account."""

    plan: str
    devices_max: int | None
    devices_in_use: int
    devices: list[DeviceLine]


class Allowance(msgspec.Struct, frozen=True):
    """What is left, as if a download were requested now."""

    title_id: str
    device_id: str
    allowed: bool
    refusals: list[Unmet]
    downloads_left_this_year: int | None
    active_downloads_left_on_device: int | None
    devices_left: int | None
    policy_version: str


Body = (
    Refusal
    | Problem
    | Account
    | Plan
    | Grant
    | License
    | Session
    | Synced
    | Renewed
    | Withdrawal
    | Removal
    | Devices
    | Allowance
)
"""What an answer may hold, by the call and the status: see `body_type`."""

_RIGHT: dict[str, type[Body]] = {
    "open": Account,
    "plan": Plan,
    "region": Account,
    "standing": Account,
    "block": Account,
    "unblock": Account,
    "request": Grant,
    "renew": Grant,
    "play": License,
    "release": License,
    "revoke": License,
    "session": Session,
    "sync": Synced,
    "remove": Removal,
    "license": License,
    "devices": Devices,
    "allowance": Allowance,
    "renewals": Renewed,
    "withdraw": Withdrawal,
    "reinstate": Withdrawal,
}


def body_type(call: str, status: int) -> type[Body]:
    """The type of the body that a call is answered with."""
    if status < 300:
        return _RIGHT[call]
    return Refusal if status == 403 else Problem


_DECODERS: dict[type[Body], msgspec.json.Decoder[Body]] = {
    body: msgspec.json.Decoder(body) for body in (*set(_RIGHT.values()), Refusal, Problem)
}


def decode_body(call: str, status: int, content: bytes | msgspec.Raw) -> Body:
    """Read the body of an answer.

    Raises:
        msgspec.DecodeError: it is not JSON, or lacks a field, or one has a wrong type.
    """
    return _DECODERS[body_type(call, status)].decode(content)
