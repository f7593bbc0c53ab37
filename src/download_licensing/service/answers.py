"""Answers: what commands and queries give back. Times are UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from download_licensing.domain.events import CutReason, Standing
from download_licensing.domain.sessions import SessionState
from download_licensing.domain.unmet import Unmet

__all__ = [
    "Account",
    "AccountOpened",
    "Allowance",
    "Device",
    "DeviceRemoved",
    "Devices",
    "Grant",
    "ItemKind",
    "ItemOutcome",
    "ItemRefusal",
    "License",
    "LicenseState",
    "LicenseToken",
    "PlanChanged",
    "Preview",
    "Previewed",
    "Remaining",
    "Renewed",
    "Session",
    "SessionReported",
    "Synced",
    "SyncedItem",
    "Unmet",
    "Warning",
    "Withdrawal",
    "Withdrawals",
]

ItemKind = Literal["release", "play", "session", "renewal"]
ItemOutcome = Literal["done", "repeated", "too-old", "refused"]
LicenseState = Literal["active", "expired", "released", "revoked"]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all answers."""


class Account(Answer, frozen=True, kw_only=True):
    """An open account.

    Attributes:
        country: ISO 3166-1 alpha-2; None: not told.
        time_zone: IANA; calendar months are counted in it.
        standing: as billing told it.
        blocked: why an operator stopped downloads; None: not blocked.
    """

    customer_id: str
    plan: str
    opened_at: datetime
    country: str | None = None
    time_zone: str = "UTC"
    standing: Standing = "good"
    blocked: str | None = None


class AccountOpened(Answer, frozen=True, kw_only=True):
    """The answer to `OpenAccount`.

    Attributes:
        account: the account.
        created: whether this command opened it; False: it was open with this plan.
    """

    account: Account
    created: bool


class Warning(Answer, frozen=True, kw_only=True):  # noqa: A001  # the domain's word
    """What the customer should be told before a limit is reached.

    Attributes:
        code: for programs; `WARNING_CODES` in `present` has all.
        message: for people.
        until: when it no longer holds; None: never by waiting.
    """

    code: str
    message: str
    until: datetime | None


class Grant(Answer, frozen=True, kw_only=True):
    """A download permission: what was granted, and what is left after it.

    Attributes:
        renewed_at: when this renewal extended the licence; None: it was issued, not renewed.
        expires_at: when the licence ends if its playback window does not end first; None: never.
        playback_window_s: seconds from the first play on, 0: unlimited.
        playback_ends_at: end of the playback window once it has started.
        renewals_left: None: not limited.
        downloads_left_this_year: of the title; None: not limited.
        active_downloads_left_on_device: None: not limited.
        devices_left: None: not limited.
        policy_version: of the policy that allowed it.
        token: this grant, signed, for the device to rely on (docs/licensing/answers.md). It is made
            after the decision and not recorded; "" where the service signs none.
    """

    license_id: str
    customer_id: str
    device_id: str
    title_id: str
    plan: str
    issued_at: datetime
    renewed_at: datetime | None = None
    expires_at: datetime | None
    playback_window_s: int
    playback_ends_at: datetime | None
    renewals_left: int | None
    downloads_left_this_year: int | None
    active_downloads_left_on_device: int | None
    devices_left: int | None
    warnings: tuple[Warning, ...]
    policy_version: str = ""
    token: str = ""


class License(Answer, frozen=True, kw_only=True):
    """A licence as it stands at the time asked.

    Attributes:
        effective_expires_at: the earlier of licence end and playback window end; None: never.
        license_remaining_s: whole seconds to the licence's end; None: unlimited; 0 once released or
            revoked.
        playback_remaining_s: whole seconds to the end of the playback window, all of it before the
            first play; None: unlimited; 0 once released or revoked.
        renewals_left: None: not limited.
        policy_version: of the policy that allowed the grant or the last renewal; "": it was granted
            before there were any.
    """

    license_id: str
    customer_id: str
    device_id: str
    title_id: str
    state: LicenseState
    issued_at: datetime
    expires_at: datetime | None
    first_played_at: datetime | None
    playback_window_s: int
    playback_ends_at: datetime | None
    effective_expires_at: datetime | None
    license_remaining_s: int | None
    playback_remaining_s: int | None
    renewals_used: int
    renewals_left: int | None
    released_at: datetime | None
    release_reason: Literal["deleted", "device-removed"] | None
    revoked_at: datetime | None = None
    revoke_reason: str | None = None
    cut_reason: CutReason | None = None
    policy_version: str = ""


class Session(Answer, frozen=True, kw_only=True):
    """A playback session as far as it is known. Times as counted.

    Attributes:
        state: stopped is for good.
        last_event_at: of its latest event.
    """

    session_id: str
    state: SessionState
    started_at: datetime
    last_event_at: datetime


class SessionReported(Answer, frozen=True, kw_only=True):
    """The answer to `ReportSession`.

    Attributes:
        license: as it stands now.
        session: as it stands now; None: it is too old to tell whether it was counted before, so
            nothing was taken in.
        news: whether the report told something that was not known.
    """

    license: License
    session: Session | None
    news: bool


class Remaining(Answer, frozen=True, kw_only=True):
    """What remains of a licence and of its playback window, each by itself.

    Attributes:
        at: when that was so.
        license_remaining_s: whole seconds to the licence's end; None: unlimited; 0 once released or
            revoked.
        playback_remaining_s: whole seconds to the end of the playback window, all of it before the
            first play; None: unlimited; 0 once released or revoked.
    """

    license_id: str
    state: LicenseState
    at: datetime
    license_remaining_s: int | None
    playback_remaining_s: int | None


class LicenseToken(Answer, frozen=True, kw_only=True):
    """The token of a licence as it stands: where its window has started, it says when that ends.

    Attributes:
        token: as that of a grant.
    """

    license_id: str
    token: str


class ItemRefusal(Answer, frozen=True, kw_only=True):
    """Why an item was not carried out: in parts what the problem of the single operation says.

    Attributes:
        reason: for programs; of several unmet rules, the first.
        unmet: the rules that are not met.
        policy_version: of the policy that it was decided by; "": no rule was asked.
        at: the time it was decided as of; None: it is about a licence that there is not, or that
            ended.
        position: of the customer's last event that it was decided on, which may be one that an
            item before it recorded; 0: as of `at`.
    """

    reason: str
    detail: str
    remedy: str
    unmet: tuple[Unmet, ...] = ()
    policy_version: str = ""
    at: datetime | None = None
    position: int = 0


class SyncedItem(Answer, frozen=True, kw_only=True):
    """What became of an item.

    Attributes:
        outcome: done; repeated: it was carried out before, or changes nothing; too-old: a session
            that may be one of those forgotten, so it was not counted; refused: see `refusal`.
        state: of the licence, now; None: refused.
        effective_expires_at: of the licence, now; None: never, or refused.
        grant: of a renewal.
    """

    item_id: str
    kind: ItemKind
    license_id: str
    outcome: ItemOutcome
    state: LicenseState | None = None
    effective_expires_at: datetime | None = None
    grant: Grant | None = None
    refusal: ItemRefusal | None = None


class Synced(Answer, frozen=True, kw_only=True):
    """The answer to `Sync`.

    Attributes:
        items: in the order in which they were decided.
    """

    customer_id: str
    device_id: str
    items: tuple[SyncedItem, ...]


class Renewed(Answer, frozen=True, kw_only=True):
    """The answer to `RenewLicenses`.

    Attributes:
        items: in the order in which they were asked for.
    """

    customer_id: str
    items: tuple[SyncedItem, ...]


class PlanChanged(Answer, frozen=True, kw_only=True):
    """The answer to `ChangePlan`.

    Attributes:
        devices_max: of the new plan; None: not limited.
        devices_in_use: that have active downloads, which stay until they end.
        fits: whether they are no more than the new plan allows. If not, nothing is granted or
            renewed until they are.
        message: what that means, for people.
    """

    account: Account
    devices_max: int | None
    devices_in_use: int
    fits: bool
    message: str


class Withdrawal(Answer, frozen=True, kw_only=True):
    """How a title stands.

    Attributes:
        withdrawn_at: when its downloads ended; None: it is not withdrawn.
        reason: the operator's.
    """

    title_id: str
    withdrawn_at: datetime | None
    reason: str | None


class Withdrawals(Answer, frozen=True, kw_only=True):
    """The titles that are withdrawn, by id."""

    titles: tuple[Withdrawal, ...]


class Device(Answer, frozen=True, kw_only=True):
    """A device of the account.

    Attributes:
        holds_slot: whether it counts against the devices of the plan.
    """

    device_id: str
    registered_at: datetime
    removed_at: datetime | None
    active_downloads: int
    holds_slot: bool


class Devices(Answer, frozen=True, kw_only=True):
    """The devices of an account, in the order in which they were first registered.

    Attributes:
        devices_max: None: not limited.
    """

    plan: str
    devices_max: int | None
    devices_in_use: int
    devices: tuple[Device, ...]


class DeviceRemoved(Answer, frozen=True, kw_only=True):
    """The answer to `RemoveDevice`: the licences that this command released."""

    device_id: str
    released_licenses: tuple[str, ...]


class Allowance(Answer, frozen=True, kw_only=True):
    """What is left of a title on a device, and whether a request would be granted now.

    Attributes:
        refusals: the rules that a request would not meet.
        downloads_left_this_year: of the title; None: not limited.
        active_downloads_left_on_device: None: not limited.
        devices_left: None: not limited.
        policy_version: of the policy that says so.
    """

    title_id: str
    device_id: str
    allowed: bool
    refusals: tuple[Unmet, ...]
    downloads_left_this_year: int | None
    active_downloads_left_on_device: int | None
    devices_left: int | None
    warnings: tuple[Warning, ...]
    policy_version: str = ""


class Previewed(Answer, frozen=True, kw_only=True):
    """What a grant would say. See `Grant` for each of these."""

    expires_at: datetime | None
    playback_window_s: int
    playback_ends_at: datetime | None
    renewals_left: int | None
    downloads_left_this_year: int | None
    active_downloads_left_on_device: int | None
    devices_left: int | None
    warnings: tuple[Warning, ...]


class Preview(Answer, frozen=True, kw_only=True):
    """What a request or renewal would be answered. Nothing was recorded.

    Attributes:
        allowed: whether it would be granted.
        grant: what is left after it; None: it would be refused.
        refusals: the rules that it would not meet; none: it would be granted.
        policy_version: of the policy that says so.
        at: the time that it was decided as of.
        position: of the customer's last event that it was decided on.
    """

    allowed: bool
    grant: Previewed | None
    refusals: tuple[Unmet, ...]
    policy_version: str
    at: datetime
    position: int
