"""Walks one customer's stream beside the journal, and says all that is wrong with the two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from math import inf

import msgspec

from download_licensing.simulate.oracle.answers import (
    Body,
    Problem,
    Refusal,
    Renewed,
    Synced,
    decode_body,
)
from download_licensing.simulate.oracle.claims import (
    NOTHING_OF_IT,
    WITHDRAWN,
    Effect,
    against,
    against_effect,
)
from download_licensing.simulate.oracle.deeds import check_deed, check_settled
from download_licensing.simulate.oracle.findings import Complaint, Finding, Kind
from download_licensing.simulate.oracle.journal import Entry, by_key
from download_licensing.simulate.oracle.ledger import Ledger
from download_licensing.simulate.oracle.order import RealTimeOrder, acknowledged_ns, began_ns
from download_licensing.simulate.oracle.records import (
    AccountOpened,
    Deed,
    LicenseIssued,
    LicenseReleased,
    RecordedEvent,
    SessionReported,
    UnreadableEvent,
    deeds_of,
)
from download_licensing.simulate.oracle.requests import asked_otherwise, settled_otherwise
from download_licensing.simulate.oracle.stream import check_stream
from download_licensing.simulate.oracle.syncs import (
    SYNCING,
    SyncWalk,
    contradictions_of,
    parts_of,
    settled_apart,
)
from download_licensing.simulate.oracle.terms import Terms
from download_licensing.simulate.oracle.withdrawals import Known, Titles, Withdrawn, seen

NONE_WITHDRAWN = Titles()


class History(msgspec.Struct):
    """What is known of one customer.

    Attributes:
        customer_id: whose.
        events: of the stream, from its beginning.
        entries: of the journal, in any order.
        complete: whether the journal holds every request that was ever sent for the customer, so
            that an event which none of them explains is a finding.
    """

    customer_id: str
    events: Sequence[RecordedEvent]
    entries: Sequence[Entry] = ()
    complete: bool = False


class _Claim(msgspec.Struct):
    """An answer that waits for a state on which it is right.

    Attributes:
        earliest, latest: the states that it may have met, by the positions of their last events.
        effect: what its key did.
        before: the last state on which it may have had no effect all the same: what changes nothing
            is not kept under its key, and may have an effect when it is sent again.
    """

    entry: Entry
    body: Body
    earliest: int
    latest: int
    effect: Deed | None
    before: int = -1
    contradiction: str = "no state in real-time order is left for it"


def examine(history: History, terms: Terms, titles: Titles = NONE_WITHDRAWN) -> list[Finding]:
    """Everything that is wrong with one customer's history, in the order of the stream.

    Args:
        history: the customer's.
        terms: what there is, and what holds for it.
        titles: that were withdrawn, and when it was known.
    """
    stream = f"customer/{history.customer_id}"
    found = list(check_stream(history.customer_id, history.events, stream))
    if found:
        return found
    try:
        deeds = list(deeds_of(history.events))
    except UnreadableEvent as error:
        return [Finding(history.customer_id, 0, Kind.SHAPE, str(error))]
    unknown = _named(history, deeds) - terms.plans - terms.titles.keys()
    if unknown:
        detail = f"the catalogue has no {', '.join(sorted(unknown))}: is it the service's?"
        return [Finding(history.customer_id, 0, Kind.SHAPE, detail)]
    return _Walk(history, deeds, terms, titles).run()


def _named(history: History, deeds: Iterable[Deed]) -> set[str]:
    """The plans and titles that a history speaks of."""
    facts = [told.fact for deed in deeds for told in deed.told]
    named = {entry.title_id for entry in history.entries}
    named |= {fact.plan for fact in facts if isinstance(fact, AccountOpened)}
    named |= {fact.title_id for fact in facts if isinstance(fact, LicenseIssued)}
    return named - {""}


class _Walk:
    def __init__(self, history: History, deeds: list[Deed], terms: Terms, titles: Titles) -> None:
        self._history = history
        self._titles = titles
        self._deeds = deeds
        self._terms = terms
        self._ledger = Ledger(history.customer_id)
        self._found: list[Finding] = []
        self._asked = by_key(history.entries)
        self._order = RealTimeOrder(deeds, self._asked)
        self._deed_of = self._deeds_by_key()
        self._coming = sorted(self._claims(), key=lambda claim: claim.earliest, reverse=True)
        self._open: list[_Claim] = []
        self._answers: dict[str, Entry] = {}

    def run(self) -> list[Finding]:
        self._settle_claims(0, None)
        for deed in self._deeds:
            if not self._check_request(deed):
                return self._found
            self._check_holdings(deed)
            self._settle_claims(deed.last, deed)
        for claim in (*self._open, *self._coming):
            self._reject(claim)
        return self._found

    def _deeds_by_key(self) -> dict[str, Deed]:
        deeds: dict[str, Deed] = {}
        for deed in self._deeds:
            if deed.command_id and deed.command_id in deeds:
                earlier = deeds[deed.command_id].first
                detail = f"key {deed.command_id} already did at {earlier}"
                self._find(deed.first, Kind.TWICE, detail)
            deeds.setdefault(deed.command_id, deed)
        return deeds

    def _claims(self) -> Iterable[_Claim]:
        for entry in self._history.entries:
            if not entry.status:
                continue
            try:
                body = decode_body(entry.call, entry.status, entry.body)
            except msgspec.DecodeError as error:
                self._find(0, Kind.ANSWER, f"{entry.call} {entry.key}: unreadable: {error}")
                continue
            deed = None if entry.reuses_key or not entry.key else self._deed_of.get(entry.key)
            earliest = self._order.earliest(entry.began_ns)
            latest = self._order.latest(entry.ended_ns)
            effect = deed if entry.status < 300 else None
            before = min(latest, deed.first - 1) if deed else -1
            if entry.call in {"request", "renew"} or earliest > before:
                before = -1
            if deed is not None:  # without effect is right before it only
                latest = min(latest, deed.first - 1)
            if effect is not None:  # a repetition tells what was then, however late it comes
                earliest = min(earliest, effect.last)
            yield _Claim(entry, body, earliest, latest, effect, before if effect else -1)

    def _check_request(self, deed: Deed) -> bool:
        """Check a deed, part by part; False if the walk cannot go on."""
        entries = self._asked.get(deed.command_id, [])
        self._check_order(deed, entries)
        at, known = deed.told[0].fact.at, self._known(deed, entries)
        settled, rest = settled_apart(deed)
        if not self._check_settled(settled, rest, entries, known, at):
            return False
        before = deed.first - 1 + len(settled.told)
        synced = self._synced(entries, before, known, at)
        together = bool(entries) and entries[0].call in SYNCING
        for part in self._parts(rest, split=together or not entries):
            for walk in synced:
                walk.before(part)
            if entries and (difference := asked_otherwise(entries, part, self._ledger)):
                self._find(deed.first, Kind.SHAPE, f"key {deed.command_id}: {difference}")
            for complaint in self._complaints(part, known, at):
                self._find(deed.first, complaint.kind, complaint.detail)
            if not self._enter(part):
                return False
            for walk in synced:
                walk.after(part)
        for contradiction in contradictions_of(synced):
            self._find(deed.last, Kind.ANSWER, f"key {deed.command_id}: {contradiction}")
        return True

    def _known(self, deed: Deed, entries: Sequence[Entry]) -> Known:
        """What a deed may have known of withdrawals."""
        sent = [entry for entry in entries if entry.at == deed.told[0].fact.at] or entries
        if not sent:
            return self._titles.known()
        ended = acknowledged_ns(sent)
        return self._titles.known(began_ns(sent), inf if ended is None else ended)

    def _check_settled(
        self, settled: Deed, rest: Deed, entries: Sequence[Entry], known: Known, at: datetime
    ) -> bool:
        """Check what a deed notes first; False if the walk cannot go on."""
        complaints = known.judge(
            lambda withdrawn: check_settled(settled, rest, seen(self._ledger, withdrawn, at))
        )
        for complaint in complaints:
            self._find(settled.first, complaint.kind, complaint.detail)
        if entries and not rest.told and (difference := settled_otherwise(entries, settled)):
            self._find(settled.first, Kind.SHAPE, f"key {settled.command_id}: {difference}")
        return self._enter(settled)

    def _parts(self, rest: Deed, *, split: bool) -> list[Deed]:
        if not rest.told:
            return []
        return parts_of(rest) if split else [rest]

    def _complaints(self, part: Deed, known: Known, at: datetime) -> list[Complaint]:
        return known.judge(
            lambda withdrawn: check_deed(part, seen(self._ledger, withdrawn, at), self._terms)
        )

    def _synced(
        self, entries: Sequence[Entry], position: int, known: Known, at: datetime
    ) -> list[SyncWalk]:
        """The answers to a sync, to be walked beside what it recorded from a position on.

        There may be several: one that changed nothing is not kept under its key.
        """
        if not entries or entries[0].call not in SYNCING:
            return []
        answered = {entry.crc: entry for entry in entries if entry.status == 200}
        bodies = [decode_body(each.call, 200, each.body) for each in answered.values()]
        return [
            SyncWalk(
                *(body.items, self._ledger, self._terms),
                at=at,
                known=known.copy(),
                position=position,
            )
            for body in bodies
            if isinstance(body, Synced | Renewed)
        ]

    def _check_order(self, deed: Deed, entries: Sequence[Entry]) -> None:
        if not entries:
            if self._history.complete:
                self._find(deed.first, Kind.UNEXPLAINED, f"of command {deed.command_id!r}")
            return
        began = began_ns(entries)
        surely = self._order.earliest(began)
        if surely >= deed.first:
            detail = f"key {deed.command_id} began after position {surely} was acknowledged"
            self._find(deed.first, Kind.ORDER, detail)

    def _enter(self, deed: Deed) -> bool:
        try:
            for told in deed.told:
                self._ledger.enter(told)
        except KeyError as error:
            detail = f"{deed.told[0].name} speaks of the unknown {error}; the walk ends here"
            self._find(deed.first, Kind.SHAPE, detail)
            return False
        return True

    def _check_holdings(self, deed: Deed) -> None:
        """What devices say that they hold is what the licences say."""
        held = {
            (device_id, license_id): ends_at
            for device_id, device in self._ledger.devices.items()
            for license_id, ends_at in device.held.items()
        }
        kept = {
            (license.device_id, license.license_id): license.ends_at()
            for license in self._ledger.licenses.values()
            if license.ended_at is None
        }
        if held != kept:
            detail = f"devices and licences disagree on {held.items() ^ kept.items()}"
            self._find(deed.last, Kind.ARITHMETIC, detail)

    def _settle_claims(self, position: int, deed: Deed | None) -> None:
        """Try the claims that may have met this state; drop those that are right on it."""
        while self._coming and self._coming[-1].earliest <= position:
            self._open.append(self._coming.pop())
        waiting = []
        for claim in self._open:
            if deed is not None and claim.effect is deed:
                self._settle_effect(claim, deed)
            elif claim.effect is None and position > claim.latest:
                self._reject(claim)
            elif not self._right_here(claim, position):
                waiting.append(claim)
        self._open = waiting

    def _right_here(self, claim: _Claim, position: int) -> bool:
        if position > (claim.latest if claim.effect is None else claim.before):
            return False
        contradiction = self._against(claim, position)
        if contradiction is None:
            return True
        claim.contradiction = contradiction
        return False

    def _against(self, claim: _Claim, position: int) -> str | None:
        """What speaks against an answer here, whatever it may have known of withdrawals."""
        entry, body = claim.entry, claim.body

        def speaks(withdrawn: Withdrawn) -> list[str]:
            ledger = seen(self._ledger, withdrawn, entry.at)
            contradiction = against(entry, body, ledger, self._terms, position)
            return [] if contradiction is None else [contradiction]

        known = self._titles.known(entry.began_ns, entry.ended_ns)
        return next(iter(known.judge(speaks)), None)

    def _settle_effect(self, claim: _Claim, deed: Deed) -> None:
        freed = {told.aggregate_id for told in deed.told if isinstance(told.fact, LicenseReleased)}
        news = any(isinstance(told.fact, SessionReported) for told in deed.told)
        effect = Effect(deed.told[0].fact.at, frozenset(freed), news)
        entry = claim.entry
        contradiction = against_effect(entry, claim.body, self._ledger, self._terms, effect)
        if contradiction is not None:
            detail = f"{entry.call} {entry.key} ({entry.status}): {contradiction}"
            self._find(deed.last, Kind.ANSWER, detail)
        first = self._answers.setdefault(entry.key, entry)
        if (first.status, first.crc) != (entry.status, entry.crc):
            detail = f"key {entry.key} was answered in two ways"
            self._find(deed.last, Kind.ANSWER, detail)

    def _reject(self, claim: _Claim) -> None:
        entry = claim.entry
        kind = Kind.ANSWER
        withdrawn = isinstance(claim.body, Problem) and claim.body.type == WITHDRAWN
        if withdrawn or isinstance(claim.body, Refusal):
            kind = Kind.REFUSED_BELOW_LIMIT
        elif claim.contradiction == NOTHING_OF_IT:
            kind = Kind.LOST
        where = f"between {claim.earliest} and {claim.latest}, at {entry.at:%Y-%m-%dT%H:%M:%S.%fZ}"
        what = " ".join(
            part
            for part in (entry.call, entry.key, entry.license_id, entry.device_id, entry.title_id)
            if part
        )
        detail = f"{what} ({entry.status}), {where}: {claim.contradiction}"
        self._find(claim.latest, kind, detail)

    def _find(self, position: int, kind: Kind, detail: str) -> None:
        self._found.append(Finding(self._history.customer_id, position, kind, detail))
