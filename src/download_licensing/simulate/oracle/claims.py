"""Is an answer right on a state? For every call, and for answers with and without an effect.

`against` says what speaks against an answer on one state. An answer that changed nothing may be
tried on several states, all those that its request may have met; one on which nothing speaks
against it suffices.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from download_licensing.simulate.oracle import answers, limits
from download_licensing.simulate.oracle.answers import Body
from download_licensing.simulate.oracle.grants import Contradictions, differ, grant_against
from download_licensing.simulate.oracle.journal import Entry
from download_licensing.simulate.oracle.ledger import Ledger, LicenseKept
from download_licensing.simulate.oracle.sessions import session_expected
from download_licensing.simulate.oracle.syncs import item_against, items_against
from download_licensing.simulate.oracle.terms import Terms

WITHDRAWN = "/problems/title-withdrawn"
NOTHING_OF_IT = "it was acknowledged, but the stream holds nothing of it"


def against(entry: Entry, body: Body, ledger: Ledger, terms: Terms, position: int) -> str | None:
    """What first speaks against an answer without effect on this state; None: it is right.

    The position is that of the state's last event.
    """
    if isinstance(body, answers.Refusal) and body.position != position:
        return f"it was decided on the state at {body.position}"
    if ledger.plan is None and entry.call != "open":
        return "the account is not open"
    return next(_without_effect(entry, body, ledger, terms, position), None)


def _without_effect(
    entry: Entry, body: Body, ledger: Ledger, terms: Terms, position: int
) -> Contradictions:
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
        case answers.Synced() | answers.Renewed():
            yield from items_against(entry, body)
            for item in body.items:
                if item.outcome == "done":
                    yield NOTHING_OF_IT
                yield from item_against(item, ledger, terms, entry.at, position)
        case answers.Removal():
            device = ledger.devices.get(entry.device_id)
            if device is None or device.removed_at is None:
                yield NOTHING_OF_IT
        case answers.Devices():
            yield from _devices(body, ledger, terms, entry.at)
        case answers.Withdrawal():
            yield "it is about no customer"
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
            yield from grant_against(body, ledger, terms, effect.at)
        case answers.License():
            yield from _license(body, ledger.licenses[body.license_id], effect.at)
        case answers.Session():
            kept = ledger.licenses[body.license.license_id]
            yield from differ("news", body.news, effect.news)
            yield from _session(entry, body, kept, effect.at)
        case answers.Synced() | answers.Renewed():  # each item is judged on the state it left
            yield from items_against(entry, body)
        case answers.Removal():
            yield from differ("released_licenses", set(body.released_licenses), effect.freed)
        case _:
            yield f"{entry.call} was answered {entry.status}, yet it took effect"


def _account(body: answers.Account, ledger: Ledger) -> Contradictions:
    yield from differ("plan", body.plan, ledger.plan)
    yield from differ("opened_at", body.opened_at, ledger.opened_at)
    yield from differ("country", body.country, ledger.country or None)
    yield from differ("time_zone", body.time_zone, ledger.time_zone)
    yield from differ("standing", body.standing, ledger.standing)
    yield from differ("blocked", body.blocked, ledger.blocked or None)


def _plan(body: answers.Plan, ledger: Ledger, terms: Terms, at: datetime) -> Contradictions:
    yield from _account(body.account, ledger)
    most = limits.holding(ledger, terms, at).most("device-limit", "devices_max")
    in_use = len(ledger.holding(at))
    yield from differ("devices_max", body.devices_max, most)
    yield from differ("devices_in_use", body.devices_in_use, in_use)
    yield from differ("fits", body.fits, most is None or in_use <= most)


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
    if _title_of(entry, ledger) in ledger.gone:
        yield "the title was withdrawn, so no rule was to be asked"
    if entry.call == "request":
        expected = limits.unmet_by_request(ledger, terms, entry.device_id, entry.title_id, entry.at)
    else:
        kept = ledger.licenses.get(entry.license_id)
        if kept is None or kept.ended_at is not None:
            yield "the licence has ended, or is unknown"
            return
        expected = limits.unmet_by_renewal(ledger, terms, kept, entry.at)
    version = terms.in_force(entry.at).version
    yield from differ("policy_version", body.policy_version, version)
    yield from differ("at", body.at, entry.at)
    yield from differ("unmet", body.unmet, expected)


def _title_of(entry: Entry, ledger: Ledger) -> str:
    kept = ledger.licenses.get(entry.license_id)
    return entry.title_id if kept is None else kept.title_id


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
        case _, 409 if body.type == WITHDRAWN:
            kept = ledger.licenses.get(entry.license_id)
            if kept is not None and kept.ended_at is not None:
                yield f"licence {entry.license_id} had ended for good"
            elif (title_id := _title_of(entry, ledger)) not in ledger.gone:
                yield f"title {title_id} was not withdrawn"
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
    yield from differ("news", body.news, False)
    yield from _session(entry, body, kept, entry.at)


def _session(
    entry: Entry, body: answers.Session, kept: LicenseKept, at: datetime
) -> Contradictions:
    known = kept.sessions.get(entry.session_id)
    expected = known and answers.SessionKept(
        entry.session_id, known.state, known.started_at, known.last_at
    )
    yield from differ("session", body.session, expected)
    yield from _license(body.license, kept, at)


def _license(body: answers.License, kept: LicenseKept, at: datetime) -> Contradictions:
    yield from differ("state", body.state, kept.state(at))
    yield from differ("device_id", body.device_id, kept.device_id)
    yield from differ("title_id", body.title_id, kept.title_id)
    yield from differ("issued_at", body.issued_at, kept.issued_at)
    yield from differ("expires_at", body.expires_at, kept.expires_at)
    yield from differ("first_played_at", body.first_played_at, kept.first_played_at)
    yield from differ("playback_window_s", body.playback_window_s, kept.playback_window_s)
    yield from differ("playback_ends_at", body.playback_ends_at, kept.playback_ends_at)
    yield from differ("effective_expires_at", body.effective_expires_at, kept.ends_at())
    yield from differ("renewals_used", body.renewals_used, kept.renewals)
    yield from differ("renewals_left", body.renewals_left, limits.renewals_left(kept))
    yield from differ("released_at", body.released_at, kept.released_at)
    yield from differ("release_reason", body.release_reason, kept.release_reason)
    yield from differ("revoked_at", body.revoked_at, kept.revoked_at)
    yield from differ("revoke_reason", body.revoke_reason, kept.revoke_reason)
    yield from differ("cut_reason", body.cut_reason, kept.cut_reason)
    yield from differ("policy_version", body.policy_version, kept.policy_version)
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
    yield from differ("plan", body.plan, ledger.plan)
    most = limits.holding(ledger, terms, at).most("device-limit", "devices_max")
    yield from differ("devices_max", body.devices_max, most)
    yield from differ("devices_in_use", body.devices_in_use, len(holding))
    yield from differ("devices", {line.device_id for line in body.devices}, set(ledger.devices))
    for line in body.devices:
        active = len(ledger.active_on(line.device_id, at))
        removed_at = ledger.devices[line.device_id].removed_at
        yield from differ(f"{line.device_id} active_downloads", line.active_downloads, active)
        yield from differ(f"{line.device_id} holds_slot", line.holds_slot, active > 0)
        yield from differ(f"{line.device_id} removed_at", line.removed_at, removed_at)


def _allowance(
    entry: Entry, body: answers.Allowance, ledger: Ledger, terms: Terms
) -> Contradictions:
    device_id, title_id, at = entry.device_id, entry.title_id, entry.at
    if title_id in ledger.gone:
        yield "the title was withdrawn, so nothing was to be told"
    expected = limits.unmet_by_request(ledger, terms, device_id, title_id, at)
    yield from differ("allowed", body.allowed, not expected)
    yield from differ("refusals", body.refusals, expected)
    downloads = limits.downloads_left(ledger, terms, title_id, at)
    yield from differ("downloads_left_this_year", body.downloads_left_this_year, downloads)
    active = limits.active_left(ledger, terms, device_id, at, title_id)
    yield from differ(
        "active_downloads_left_on_device", body.active_downloads_left_on_device, active
    )
    devices = limits.devices_left(ledger, terms, at, title_id)
    yield from differ("devices_left", body.devices_left, devices)
    version = terms.in_force(at).version
    yield from differ("policy_version", body.policy_version, version)


def _remaining(what: str, said: float | None, expected: float | None) -> Contradictions:
    """Whole seconds are as good as exact ones."""
    if (said is None) != (expected is None) or abs((said or 0) - (expected or 0)) > 1:
        yield f"{what}: answered {said}, expected {expected}"
