"""The limits, counted anew for each decision from the ledger's lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from download_licensing.simulate.oracle.answers import Unmet
from download_licensing.simulate.oracle.ledger import YEAR, Ledger, LicenseKept
from download_licensing.simulate.oracle.months import next_month, same_month
from download_licensing.simulate.oracle.terms import Holding, Terms

Found = Iterator[Unmet | None]


def holding(ledger: Ledger, terms: Terms, at: datetime, title_id: str = "") -> Holding:
    """What holds for the customer at a time, by the account as it is."""
    return terms.holding(at, ledger.plan or "", ledger.country, title_id)


def unmet_by_request(
    ledger: Ledger, terms: Terms, device_id: str, title_id: str, at: datetime
) -> list[Unmet]:
    """What stands against a download of a title on a device at that time; empty: nothing."""
    holds = holding(ledger, terms, at, title_id)
    found = [
        *_account(ledger, holds),
        _title_window(holds, at),
        *_device(ledger, holds, device_id, at, renewed=None),
        _month(ledger, holds, device_id, at),
        _title_in_a_year(ledger, holds, title_id, at),
        _plays_in_a_year(ledger, holds, title_id, at),
        _agreement(ledger, terms, holds, title_id, at, renewed=None),
    ]
    return [unmet for unmet in found if unmet is not None]


def unmet_by_renewal(ledger: Ledger, terms: Terms, kept: LicenseKept, at: datetime) -> list[Unmet]:
    """What stands against the renewal of a licence, or its refresh if it has expired."""
    holds = holding(ledger, terms, at, kept.title_id)
    refresh = not kept.active(at)
    found = [
        *_account(ledger, holds),
        _title_window(holds, at),
        *_device(ledger, holds, kept.device_id, at, renewed=kept.license_id),
        _month(ledger, holds, kept.device_id, at) if refresh else None,
        _title_in_a_year(ledger, holds, kept.title_id, at) if refresh else None,
        _plays_in_a_year(ledger, holds, kept.title_id, at),
        _agreement(ledger, terms, holds, kept.title_id, at, renewed=kept.license_id),
        _renewals(kept),
        _renewals_in_a_year(kept, holds, at),
    ]
    return [unmet for unmet in found if unmet is not None]


def _account(ledger: Ledger, holds: Holding) -> Found:
    if "operator-block" in holds.clauses and ledger.blocked:
        yield Unmet("account-blocked", "operator-block", None, None, None)
    standing = holds.clauses.get("account-standing")
    if standing is not None and ledger.standing != "good":
        spared = ledger.standing == "past-due" and standing.get("past_due_allowed", False)
        if not spared:
            yield Unmet("account-standing", "account-standing", None, None, None)


def _title_window(holds: Holding, at: datetime) -> Unmet | None:
    window = holds.clauses.get("title-availability")
    if window is None:
        return None
    begins, ends = holds.moment("available_from"), holds.moment("available_until")
    gone = not window.get("offered", True) or (ends is not None and ends <= at)
    if not gone and (begins is None or begins <= at):
        return None
    resets_at = None if gone else begins
    return Unmet("title-not-available", "title-availability", None, None, resets_at)


def _device(
    ledger: Ledger, holds: Holding, device_id: str, at: datetime, *, renewed: str | None
) -> Found:
    yield _devices(ledger, holds, device_id, at)
    yield _registrations(ledger, holds, device_id, at)
    active = [kept for kept in ledger.active_on(device_id, at) if kept.license_id != renewed]
    most = holds.most("active-downloads-per-device", "downloads_max")
    yield _counted(
        "active-downloads-per-device", most, len(active), [kept.ends_at() for kept in active]
    )


def _devices(ledger: Ledger, holds: Holding, device_id: str, at: datetime) -> Unmet | None:
    most = holds.most("device-limit", "devices_max")
    devices = ledger.holding(at)
    if most is None or len(devices | {device_id}) <= most:
        return None
    frees = [_last_ends_at(ledger, other, at) for other in devices - {device_id}]
    return Unmet("device-limit", "device-limit", most, len(devices), _free_at(frees, most))


def _last_ends_at(ledger: Ledger, device_id: str, at: datetime) -> datetime | None:
    ends = [kept.ends_at() for kept in ledger.active_on(device_id, at)]
    known = [end for end in ends if end is not None]
    return max(known) if len(known) == len(ends) else None


def _registrations(ledger: Ledger, holds: Holding, device_id: str, at: datetime) -> Unmet | None:
    device = ledger.devices.get(device_id)
    if device is not None and device.removed_at is None:
        return None
    most = holds.most("device-registrations", "registrations_max")
    if most is None:
        return None
    window = timedelta(days=holds.clauses["device-registrations"]["window_days"])
    recent = [moment for moment in ledger.registrations if moment > at - window]
    return _counted("device-registrations", most, len(recent), [m + window for m in recent])


def _month(ledger: Ledger, holds: Holding, device_id: str, at: datetime) -> Unmet | None:
    most = holds.most("device-downloads-per-month", "downloads_max")
    used = sum(
        download.device_id == device_id and same_month(download.at, at, ledger.time_zone)
        for download in ledger.downloads
    )
    ends = [next_month(at, ledger.time_zone)] * used
    return _counted("device-downloads-per-month", most, used, ends)


def _title_in_a_year(ledger: Ledger, holds: Holding, title_id: str, at: datetime) -> Unmet | None:
    most = holds.most("title-downloads-per-year", "downloads_max")
    counted = ledger.counted(title_id, at)
    return _counted("title-downloads-per-year", most, len(counted), [c + YEAR for c in counted])


def _plays_in_a_year(ledger: Ledger, holds: Holding, title_id: str, at: datetime) -> Unmet | None:
    most = holds.most("title-plays-per-year", "plays_max")
    plays = ledger.played(title_id, at)
    return _counted("title-plays-per-year", most, len(plays), [play + YEAR for play in plays])


def _agreement(
    ledger: Ledger,
    terms: Terms,
    holds: Holding,
    title_id: str,
    at: datetime,
    *,
    renewed: str | None,
) -> Unmet | None:
    agreement = terms.titles[title_id]
    most = holds.most("agreement-concurrent-downloads", "downloads_max") if agreement else None
    active = [
        kept
        for kept in ledger.licenses.values()
        if terms.titles[kept.title_id] == agreement
        and kept.active(at)
        and kept.license_id != renewed
    ]
    ends = [kept.ends_at() for kept in active]
    return _counted("agreement-concurrent-downloads", most, len(active), ends)


def _renewals(kept: LicenseKept) -> Unmet | None:
    if kept.renewals_max is None or kept.renewals + 1 <= kept.renewals_max:
        return None
    return Unmet(
        "renewals-exhausted", "renewals-per-license", kept.renewals_max, kept.renewals, None
    )


def _renewals_in_a_year(kept: LicenseKept, holds: Holding, at: datetime) -> Unmet | None:
    most = holds.most("renewals-per-license-per-year", "renewals_max")
    counted = [moment for moment in kept.renewed if moment > at - YEAR]
    ends = [moment + YEAR for moment in counted]
    return _counted(
        "renewals-per-license-per-year", most, len(counted), ends, reason="renewals-per-year"
    )


def _counted(
    rule: str, most: int | None, used: int, ends: Iterable[datetime | None], *, reason: str = ""
) -> Unmet | None:
    """What a rule says that allows so many at once: each of those used up holds until its end."""
    if most is None or used + 1 <= most:
        return None
    return Unmet(reason or rule, rule, most, used, _free_at(ends, most))


def _free_at(ends: Iterable[datetime | None], most: int) -> datetime | None:
    """When one more is allowed if nothing else happens; None: not by waiting."""
    ends = list(ends)
    for moment in sorted(end for end in ends if end is not None):
        if sum(end is None or end > moment for end in ends) + 1 <= most:
            return moment
    return None


def devices_left(ledger: Ledger, terms: Terms, at: datetime, title_id: str) -> int | None:
    """How many more devices may hold downloads; None: no limit."""
    most = holding(ledger, terms, at, title_id).most("device-limit", "devices_max")
    return _left(most, len(ledger.holding(at)))


def active_left(
    ledger: Ledger, terms: Terms, device_id: str, at: datetime, title_id: str
) -> int | None:
    """How many more downloads may be active on a device; None: no limit."""
    holds = holding(ledger, terms, at, title_id)
    most = holds.most("active-downloads-per-device", "downloads_max")
    return _left(most, len(ledger.active_on(device_id, at)))


def downloads_left(ledger: Ledger, terms: Terms, title_id: str, at: datetime) -> int | None:
    """How many more downloads of a title the year allows; None: no cap."""
    holds = holding(ledger, terms, at, title_id)
    most = holds.most("title-downloads-per-year", "downloads_max")
    return _left(most, len(ledger.counted(title_id, at)))


def renewals_left(kept: LicenseKept) -> int | None:
    """How many more renewals a licence allows; None: no cap."""
    return _left(kept.renewals_max, kept.renewals)


def ends_at(holds: Holding, at: datetime) -> datetime | None:
    """When a licence ends that is granted or renewed at a time; None: never."""
    span = holds.span("license-duration")
    ends = [None if span is None else at + span, holds.moment("available_until")]
    return min((end for end in ends if end is not None), default=None)


def _left(most: int | None, used: int) -> int | None:
    return None if most is None else max(0, most - used)
