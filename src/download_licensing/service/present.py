"""Turns aggregates and situations into answers."""

from __future__ import annotations

from datetime import datetime

from download_licensing.domain.account import Account
from download_licensing.domain.device import Device
from download_licensing.domain.license import License
from download_licensing.domain.nearing import Nearing, nearing
from download_licensing.domain.policy import Terms
from download_licensing.domain.refusals import DownloadRefused, Refusal, TitleWithdrawn
from download_licensing.domain.rules import RULES
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.sessions import Session
from download_licensing.domain.situation import Aggregates, Situation
from download_licensing.domain.times import day_of, seconds_until
from download_licensing.domain.unmet import Unmet
from download_licensing.service import answers


def account(customer_id: str, held: Account) -> answers.Account:
    """The answer about an open account."""
    assert held.opened_at is not None
    return answers.Account(
        customer_id=customer_id,
        plan=held.plan,
        opened_at=held.opened_at,
        country=held.country or None,
        time_zone=held.time_zone,
        standing=held.standing,
        blocked=held.blocked or None,
    )


def license(customer_id: str, held: License, at: datetime) -> answers.License:
    """The answer about an issued licence at a time."""
    assert held.issued_at is not None
    ended = held.ended_at is not None
    return answers.License(
        license_id=held.id,
        customer_id=customer_id,
        device_id=held.device_id,
        title_id=held.title_id,
        state=_state(held, at),
        issued_at=held.issued_at,
        expires_at=held.expires_at,
        first_played_at=held.first_played_at,
        playback_window_s=held.playback_window_s,
        playback_ends_at=held.playback_ends_at,
        effective_expires_at=held.effective_expires_at,
        license_remaining_s=0 if ended else _license_remaining_s(held, at),
        playback_remaining_s=0 if ended else _playback_remaining_s(held, at),
        renewals_used=held.renewals_used,
        renewals_left=held.renewals_left,
        released_at=held.released_at,
        release_reason=held.release_reason,
        revoked_at=held.revoked_at,
        revoke_reason=held.revoke_reason or None,
        cut_reason=held.cut_reason,
        policy_version=held.policy_version,
    )


def remaining(held: License, at: datetime) -> answers.Remaining:
    """The answer to what remains of a licence at a time."""
    told = license("", held, at)
    return answers.Remaining(
        license_id=held.id,
        state=told.state,
        at=at,
        license_remaining_s=told.license_remaining_s,
        playback_remaining_s=told.playback_remaining_s,
    )


def session(session_id: str, known: Session | None) -> answers.Session | None:
    """The answer about a playback session, if it is known."""
    if known is None:
        return None
    return answers.Session(
        session_id=session_id,
        state=known.state,
        started_at=known.started_at,
        last_event_at=known.last_at,
    )


def item(
    kind: answers.ItemKind,
    item_id: str,
    held: License,
    outcome: answers.ItemOutcome,
    grant: answers.Grant | None,
    *,
    at: datetime,
) -> answers.SyncedItem:
    """The answer about an item that was taken in, and the licence it is about."""
    return answers.SyncedItem(
        item_id=item_id,
        kind=kind,
        license_id=held.id,
        outcome=outcome,
        state=_state(held, at),
        effective_expires_at=held.effective_expires_at,
        grant=grant,
    )


def refused_item(
    kind: answers.ItemKind,
    item_id: str,
    license_id: str,
    refusal: Refusal,
    *,
    at: datetime,
    position: int,
) -> answers.SyncedItem:
    """The answer about an item that was not carried out.

    Args:
        kind: of the item.
        item_id: the device's.
        license_id: that it is about.
        refusal: of it alone.
        at: the time of the decision.
        position: of the last event it was decided on, which may be one of the items before it.
    """
    decided = refusal if isinstance(refusal, DownloadRefused | TitleWithdrawn) else None
    unmet = decided.unmet if decided else ()
    return answers.SyncedItem(
        item_id=item_id,
        kind=kind,
        license_id=license_id,
        outcome="refused",
        refusal=answers.ItemRefusal(
            reason=unmet[0].reason if unmet else refusal.reason,
            detail=refusal.detail,
            remedy=refusal.remedy or "",
            unmet=unmet,
            policy_version=decided.policy_version if decided else "",
            at=at if decided else None,
            position=position if decided else 0,
        ),
    )


def _state(held: License, at: datetime) -> answers.LicenseState:
    if held.released_at is not None:
        return "released"
    if held.revoked_at is not None:
        return "revoked"
    return "active" if held.active(at) else "expired"


def _license_remaining_s(held: License, at: datetime) -> int | None:
    return None if held.expires_at is None else seconds_until(held.expires_at, at)


def _playback_remaining_s(held: License, at: datetime) -> int | None:
    if held.playback_ends_at is not None:
        return seconds_until(held.playback_ends_at, at)
    return held.playback_window_s or None


def grant(
    customer_id: str,
    held: License,
    situation: Situation,
    plan_id: str,
    terms: Terms,
    *,
    downloads: int,
    renewals: int = 0,
) -> answers.Grant:
    """The answer to a request or renewal that was granted.

    Args:
        customer_id: whose licence it is.
        held: the licence, as granted.
        situation: as it was before the grant.
        plan_id: the customer's.
        terms: that it was decided on.
        downloads: how many downloads the grant counted.
        renewals: how many renewals.
    """
    assert held.issued_at is not None
    following = situation.next(downloads=downloads, renewals=renewals)
    on_device = len(situation.others_on_device) + 1
    in_use = len(situation.other_devices_until) + 1
    warnings = _warnings(terms, following)
    if held.renewals_left == 0 and held.renewals_max:
        warnings.append(_LAST_RENEWAL)
    return answers.Grant(
        license_id=held.id,
        customer_id=customer_id,
        device_id=held.device_id,
        title_id=held.title_id,
        plan=plan_id,
        issued_at=held.issued_at,
        renewed_at=held.extended_at if held.renewals_used else None,
        expires_at=held.expires_at,
        playback_window_s=held.playback_window_s,
        playback_ends_at=held.playback_ends_at,
        renewals_left=held.renewals_left,
        downloads_left_this_year=_left(_downloads_max(terms), len(following.counted)),
        active_downloads_left_on_device=_left(_active_max(terms), on_device),
        devices_left=_left(_devices_max(terms), in_use),
        warnings=tuple(warnings),
        policy_version=terms.policy_version,
    )


def preview_of_grant(granted: answers.Grant, at: datetime, position: int) -> answers.Preview:
    """The answer to what would be, where that is a grant."""
    said = {name: getattr(granted, name) for name in answers.Previewed.__struct_fields__}
    return answers.Preview(
        allowed=True,
        grant=answers.Previewed(**said),
        refusals=(),
        policy_version=granted.policy_version,
        at=at,
        position=position,
    )


def preview_of_refusal(refusal: DownloadRefused, at: datetime) -> answers.Preview:
    """The answer to what would be, where that is a refusal."""
    return answers.Preview(
        allowed=False,
        grant=None,
        refusals=refusal.unmet,
        policy_version=refusal.policy_version,
        at=refusal.at or at,
        position=refusal.position,
    )


def allowance(
    title_id: str, device_id: str, situation: Situation, terms: Terms, unmet: tuple[Unmet, ...]
) -> answers.Allowance:
    """The answer to what is left."""
    on_device = len(situation.others_on_device)
    following = situation.next(downloads=0, renewals=0)
    warnings = [] if unmet else _warnings(terms, following)
    return answers.Allowance(
        title_id=title_id,
        device_id=device_id,
        allowed=not unmet,
        refusals=unmet,
        downloads_left_this_year=_left(_downloads_max(terms), len(situation.counted)),
        active_downloads_left_on_device=_left(_active_max(terms), on_device),
        devices_left=_left(_devices_max(terms), situation.devices_in_use),
        warnings=tuple(warnings),
        policy_version=terms.policy_version,
    )


def devices(aggregates: Aggregates, held: Account, terms: Terms, at: datetime) -> answers.Devices:
    """The answer about the devices of an account at a time."""
    listed = [
        answers.Device(
            device_id=device_id,
            registered_at=registration.registered_at,
            removed_at=registration.removed_at,
            active_downloads=(active := len(aggregates.get(Device, device_id).active_ends(at))),
            holds_slot=active > 0,
        )
        for device_id, registration in held.devices.items()
    ]
    return answers.Devices(
        plan=held.plan,
        devices_max=_devices_max(terms),
        devices_in_use=sum(device.holds_slot for device in listed),
        devices=tuple(listed),
    )


def plan_changed(
    customer_id: str, aggregates: Aggregates, held: Account, terms: Terms, at: datetime
) -> answers.PlanChanged:
    """The answer to a change of plan; the terms are those of the new one."""
    told = devices(aggregates, held, terms, at)
    limit, used = told.devices_max, told.devices_in_use
    fits = limit is None or used <= limit
    return answers.PlanChanged(
        account=account(customer_id, held),
        devices_max=limit,
        devices_in_use=used,
        fits=fits,
        message=_FITS
        if fits
        else f"Downloads are on {used} devices; the plan allows {limit}. They stay until they end."
        f" Nothing is downloaded or renewed until they are on {limit}.",
    )


_FITS = "The devices in use fit the plan."


def _devices_max(terms: Terms) -> int | None:
    rule = terms.get(DeviceLimit)
    return None if rule is None else rule.devices_max


def _active_max(terms: Terms) -> int | None:
    rule = terms.get(ActiveDownloadsPerDevice)
    return None if rule is None else rule.downloads_max


def _downloads_max(terms: Terms) -> int | None:
    rule = terms.get(TitleDownloadsPerYear)
    return None if rule is None else rule.downloads_max


def _left(limit: int | None, used: int) -> int | None:
    return None if limit is None else max(0, limit - used)


WARNING_CODES = (
    *[
        code
        for rule in RULES
        if rule.counted is not None
        for code in (f"last-{rule.counted.code}", f"no-{rule.counted.code}-left")
    ],
    "last-renewal",
)
"""Every warning that there is."""

_LAST_RENEWAL = answers.Warning(
    code="last-renewal", message="This was the last renewal of this download.", until=None
)


def _warnings(terms: Terms, situation: Situation) -> list[answers.Warning]:
    """Warn where at most one more is left before a date.

    Args:
        terms: that hold.
        situation: as the next request finds it.
    """
    return [_warning(near, situation.time_zone) for near in nearing(terms.rules, situation)]


def _warning(near: Nearing, time_zone: str) -> answers.Warning:
    counted, until = near.counted, near.until
    before = "" if until is None else f" before {day_of(until, time_zone)}"
    if near.left:
        code, message = f"last-{counted.code}", f"Only {near.left} more {counted.noun}{before}."
    else:
        code, message = f"no-{counted.code}-left", f"No further {counted.noun}{before}."
    return answers.Warning(code=code, message=message, until=until)
