"""The limits, counted anew for each decision from the ledger's lists."""

from __future__ import annotations

from datetime import datetime

from download_licensing.simulate.oracle.answers import Unmet
from download_licensing.simulate.oracle.ledger import YEAR, Ledger, LicenseKept
from download_licensing.simulate.oracle.terms import Plan, Terms


def unmet_by_request(
    ledger: Ledger, terms: Terms, device_id: str, title_id: str, at: datetime
) -> list[Unmet]:
    """What stands against a download of a title on a device at that time; empty: nothing."""
    plan = terms.plans[ledger.plan or ""]
    found = [
        _devices(ledger, plan, device_id, at),
        _downloads_on_device(ledger, plan, device_id, at, renewed=None),
        _title_in_a_year(ledger, terms, title_id, at),
    ]
    return [unmet for unmet in found if unmet is not None]


def unmet_by_renewal(ledger: Ledger, terms: Terms, kept: LicenseKept, at: datetime) -> list[Unmet]:
    """What stands against the renewal of a licence, or its refresh if it has expired."""
    plan = terms.plans[ledger.plan or ""]
    found = [
        _devices(ledger, plan, kept.device_id, at),
        _downloads_on_device(ledger, plan, kept.device_id, at, renewed=kept.license_id),
        None if kept.active(at) else _title_in_a_year(ledger, terms, kept.title_id, at),
        _renewals(kept),
    ]
    return [unmet for unmet in found if unmet is not None]


def _devices(ledger: Ledger, plan: Plan, device_id: str, at: datetime) -> Unmet | None:
    holding = ledger.holding(at)
    if len(holding | {device_id}) <= plan.devices_max:
        return None
    frees = [_last_ends_at(ledger, other, at) for other in holding - {device_id}]
    return Unmet(
        "device-limit", plan.devices_max, len(holding), min((f for f in frees if f), default=None)
    )


def _last_ends_at(ledger: Ledger, device_id: str, at: datetime) -> datetime | None:
    ends = [kept.ends_at() for kept in ledger.active_on(device_id, at)]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _downloads_on_device(
    ledger: Ledger, plan: Plan, device_id: str, at: datetime, *, renewed: str | None
) -> Unmet | None:
    active = [kept for kept in ledger.active_on(device_id, at) if kept.license_id != renewed]
    if len(active) + 1 <= plan.active_downloads_max:
        return None
    ends = [end for kept in active if (end := kept.ends_at()) is not None]
    return Unmet(
        "active-downloads-per-device",
        plan.active_downloads_max,
        len(active),
        min(ends, default=None),
    )


def _title_in_a_year(ledger: Ledger, terms: Terms, title_id: str, at: datetime) -> Unmet | None:
    most = terms.titles[title_id].downloads_per_year_max
    counted = ledger.counted(title_id, at)
    if most is None or len(counted) + 1 <= most:
        return None
    resets_at = counted[0] + YEAR if counted else None
    return Unmet("title-downloads-per-year", most, len(counted), resets_at)


def _renewals(kept: LicenseKept) -> Unmet | None:
    if kept.renewals_max is None or kept.renewals + 1 <= kept.renewals_max:
        return None
    return Unmet("renewals-exhausted", kept.renewals_max, kept.renewals, None)


def devices_left(ledger: Ledger, terms: Terms, at: datetime) -> int:
    """How many more devices may hold downloads."""
    return max(0, terms.plans[ledger.plan or ""].devices_max - len(ledger.holding(at)))


def active_left(ledger: Ledger, terms: Terms, device_id: str, at: datetime) -> int:
    """How many more downloads may be active on a device."""
    most = terms.plans[ledger.plan or ""].active_downloads_max
    return max(0, most - len(ledger.active_on(device_id, at)))


def downloads_left(ledger: Ledger, terms: Terms, title_id: str, at: datetime) -> int | None:
    """How many more downloads of a title the year allows; None: no cap."""
    most = terms.titles[title_id].downloads_per_year_max
    return None if most is None else max(0, most - len(ledger.counted(title_id, at)))


def renewals_left(kept: LicenseKept) -> int | None:
    """How many more renewals a licence allows; None: no cap."""
    return None if kept.renewals_max is None else max(0, kept.renewals_max - kept.renewals)
