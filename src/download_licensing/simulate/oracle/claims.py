"""Is an answer right on a state? For every call, and for answers with and without an effect.

`against` says what speaks against an answer on one state. An answer that changed nothing may be
tried on several states, all those that its request may have met; one on which nothing speaks
against it suffices.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from download_licensing.simulate.oracle import answers, limits
from download_licensing.simulate.oracle.answers import Body, Unmet
from download_licensing.simulate.oracle.journal import Entry
from download_licensing.simulate.oracle.ledger import Ledger, LicenseKept
from download_licensing.simulate.oracle.sessions import session_expected
from download_licensing.simulate.oracle.syncs import item_against
from download_licensing.simulate.oracle.terms import Terms

Contradictions = Iterator[str]

NOTHING_OF_IT = "it was acknowledged, but the stream holds nothing of it"


def against(entry: Entry, body: Body, ledger: Ledger, terms: Terms, position: int) -> str | None:
    """What first speaks against an answer without effect on this state; None: it is right.

    The position is that of the state's last event.
    """
    if isinstance(body, answers.Refusal) and body.position != position:
        return f"it was decided on the state at {body.position}"
    if ledger.plan is None and entry.call != "open":
        return "the account is not open"
    return next(_without_effect(entry, body, ledger, terms), None)


def _without_effect(entry: Entry, body: Body, ledger: Ledger, terms: Terms) -> Contradictions:
    match body:
        case answers.Refusal():
            yield from _refusal(entry, body, ledger, terms)
        case answers.Problem():
            yield from _problem(entry, body, ledger)
        case answers.Account() if ledger.plan is None:
            yield NOTHING_OF_IT
        case answers.Account():
            if _asked_of_account(entry, ledger):
                yield NOTHING_OF_IT
            yield from _account(body, ledger)
        case answers.Plan():
            if entry.plan != ledger.plan:
                yield NOTHING_OF_IT
            yield from _plan(body, ledger, terms, entry.at)
        case answers.Grant():
            yield NOTHING_OF_IT
        case answers.License():
            yield from _license_as_it_was(entry, body, ledger)
        case answers.Session():
            yield from _session_as_it_was(entry, body, ledger)
        case answers.Synced():
            for item in body.items:
                if item.outcome == "done":
                    yield NOTHING_OF_IT
                yield from item_against(item, ledger, terms, entry.at)
        case answers.Removal():
            device = ledger.devices.get(entry.device_id)
            if device is None or device.removed_at is None:
                yield NOTHING_OF_IT
        case answers.Devices():
            yield from _devices(body, ledger, terms, entry.at)
        case answers.Allowance():
            yield from _allowance(entry, body, ledger, terms)


class Effect(msgspec.Struct, frozen=True):
    """What a command did.

    Attributes:
        at: the time it was decided by.
        freed: the licences it released.
        news: whether it told something of a session.
    """

    at: datetime
    freed: frozenset[str]
    news: bool


def against_effect(
    entry: Entry, body: Body, ledger: Ledger, terms: Terms, effect: Effect
) -> str | None:
    """The first thing that speaks against an answer on the state right after its effect."""
    return next(_with_effect(entry, body, ledger, terms, effect), None)


def _with_effect(
    entry: Entry, body: Body, ledger: Ledger, terms: Terms, effect: Effect
) -> Contradictions:
    match body:
        case answers.Account():
            yield from _account(body, ledger)
        case answers.Plan():
            yield from _plan(body, ledger, terms, effect.at)
        case answers.Grant() | answers.License() if body.license_id not in ledger.licenses:
            yield NOTHING_OF_IT
        case answers.Grant():
            yield from _grant(body, ledger, terms, effect.at)
        case answers.License():
            yield from _license(body, ledger.licenses[body.license_id], effect.at)
        case answers.Session():
            kept = ledger.licenses[body.license.license_id]
            yield from _differ("news", body.news, effect.news)
            yield from _session(entry, body, kept, effect.at)
        case answers.Synced():
            return  # judged item by item, on the states between
        case answers.Removal():
            yield from _differ("released_licenses", set(body.released_licenses), effect.freed)
        case _:
            yield f"{entry.call} was answered {entry.status}, yet it took effect"


def _account(body: answers.Account, ledger: Ledger) -> Contradictions:
    yield from _differ("plan", body.plan, ledger.plan)
    yield from _differ("opened_at", body.opened_at, ledger.opened_at)
    yield from _differ("country", body.country, ledger.country or None)
    yield from _differ("time_zone", body.time_zone, ledger.time_zone)
    yield from _differ("standing", body.standing, ledger.standing)
    yield from _differ("blocked", body.blocked, ledger.blocked or None)


def _plan(body: answers.Plan, ledger: Ledger, terms: Terms, at: datetime) -> Contradictions:
    yield from _account(body.account, ledger)
    most = limits.holding(ledger, terms, at).most("device-limit", "devices_max")
    in_use = len(ledger.holding(at))
    yield from _differ("devices_max", body.devices_max, most)
    yield from _differ("devices_in_use", body.devices_in_use, in_use)
    yield from _differ("fits", body.fits, most is None or in_use <= most)


def _asked_of_account(entry: Entry, ledger: Ledger) -> bool:
    """Whether the account is not as the call asked for."""
    match entry.call:
        case "region":
            return (entry.country, entry.time_zone) != (ledger.country, ledger.time_zone)
        case "standing":
            return entry.standing != ledger.standing
        case "block":
            return entry.reason != ledger.blocked
        case "unblock":
            return bool(ledger.blocked)
        case _:
            return False


def _refusal(entry: Entry, body: answers.Refusal, ledger: Ledger, terms: Terms) -> Contradictions:
    if entry.call == "request":
        expected = limits.unmet_by_request(ledger, terms, entry.device_id, entry.title_id, entry.at)
    else:
        kept = ledger.licenses.get(entry.license_id)
        if kept is None or kept.ended_at is not None:
            yield "the licence has ended, or is unknown"
            return
        expected = limits.unmet_by_renewal(ledger, terms, kept, entry.at)
    version = terms.in_force(entry.at).version
    yield from _differ("policy_version", body.policy_version, version)
    yield from _differ("at", body.at, entry.at)
    yield from _differ("unmet", body.unmet, expected)


def _endings(kept: LicenseKept) -> set[str]:
    """How a licence ended for good, in the words of the contract."""
    found = {"released": kept.released_at, "revoked": kept.revoked_at}
    return {ending for ending, at in found.items() if at is not None}


def _problem(entry: Entry, body: answers.Problem, ledger: Ledger) -> Contradictions:
    match entry.call, entry.status:
        case "open", 409:
            asked = (entry.plan, entry.country, entry.time_zone or "UTC")
            if asked == (ledger.plan, ledger.country, ledger.time_zone):
                yield f"the account's plan is {ledger.plan}, as asked"
        case "renew", 409:
            kept = ledger.licenses.get(entry.license_id)
            ended = body.type.removeprefix("/problems/license-")
            if kept is None or ended not in _endings(kept):
                yield f"licence {entry.license_id} is not {ended}"
        case "remove", 404:
            if entry.device_id in ledger.devices:
                yield f"device {entry.device_id} is known"
        case _, 422 if entry.reuses_key:
            return
        case _:
            yield f"nothing calls for {entry.status}"


def _grant(body: answers.Grant, ledger: Ledger, terms: Terms, at: datetime) -> Contradictions:
    kept = ledger.licenses[body.license_id]
    yield from _differ("device_id", body.device_id, kept.device_id)
    yield from _differ("title_id", body.title_id, kept.title_id)
    yield from _differ("plan", body.plan, ledger.plan)
    yield from _differ("expires_at", body.expires_at, kept.expires_at)
    yield from _differ("playback_window_s", body.playback_window_s, kept.playback_window_s)
    yield from _differ("playback_ends_at", body.playback_ends_at, kept.playback_ends_at)
    yield from _differ("renewals_left", body.renewals_left, limits.renewals_left(kept))
    downloads = limits.downloads_left(ledger, terms, kept.title_id, at)
    yield from _differ("downloads_left_this_year", body.downloads_left_this_year, downloads)
    active = limits.active_left(ledger, terms, kept.device_id, at, kept.title_id)
    yield from _differ(
        "active_downloads_left_on_device", body.active_downloads_left_on_device, active
    )
    devices = limits.devices_left(ledger, terms, at, kept.title_id)
    yield from _differ("devices_left", body.devices_left, devices)
    yield from _differ("policy_version", body.policy_version, kept.policy_version)


def _license_as_it_was(entry: Entry, body: answers.License, ledger: Ledger) -> Contradictions:
    kept = ledger.licenses.get(entry.license_id)
    if kept is None:
        yield f"licence {entry.license_id} is unknown"
        return
    if entry.call in {"release", "revoke"} and kept.ended_at is None:
        yield NOTHING_OF_IT
    if entry.call == "play" and kept.ended_at is None and kept.first_played_at is None:
        yield NOTHING_OF_IT
    yield from _license(body, kept, entry.at)


def _session_as_it_was(entry: Entry, body: answers.Session, ledger: Ledger) -> Contradictions:
    kept = ledger.licenses.get(entry.license_id)
    if kept is None:
        yield f"licence {entry.license_id} is unknown"
        return
    if session_expected(kept, entry.session_id, entry.events, entry.at) is not None:
        yield NOTHING_OF_IT
    yield from _differ("news", body.news, False)
    yield from _session(entry, body, kept, entry.at)


def _session(
    entry: Entry, body: answers.Session, kept: LicenseKept, at: datetime
) -> Contradictions:
    known = kept.sessions.get(entry.session_id)
    expected = known and answers.SessionKept(
        entry.session_id, known.state, known.started_at, known.last_at
    )
    yield from _differ("session", body.session, expected)
    yield from _license(body.license, kept, at)


def _license(body: answers.License, kept: LicenseKept, at: datetime) -> Contradictions:
    yield from _differ("state", body.state, kept.state(at))
    yield from _differ("device_id", body.device_id, kept.device_id)
    yield from _differ("title_id", body.title_id, kept.title_id)
    yield from _differ("issued_at", body.issued_at, kept.issued_at)
    yield from _differ("expires_at", body.expires_at, kept.expires_at)
    yield from _differ("first_played_at", body.first_played_at, kept.first_played_at)
    yield from _differ("playback_window_s", body.playback_window_s, kept.playback_window_s)
    yield from _differ("playback_ends_at", body.playback_ends_at, kept.playback_ends_at)
    yield from _differ("effective_expires_at", body.effective_expires_at, kept.ends_at())
    yield from _differ("renewals_used", body.renewals_used, kept.renewals)
    yield from _differ("renewals_left", body.renewals_left, limits.renewals_left(kept))
    yield from _differ("released_at", body.released_at, kept.released_at)
    yield from _differ("release_reason", body.release_reason, kept.release_reason)
    yield from _differ("revoked_at", body.revoked_at, kept.revoked_at)
    yield from _differ("revoke_reason", body.revoke_reason, kept.revoke_reason)
    yield from _differ("cut_reason", body.cut_reason, kept.cut_reason)
    yield from _differ("policy_version", body.policy_version, kept.policy_version)
    yield from _remaining("license_remaining_s", body.license_remaining_s, _license_left(kept, at))
    yield from _remaining(
        "playback_remaining_s", body.playback_remaining_s, _playback_left(kept, at)
    )


def _license_left(kept: LicenseKept, at: datetime) -> float | None:
    if kept.ended_at is not None:
        return 0
    return None if kept.expires_at is None else max(0.0, (kept.expires_at - at).total_seconds())


def _playback_left(kept: LicenseKept, at: datetime) -> float | None:
    """All of the window while it has not begun."""
    if kept.ended_at is not None:
        return 0
    if kept.playback_ends_at is not None:
        return max(0.0, (kept.playback_ends_at - at).total_seconds())
    return kept.playback_window_s or None


def _devices(body: answers.Devices, ledger: Ledger, terms: Terms, at: datetime) -> Contradictions:
    holding = ledger.holding(at)
    yield from _differ("plan", body.plan, ledger.plan)
    most = limits.holding(ledger, terms, at).most("device-limit", "devices_max")
    yield from _differ("devices_max", body.devices_max, most)
    yield from _differ("devices_in_use", body.devices_in_use, len(holding))
    yield from _differ("devices", {line.device_id for line in body.devices}, set(ledger.devices))
    for line in body.devices:
        active = len(ledger.active_on(line.device_id, at))
        removed_at = ledger.devices[line.device_id].removed_at
        yield from _differ(f"{line.device_id} active_downloads", line.active_downloads, active)
        yield from _differ(f"{line.device_id} holds_slot", line.holds_slot, active > 0)
        yield from _differ(f"{line.device_id} removed_at", line.removed_at, removed_at)


def _allowance(
    entry: Entry, body: answers.Allowance, ledger: Ledger, terms: Terms
) -> Contradictions:
    device_id, title_id, at = entry.device_id, entry.title_id, entry.at
    expected = limits.unmet_by_request(ledger, terms, device_id, title_id, at)
    yield from _differ("allowed", body.allowed, not expected)
    yield from _differ("refusals", body.refusals, expected)
    downloads = limits.downloads_left(ledger, terms, title_id, at)
    yield from _differ("downloads_left_this_year", body.downloads_left_this_year, downloads)
    active = limits.active_left(ledger, terms, device_id, at, title_id)
    yield from _differ(
        "active_downloads_left_on_device", body.active_downloads_left_on_device, active
    )
    devices = limits.devices_left(ledger, terms, at, title_id)
    yield from _differ("devices_left", body.devices_left, devices)
    version = terms.in_force(at).version
    yield from _differ("policy_version", body.policy_version, version)


def _differ(what: str, said: object, expected: object) -> Contradictions:
    if said != expected:
        yield f"{what}: answered {_show(said)}, expected {_show(expected)}"


def _remaining(what: str, said: float | None, expected: float | None) -> Contradictions:
    """Whole seconds are as good as exact ones."""
    if (said is None) != (expected is None) or abs((said or 0) - (expected or 0)) > 1:
        yield f"{what}: answered {said}, expected {expected}"


def _show(value: object) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(_show(item) for item in value) + "]"
    if isinstance(value, Unmet):
        until = f" until {value.resets_at:%Y-%m-%dT%H:%M:%S.%fZ}" if value.resets_at else ""
        return f"{value.reason} ({value.rule}) {value.used}/{value.limit}{until}"
    return f"{value:%Y-%m-%dT%H:%M:%S.%fZ}" if isinstance(value, datetime) else str(value)
