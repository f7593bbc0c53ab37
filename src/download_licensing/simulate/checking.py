"""Runs the oracle over all customers of a journal, an export, or both."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from download_licensing.simulate.histories import (
    HistoryUnavailable,
    fetch_history,
    fetch_titles,
    read_history,
    read_titles,
)
from download_licensing.simulate.journal import LinesByOwner
from download_licensing.simulate.options import CheckOptions
from download_licensing.simulate.oracle import (
    Entry,
    Finding,
    History,
    Kind,
    RecordedEvent,
    Terms,
    TitleHistory,
    Titles,
    examine,
    examine_titles,
    read_terms,
)
from download_licensing.simulate.transport import HttpTransport, Transport, Unreachable

_decode_entry = msgspec.json.Decoder(Entry).decode
Watch = Callable[[int, int], None]


class Verdict:
    """What the oracle found.

    Attributes:
        customers: streams walked.
        events: events seen.
        answers: answers of the journal that were held against them.
        kinds: findings of each kind.
        findings: the first of them, with their details.
        whole: whether a journal was there and complete, so that nothing could be missed.
        duration_s: how long it took, in seconds.
    """

    def __init__(self, findings_max: int, whole: bool) -> None:
        self.customers = 0
        self.events = 0
        self.answers = 0
        self.kinds: Counter[Kind] = Counter()
        self.findings: list[Finding] = []
        self.whole = whole
        self.duration_s = 0.0
        self._findings_max = findings_max

    @property
    def accepted(self) -> bool:
        """Whether nothing was found."""
        return not self.kinds

    def as_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "accepted": self.accepted,
            "whole": self.whole,
            "customers": self.customers,
            "events": self.events,
            "answers": self.answers,
            "duration_s": round(self.duration_s, 3),
            "kinds": {str(kind): number for kind, number in self.kinds.items()},
            "findings": [str(finding) for finding in self.findings],
        }

    def take(self, findings: Iterable[Finding]) -> None:
        """Add findings."""
        for finding in findings:
            self.kinds[finding.kind] += 1
            if len(self.findings) < self._findings_max:
                self.findings.append(finding)


async def check_all(options: CheckOptions, watch: Watch | None = None) -> Verdict:
    """Check every customer.

    Raises:
        OSError: a file cannot be read.
        msgspec.DecodeError: a file is damaged.
        HistoryUnavailable: a history cannot be had.
        UnreadableTerms: the catalogue or a policy cannot be read.
        Unreachable: the service does not answer.
    """
    terms = read_terms(options.catalogue, options.policies)
    journal = LinesByOwner(options.journal) if options.journal else None
    export = LinesByOwner(options.export) if options.export else None
    check = _Check(terms, journal, export, options, watch)
    if export is not None:
        return await check.run(None)
    async with HttpTransport([options.url], options.connections, options.timeout_s) as transport:
        return await check.run(transport)


class _Check:
    def __init__(
        self,
        terms: Terms,
        journal: LinesByOwner | None,
        export: LinesByOwner | None,
        options: CheckOptions,
        watch: Watch | None,
    ) -> None:
        self._terms = terms
        self._journal = journal
        self._export = export
        self._workers = options.connections
        self._watch = watch
        whole = journal is not None and journal.ended
        self._verdict = Verdict(options.findings_max, whole)
        self._licenses: set[str] = set()
        self._titles = Titles()

    async def run(self, transport: Transport | None) -> Verdict:
        started = time.perf_counter()
        customers = self._customers()
        waiting = iter(customers)
        await self._examine_titles(transport)

        async def work() -> None:
            for customer_id in waiting:
                self._examine(customer_id, await self._events(customer_id, transport))
                if self._watch is not None:
                    self._watch(self._verdict.customers, len(customers))

        workers = [asyncio.ensure_future(work()) for _ in range(self._workers if transport else 1)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
        self._verdict.duration_s = time.perf_counter() - started
        return self._verdict

    async def _examine_titles(self, transport: Transport | None) -> None:
        events = await self._events_of_titles(transport)
        lines = [] if self._journal is None else self._journal.of_titles()
        entries = [_decode_entry(line) for line in lines]
        history = TitleHistory(events, entries, self._verdict.whole)
        found, self._titles = examine_titles(history)
        self._verdict.answers += sum(1 for entry in entries if entry.status)
        self._verdict.events += len(events)
        self._verdict.take(found)

    async def _events_of_titles(self, transport: Transport | None) -> list[RecordedEvent]:
        if transport is not None:
            return await fetch_titles(transport)
        assert self._export is not None
        return read_titles(self._export)

    def _customers(self) -> Sequence[str]:
        """Those of the journal; without one, all of the export."""
        source = self._journal or self._export
        assert source is not None
        return source.owners

    async def _events(self, customer_id: str, transport: Transport | None) -> list[RecordedEvent]:
        if transport is not None:
            return await fetch_history(transport, customer_id)
        assert self._export is not None
        return read_history(self._export, customer_id)

    def _examine(self, customer_id: str, events: list[RecordedEvent]) -> None:
        entries = self._entries(customer_id)
        history = History(customer_id, events, entries, complete=self._verdict.whole)
        self._verdict.customers += 1
        self._verdict.events += len(events)
        self._verdict.answers += sum(1 for entry in entries if entry.status)
        self._verdict.take(examine(history, self._terms, self._titles))
        self._verdict.take(self._issued_twice(customer_id, events))

    def _entries(self, customer_id: str) -> list[Entry]:
        if self._journal is None:
            return []
        return [_decode_entry(line) for line in self._journal.of(customer_id)]

    def _issued_twice(self, customer_id: str, events: list[RecordedEvent]) -> Iterable[Finding]:
        """Licence ids are unique among all customers."""
        for event in events:
            if event.name == "license-issued":
                if event.aggregate_id in self._licenses:
                    detail = f"licence {event.aggregate_id} belongs to another customer too"
                    yield Finding(customer_id, event.position, Kind.SHAPE, detail)
                self._licenses.add(event.aggregate_id)


__all__ = ["HistoryUnavailable", "Unreachable", "Verdict", "check_all"]
