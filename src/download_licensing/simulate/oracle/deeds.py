"""Is what one command recorded right, on the state that it was decided on?

Each kind of command records a known set of facts. They must agree with each other, keep every
limit, and their times must be what the terms make of the decision time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

from download_licensing.simulate.oracle.findings import Complaint, Kind
from download_licensing.simulate.oracle.ledger import Ledger, LicenseKept
from download_licensing.simulate.oracle.limits import (
    ends_at,
    holding,
    unmet_by_renewal,
    unmet_by_request,
)
from download_licensing.simulate.oracle.records import (
    AccountBlocked,
    Deed,
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
)
from download_licensing.simulate.oracle.sessions import between
from download_licensing.simulate.oracle.terms import Terms

F = TypeVar("F")
Complaints = Iterator[Complaint]


def check_deed(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    """What is wrong with what a command recorded; the ledger is as it was before."""
    if len(deed.ats()) != 1:
        yield Complaint(Kind.SHAPE, f"one command names several times: {sorted(deed.ats())}")
    names = deed.names()
    if ledger.plan is None and "account-opened" not in names:
        yield Complaint(Kind.SHAPE, f"{deed.told[0].name} before the account was opened")
        return
    yield from _cut(deed, ledger)
    for leading, check in _CHECKS.items():
        if leading in names:
            yield from check(deed, ledger, terms)
            return
    yield Complaint(Kind.SHAPE, f"no command records only {', '.join(names)}")


def check_settled(settled: Deed, rest: Deed, ledger: Ledger) -> Complaints:
    """What is wrong with what a command noted first: downloads that withdrawals had ended.

    The ledger is as seen by who knows of them.
    """
    settles = not rest.names().keys() & _SETTLING_NOTHING
    yield from _ends(settled, ledger.ended if settles else {}, ledger)


def _ends(deed: Deed, expected: Mapping[str, datetime], ledger: Ledger) -> Complaints:
    """Devices say, each once, what ended early, and when."""
    devices = [told.aggregate_id for told in deed.told if isinstance(told.fact, DownloadsEnded)]
    if len(devices) != len(set(devices)):
        yield Complaint(Kind.SHAPE, f"a device says twice what ended: {devices}")
    found = {
        license_id: (told.aggregate_id, ends_at)
        for told in deed.told
        if isinstance(told.fact, DownloadsEnded)
        for license_id, ends_at in told.fact.ends.items()
    }
    due = {
        license_id: (ledger.licenses[license_id].device_id, ends_at)
        for license_id, ends_at in expected.items()
        if license_id in found or license_id not in ledger.forgotten
    }
    yield from _same("downloads ended", found, due)


def _cut(deed: Deed, ledger: Ledger) -> Complaints:
    """Whatever touches a licence that ended early notes that, once."""
    noting = [told.aggregate_id for told in deed.told if isinstance(told.fact, LicenseCut)]
    noted = set(noting)
    if len(noting) != len(noted):
        yield Complaint(Kind.SHAPE, f"an early end is noted twice: {noting}")
    for told in deed.told:
        kept = ledger.licenses.get(told.aggregate_id)
        if kept is None:
            continue
        if isinstance(told.fact, LicenseCut):
            fact = (told.fact.reason, told.fact.ends_at)
            yield from _same("early end", fact, (kept.cut_reason, kept.expires_at))
        if (kept.license_id in noted) == kept.cut_noted:
            yield Complaint(Kind.SHAPE, f"licence {kept.license_id}: early end noted: {noting}")


def _only_cut(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    yield from _shape(deed, {})


def _opening(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    yield from _shape(deed, {"account-opened": 1})
    if ledger.plan is not None:
        yield Complaint(Kind.SHAPE, "the account was already open")


def _grant(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    complaints = list(
        _shape(
            deed,
            {"license-issued": 1, "download-counted": 1, "download-held": 1},
            optional=("device-registered",),
        )
    )
    yield from complaints
    if complaints:
        return
    issued, license_id = _fact(deed, LicenseIssued), _addressee(deed, LicenseIssued)
    if license_id in ledger.licenses:
        yield Complaint(Kind.SHAPE, f"licence {license_id} was issued before")
    yield from _registration(deed, ledger, issued.device_id)
    yield from _counted(deed, license_id, issued.device_id, issued.title_id)
    yield from _held(deed, license_id, issued.device_id, issued.title_id, issued.expires_at)
    at = issued.at
    yield from _offered(issued.title_id, ledger, at)
    holds = holding(ledger, terms, at, issued.title_id)
    for unmet in unmet_by_request(ledger, terms, issued.device_id, issued.title_id, at):
        yield Complaint(Kind.LIMIT_PASSED, f"granted at {at} against {unmet}")
    window = holds.span("playback-window")
    renewals_max = holds.most("renewals-per-license", "renewals_max")
    yield from _same("plan", issued.plan, ledger.plan)
    yield from _same("policy_version", issued.policy_version, holds.version)
    yield from _same("expires_at", issued.expires_at, ends_at(holds, at))
    yield from _same(
        "playback_window_s", issued.playback_window_s, window.total_seconds() if window else 0
    )
    yield from _same("renewals_max", issued.renewals_max, renewals_max)


def _offered(title_id: str, ledger: Ledger, at: datetime) -> Complaints:
    if title_id in ledger.gone:
        yield Complaint(Kind.LIMIT_PASSED, f"granted at {at}, though {title_id} was withdrawn")


def _registration(deed: Deed, ledger: Ledger, device_id: str) -> Complaints:
    kept = ledger.devices.get(device_id)
    new = kept is None or kept.removed_at is not None
    registered = [t.fact for t in deed.told if isinstance(t.fact, DeviceRegistered)]
    if new != bool(registered):
        yield Complaint(
            Kind.SHAPE,
            f"device {device_id} is {'new' if new else 'known'},"
            f" yet {'is' if registered else 'is not'} registered",
        )
    for fact in registered:
        yield from _same("device registered", fact.device_id, device_id)


def _play(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    shape = {"first-play-reported": 1, "play-counted": 1}
    complaints = list(_shape(deed, shape, optional=("download-shortened",)))
    yield from complaints
    if complaints:
        return
    kept = ledger.licenses.get(_addressee(deed, FirstPlayReported))
    if kept is None or kept.ended_at is not None or kept.first_played_at is not None:
        yield Complaint(Kind.SHAPE, "a first play of a licence that has ended, was played, or none")
        return
    yield from _play_counted(deed, kept, "", _fact(deed, FirstPlayReported).played_at)
    yield from _window(deed, kept)


def _session(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    kept = ledger.licenses.get(_addressee(deed, SessionReported))
    if kept is None:
        yield Complaint(Kind.SHAPE, "a session of an unknown licence")
        return
    fact = _fact(deed, SessionReported)
    known = kept.sessions.get(fact.session_id)
    begins = known is None and kept.ended_at is None and kept.first_played_at is None
    shape = {"session-reported": 1, "play-counted": known is None, "first-play-reported": begins}
    optional = ("download-shortened",) if begins else ()
    complaints = list(_shape(deed, {n: int(c) for n, c in shape.items() if c}, optional))
    yield from complaints
    latest = min(fact.at, kept.ended_at or fact.at)
    if not kept.issued_at <= fact.started_at <= fact.last_at <= max(latest, kept.issued_at):
        yield Complaint(Kind.ARITHMETIC, f"a session from {fact.started_at} to {fact.last_at}")
    if known is not None:
        yield from _same("started_at", fact.started_at, known.started_at)
        if known.state == "stopped" or fact.last_at < known.last_at:
            yield Complaint(Kind.SHAPE, f"{fact} after {known}")
    elif not complaints:
        counted = between(fact.reported_at_device, kept.issued_at, latest)
        yield from _same("started_at", fact.started_at, counted)
        yield from _play_counted(deed, kept, fact.session_id, fact.started_at)
        if begins:
            yield from _window(deed, kept)


def _play_counted(
    deed: Deed, kept: LicenseKept, session_id: str, played_at: datetime
) -> Complaints:
    """The play counts once, for its title, when it is said to have been."""
    fact = _fact(deed, PlayCounted)
    found = (_addressee(deed, PlayCounted), fact.license_id, fact.session_id, fact.played_at)
    yield from _same("play", found, (kept.title_id, kept.license_id, session_id, played_at))


def _window(deed: Deed, kept: LicenseKept) -> Complaints:
    """A first play starts the playback window, and so may move the effective expiry."""
    fact = _fact(deed, FirstPlayReported)
    counted = between(fact.reported_at_device, kept.since, fact.at)
    window = timedelta(seconds=kept.playback_window_s) if kept.playback_window_s else None
    yield from _same("played_at", fact.played_at, counted)
    yield from _same("playback_ends_at", fact.playback_ends_at, _after(counted, window))
    before, ends = kept.ends_at(), fact.playback_ends_at
    shortens = ends is not None and (before is None or ends < before)
    shortened = [t for t in deed.told if isinstance(t.fact, DownloadShortened)]
    if shortens != bool(shortened):
        yield Complaint(Kind.SHAPE, f"expiry moves: {shortens}, yet the device says {shortened}")


def _renewal(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    license_id, fact = _addressee(deed, LicenseRenewed), _fact(deed, LicenseRenewed)
    shape = {"license-renewed": 1, "download-held": 1} | (
        {"download-counted": 1} if fact.refresh else {}
    )
    complaints = list(_shape(deed, shape))
    yield from complaints
    kept = ledger.licenses.get(license_id)
    if kept is None or kept.ended_at is not None:
        yield Complaint(Kind.SHAPE, f"renewal of licence {license_id}, which has ended, or is none")
        return
    if complaints:
        return
    at = fact.at
    yield from _offered(kept.title_id, ledger, at)
    holds = holding(ledger, terms, at, kept.title_id)
    yield from _same("refresh", fact.refresh, not kept.active(at))
    for unmet in unmet_by_renewal(ledger, terms, kept, at):
        yield Complaint(Kind.LIMIT_PASSED, f"renewed at {at} against {unmet}")
    yield from _same("policy_version", fact.policy_version, holds.version)
    yield from _same("expires_at", fact.expires_at, ends_at(holds, at))
    ends = [fact.expires_at] if fact.refresh else [fact.expires_at, kept.playback_ends_at]
    effective = min((end for end in ends if end is not None), default=None)
    yield from _held(deed, license_id, kept.device_id, kept.title_id, effective)
    if fact.refresh:
        yield from _counted(deed, license_id, kept.device_id, kept.title_id)


def _release(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    yield from _shape(deed, {"license-released": 1, "download-dropped": 1})
    yield from _same("reason", _fact(deed, LicenseReleased).reason, "deleted")
    yield from _ended(deed, ledger, LicenseReleased)


def _revocation(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    yield from _shape(deed, {"license-revoked": 1, "download-dropped": 1})
    yield from _ended(deed, ledger, LicenseRevoked)


def _ended(
    deed: Deed, ledger: Ledger, ending: type[LicenseReleased | LicenseRevoked]
) -> Complaints:
    kept = ledger.licenses.get(_addressee(deed, ending))
    if kept is None or kept.ended_at is not None:
        yield Complaint(Kind.SHAPE, "the end of a licence that has ended before, or is none")
        return
    yield from _dropped(deed, {kept.license_id: kept}, ending)


def _region(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    fact = _fact(deed, RegionChanged)
    yield from _change(deed, (ledger.country, ledger.time_zone), (fact.country, fact.time_zone))


def _standing(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    fact = _fact(deed, StandingChanged)
    cancels = fact.standing == "cancelled"
    lasting = [kept for kept in ledger.licenses.values() if cancels and kept.active(fact.at)]
    names = deed.names()
    yield from _shape(deed, {"standing-changed": 1, **_number(names, "downloads-ended")})
    yield from _ends(
        deed, {**ledger.ended, **{kept.license_id: fact.at for kept in lasting}}, ledger
    )
    if ledger.standing == fact.standing:
        yield Complaint(Kind.SHAPE, f"standing {fact.standing}, as it was before")


def _plan(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    yield from _change(deed, ledger.plan, _fact(deed, PlanChanged).plan)


def _block(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    yield from _change(deed, ledger.blocked, _fact(deed, AccountBlocked).reason)


def _unblock(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    yield from _change(deed, ledger.blocked, "")


def _change(deed: Deed, before: object, after: object) -> Complaints:
    """One fact, which changes something."""
    yield from _shape(deed, {deed.told[0].name: 1})
    if before == after:
        yield Complaint(Kind.SHAPE, f"{deed.told[0].name} to {after}, as it was before")


def _removal(deed: Deed, ledger: Ledger, terms: Terms) -> Complaints:
    device_id = _addressee_device(deed)
    device = ledger.devices.get(device_id)
    if device is None or device.removed_at is not None:
        yield Complaint(Kind.SHAPE, f"removal of device {device_id}, which is removed or unknown")
    freed = {
        kept.license_id: kept
        for kept in ledger.licenses.values()
        if kept.device_id == device_id and kept.ended_at is None
    }
    number = len(freed)
    shape = {"device-removed": 1, "license-released": number, "download-dropped": number}
    yield from _shape(deed, {name: count for name, count in shape.items() if count})
    for told in deed.told:
        if isinstance(told.fact, LicenseReleased):
            yield from _same("reason", told.fact.reason, "device-removed")
    yield from _dropped(deed, freed, LicenseReleased)


_SETTLING_NOTHING = {
    "account-opened",
    "region-changed",
    "account-blocked",
    "account-unblocked",
    "standing-changed",
}
"""Leading events of commands that note nothing of withdrawals first; the last one does it after."""

_CHECKS = {
    "account-opened": _opening,
    "license-issued": _grant,
    "license-renewed": _renewal,
    "session-reported": _session,
    "first-play-reported": _play,
    "device-removed": _removal,
    "license-released": _release,
    "license-revoked": _revocation,
    "plan-changed": _plan,
    "region-changed": _region,
    "standing-changed": _standing,
    "account-blocked": _block,
    "account-unblocked": _unblock,
    "license-cut": _only_cut,
}


def _number(names: Counter[str], name: str) -> dict[str, int]:
    """As many of these as there are."""
    return {name: names[name]} if names[name] else {}


def _shape(deed: Deed, expected: dict[str, int], optional: tuple[str, ...] = ()) -> Complaints:
    names = deed.names()
    del names["license-cut"]  # `_cut` looks at it
    for name in optional:
        if names.get(name) == 1:
            del names[name]
    if names != Counter(expected):
        yield Complaint(Kind.SHAPE, f"recorded {dict(names)}, expected {expected}")


def _counted(deed: Deed, license_id: str, device_id: str, title_id: str) -> Complaints:
    fact = _fact(deed, DownloadCounted)
    yield from _same("title counted", _addressee(deed, DownloadCounted), title_id)
    yield from _same("download counted", (fact.license_id, fact.device_id), (license_id, device_id))


def _held(
    deed: Deed, license_id: str, device_id: str, title_id: str, expires_at: datetime | None
) -> Complaints:
    fact = _fact(deed, DownloadHeld)
    yield from _same("device that holds", _addressee(deed, DownloadHeld), device_id)
    yield from _same("download held", (fact.license_id, fact.title_id), (license_id, title_id))
    yield from _same("expiry of the download held", fact.expires_at, expires_at)


def _dropped(
    deed: Deed,
    freed: dict[str, LicenseKept],
    ending: type[LicenseReleased | LicenseRevoked],
) -> Complaints:
    ended = {t.aggregate_id for t in deed.told if isinstance(t.fact, ending)}
    dropped = {
        (t.aggregate_id, t.fact.license_id)
        for t in deed.told
        if isinstance(t.fact, DownloadDropped)
    }
    yield from _same("licences ended", ended, set(freed))
    expected = {(kept.device_id, kept.license_id) for kept in freed.values()}
    yield from _same("downloads dropped", dropped, expected)


def _fact(deed: Deed, kind: type[F]) -> F:
    return next(told.fact for told in deed.told if isinstance(told.fact, kind))


def _addressee(deed: Deed, kind: type[F]) -> str:
    return next(told.aggregate_id for told in deed.told if isinstance(told.fact, kind))


def _addressee_device(deed: Deed) -> str:
    return _fact(deed, DeviceRemoved).device_id


def _after(at: datetime, span: timedelta | None) -> datetime | None:
    return None if span is None else at + span


def _same(what: str, found: object, expected: object) -> Complaints:
    if found != expected:
        yield Complaint(Kind.ARITHMETIC, f"{what} is {found}, expected {expected}")
