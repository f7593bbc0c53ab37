"""Judges the stream of titles: what operators withdrew and reinstated, and were told of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import inf

import msgspec

from download_licensing.simulate.oracle.answers import Withdrawal, decode_body
from download_licensing.simulate.oracle.findings import Finding, Kind
from download_licensing.simulate.oracle.journal import TITLES_STREAM, Entry, by_key
from download_licensing.simulate.oracle.order import RealTimeOrder, began_ns
from download_licensing.simulate.oracle.records import (
    Deed,
    RecordedEvent,
    TitleReinstated,
    TitleWithdrawn,
    UnreadableEvent,
    deeds_of,
)
from download_licensing.simulate.oracle.stream import check_stream
from download_licensing.simulate.oracle.withdrawals import Change, Titles, Withdrawn

Standing = dict[str, tuple[datetime, str]]
"""Since when the withdrawn titles are, and why."""


class TitleHistory(msgspec.Struct):
    """What is known of the titles.

    Attributes:
        events: of their stream, from its beginning.
        entries: of the journal, in any order.
        complete: whether the journal holds every request about titles of its run.
    """

    events: Sequence[RecordedEvent] = ()
    entries: Sequence[Entry] = ()
    complete: bool = False


def examine_titles(history: TitleHistory) -> tuple[list[Finding], Titles]:
    """Everything that is wrong with the history of titles, and what could be known of it when."""
    found = list(check_stream(TITLES_STREAM, history.events, TITLES_STREAM))
    if found:
        return found, Titles()
    try:
        deeds = list(deeds_of(history.events))
    except UnreadableEvent as error:
        return [Finding(TITLES_STREAM, 0, Kind.SHAPE, str(error))], Titles()
    walk = _Walk(history, deeds)
    return walk.run(), Titles(walk.changes)


class _Walk:
    def __init__(self, history: TitleHistory, deeds: list[Deed]) -> None:
        self._history = history
        self._deeds = deeds
        self._asked = by_key(history.entries)
        self._order = RealTimeOrder(deeds, self._asked)
        self._spans: Withdrawn = {}
        self._standings: list[Standing] = [{}]
        self._found: list[Finding] = []
        self.changes: list[Change] = []

    def run(self) -> list[Finding]:
        for deed in self._deeds:
            self._check(deed)
            self._enter(deed)
        for entry in self._history.entries:
            if entry.status == 200:
                self._answer(entry)
        return self._found

    def _check(self, deed: Deed) -> None:
        """Each command changes how one title stands, and is one that was asked for."""
        told, standing = deed.told[0], self._standings[-1]
        withdraws = isinstance(told.fact, TitleWithdrawn)
        if len(deed.told) != 1 or (told.aggregate_id in standing) == withdraws:
            self._find(deed.first, Kind.SHAPE, f"{told.name} of {told.aggregate_id}: no change")
        entries = self._asked.get(deed.command_id)
        if entries is None:
            if self._history.complete and self._of_run(deed):
                self._find(deed.first, Kind.UNEXPLAINED, f"of command {deed.command_id!r}")
            return
        asked = {(each.call, each.title_id, each.at, _reason(each)) for each in entries}
        call = "withdraw" if withdraws else "reinstate"
        reason = told.fact.reason if isinstance(told.fact, TitleWithdrawn) else ""
        if (call, told.aggregate_id, told.fact.at, reason) not in asked:
            self._find(deed.first, Kind.SHAPE, f"asked for {asked}, did {told}")
        if self._order.earliest(began_ns(entries)) >= deed.first:
            detail = f"key {deed.command_id} began after a later position was acknowledged"
            self._find(deed.first, Kind.ORDER, detail)

    def _of_run(self, deed: Deed) -> bool:
        """Whether it lies among those of the run; what precedes or follows is of another one."""
        own = [each.first for each in self._deeds if each.command_id in self._asked]
        return bool(own) and own[0] < deed.first < own[-1]

    def _enter(self, deed: Deed) -> None:
        standing, spans = dict(self._standings[-1]), dict(self._spans)
        for told in deed.told:
            before = spans.get(told.aggregate_id, ())
            match told.fact:
                case TitleWithdrawn(reason, at):
                    standing.setdefault(told.aggregate_id, (at, reason))
                    spans[told.aggregate_id] = (*before, (at, None))
                case TitleReinstated(at) if before:
                    standing.pop(told.aggregate_id, None)
                    since = before[-1][0]
                    spans[told.aggregate_id] = (*before[:-1], (since, max(since, at)))
                case _:
                    self._find(deed.first, Kind.SHAPE, f"{told.name} on the stream of titles")
        self._spans = spans
        self._standings += [standing] * (deed.last + 1 - deed.first)
        self.changes.append(self._change(deed, spans))

    def _change(self, deed: Deed, spans: Withdrawn) -> Change:
        entries = self._asked.get(deed.command_id)
        if entries is None:
            return self._change_of_another_run(deed, spans)
        answered = all(200 <= entry.status < 300 for entry in entries)
        surely_ns = max(entry.ended_ns for entry in entries) if answered else inf
        return Change(began_ns(entries), surely_ns, spans)

    def _change_of_another_run(self, deed: Deed, spans: Withdrawn) -> Change:
        """What precedes the run was known, what follows it was not; without a run, who knows."""
        own = [each.first for each in self._deeds if each.command_id in self._asked]
        if not own:
            return Change(-inf, inf, spans)
        return Change(inf, inf, spans) if deed.first > own[-1] else Change(-inf, -inf, spans)

    def _answer(self, entry: Entry) -> None:
        """An answer has to be right on some state that it may have met."""
        try:
            body = decode_body(entry.call, entry.status, entry.body)
        except msgspec.DecodeError as error:
            self._find(0, Kind.ANSWER, f"{entry.call} {entry.key}: unreadable: {error}")
            return
        assert isinstance(body, Withdrawal)
        deed = next((deed for deed in self._deeds if deed.command_id == entry.key), None)
        said = (body.withdrawn_at, body.reason)
        if deed is not None:  # a repetition tells what was then, however late it comes
            possible = [self._standings[deed.last].get(entry.title_id, (None, None))]
        else:
            earliest = self._order.earliest(entry.began_ns)
            latest = max(earliest, self._order.latest(entry.ended_ns))
            met = self._standings[earliest : latest + 1]
            possible = [each.get(entry.title_id, (None, None)) for each in met]
            wanted = entry.call == "withdraw"
            possible = [each for each in possible if (each[0] is not None) == wanted]
        if said not in possible:
            kind = Kind.ANSWER if possible else Kind.LOST
            detail = f"{entry.call} {entry.key} {entry.title_id}: answered {said}: {possible}"
            self._find(deed.last if deed else 0, kind, detail)

    def _find(self, position: int, kind: Kind, detail: str) -> None:
        self._found.append(Finding(TITLES_STREAM, position, kind, detail))


def _reason(entry: Entry) -> str:
    return entry.reason if entry.call == "withdraw" else ""
