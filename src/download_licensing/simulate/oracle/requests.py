"""Does a deed do what was asked under its key?"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from download_licensing.simulate.oracle.journal import CallKind, Entry, Item
from download_licensing.simulate.oracle.ledger import Ledger
from download_licensing.simulate.oracle.records import (
    AccountBlocked,
    AccountOpened,
    AccountUnblocked,
    Deed,
    DeviceRemoved,
    FirstPlayReported,
    LicenseCut,
    LicenseIssued,
    LicenseReleased,
    LicenseRenewed,
    LicenseRevoked,
    PlanChanged,
    RegionChanged,
    SessionReported,
    StandingChanged,
    Told,
)
from download_licensing.simulate.oracle.sessions import session_expected

_LEADING: dict[CallKind, type] = {
    "open": AccountOpened,
    "plan": PlanChanged,
    "region": RegionChanged,
    "standing": StandingChanged,
    "block": AccountBlocked,
    "unblock": AccountUnblocked,
    "session": SessionReported,
    "revoke": LicenseRevoked,
    "request": LicenseIssued,
    "renew": LicenseRenewed,
    "play": FirstPlayReported,
    "release": LicenseReleased,
    "remove": DeviceRemoved,
}


def _alone(entries: Sequence[Entry], item: Item) -> list[Entry]:
    """The requests as if each had brought this item alone."""
    return [
        replace(
            entry,
            call=item.kind,
            items=(),
            license_id=item.license_id,
            device_time=item.device_time,
            session_id=item.session_id,
            events=item.events,
        )
        for entry in entries
    ]


_TOUCHING = {"play", "session", "renew", "release"}
"""What may change nothing but that an early end is noted."""


def asked_otherwise(entries: Sequence[Entry], deed: Deed, ledger: Ledger) -> str | None:
    """How a deed differs from what was asked under its key; None: not at all.

    The ledger is as it was before.
    """
    entry = entries[0]
    if entry.call in {"sync", "renewals"}:
        asked_for = [_alone(entries, item) for item in entry.items]
        differences = [asked_otherwise(alone, deed, ledger) for alone in asked_for]
        return None if None in differences else f"no item asked for it: {differences[:3]}"
    leading = _LEADING.get(entry.call)
    told = next((told for told in deed.told if leading and isinstance(told.fact, leading)), None)
    if told is None and deed.names().keys() == {"license-cut"} and entry.call in _TOUCHING:
        told = deed.told[0]
    if told is None:
        return f"{entry.call} was asked, yet {', '.join(deed.names())} recorded"
    if told.fact.at not in {entry.at for entry in entries}:
        return f"decided by {told.fact.at}, which was never sent"
    kept = ledger.licenses.get(told.aggregate_id)
    if isinstance(told.fact, SessionReported) and kept is not None:
        expected = session_expected(kept, entry.session_id, entry.events, told.fact.at)
        return None if told.fact == expected else f"recorded {told.fact}, expected {expected}"
    asked, done = _asked(entry), _done(told)
    if isinstance(told.fact, LicenseCut):
        asked = (entry.license_id,)
    return None if asked == done else f"asked for {asked}, did {done}"


_SETTLING = _TOUCHING | {"plan", "standing", "revoke", "remove", "sync", "renewals"}
"""What may change nothing but that the early ends of downloads are noted."""


def settled_otherwise(entries: Sequence[Entry], settled: Deed) -> str | None:
    """Why a command should have done more than to note early ends; None: it need not."""
    if entries[0].call not in _SETTLING:
        return f"{entries[0].call} was asked, yet only {', '.join(settled.names())} recorded"
    if settled.told[0].fact.at not in {entry.at for entry in entries}:
        return f"decided by {settled.told[0].fact.at}, which was never sent"
    return None


def _asked(entry: Entry) -> tuple[object, ...]:
    match entry.call:
        case "open":
            return (entry.plan, entry.country, entry.time_zone or "UTC")
        case "plan":
            return (entry.plan,)
        case "region":
            return (entry.country, entry.time_zone)
        case "standing":
            return (entry.standing,)
        case "block":
            return (entry.reason,)
        case "unblock":
            return ()
        case "revoke":
            return (entry.license_id, entry.reason)
        case "request":
            return (entry.device_id, entry.title_id)
        case "renew":
            return (entry.license_id,)
        case "play" | "release":
            return (entry.license_id, entry.device_time)
        case _:
            return (entry.device_id,)


def _done(told: Told) -> tuple[object, ...]:
    match told.fact:
        case AccountOpened(plan, _, country, time_zone):
            return (plan, country, time_zone)
        case PlanChanged(plan):
            return (plan,)
        case RegionChanged(country, time_zone):
            return (country, time_zone)
        case StandingChanged(standing):
            return (standing,)
        case AccountBlocked(reason):
            return (reason,)
        case LicenseRevoked(reason):
            return (told.aggregate_id, reason)
        case LicenseIssued(title_id, device_id):
            return (device_id, title_id)
        case LicenseRenewed() | LicenseCut():
            return (told.aggregate_id,)
        case FirstPlayReported(_, reported_at_device):
            return (told.aggregate_id, reported_at_device)
        case LicenseReleased(_, released_at_device):
            return (told.aggregate_id, released_at_device)
        case DeviceRemoved(device_id):
            return (device_id,)
        case _:
            return ()
