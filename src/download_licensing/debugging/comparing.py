"""Which recorded decisions would two policies make differently?"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec

from download_licensing.debugging.judging import Always, Judged, Judgement
from download_licensing.debugging.whatif import CUSTOMERS_AT_ONCE, CUSTOMERS_PAGE, WhatIf
from download_licensing.domain.policy import Policy
from download_licensing.domain.terms import Title
from download_licensing.service.licensing import stream_of
from helenus.store import EventStore, StreamDirectory


class Contrast(msgspec.Struct, frozen=True, kw_only=True):
    """A decision that two policies make differently.

    Attributes:
        customer_id: whose.
        position: of the event that recorded a grant; of the last event before a refusal.
        at: the time it was decided as of.
        device_id: where the download was to lie, or lies.
        title_id: what it was to be of, or is.
        before: why the first policy refuses it; empty: it grants it.
        after: why the second does.
    """

    customer_id: str
    position: int
    at: datetime
    device_id: str
    title_id: str
    before: tuple[str, ...]
    after: tuple[str, ...]


class Contrasts(msgspec.Struct, kw_only=True):
    """What two policies make differently, counted.

    Attributes:
        customers: whose histories were looked at.
        decisions: that were judged by both.
        refused_instead: granted by the first and refused by the second, by its first reason.
        granted_instead: refused by the first and granted by the second, by the first's reason.
        last_otherwise: granted by both, for another time.
        cannot_say: decisions about titles that the catalogue no longer has.
        told: some that come out differently, the first that were met.
    """

    customers: int = 0
    decisions: int = 0
    refused_instead: Counter[str] = msgspec.field(default_factory=Counter)
    granted_instead: Counter[str] = msgspec.field(default_factory=Counter)
    last_otherwise: int = 0
    cannot_say: int = 0
    told: list[Contrast] = msgspec.field(default_factory=list)

    @property
    def differ(self) -> int:
        """Decisions that come out the other way."""
        return self.refused_instead.total() + self.granted_instead.total()


class Comparing:
    """Judges the decisions of a store by two policies, each at its own moment.

    Args:
        store: that holds the histories.
        before: the first policy, as if it had always been in force.
        after: the second.
        titles: those of the catalogue, by id.
        since: decisions made before are not judged; None: all are.
        told_max: decisions that are told.

    Attributes:
        tally: what was found so far.
    """

    def __init__(
        self,
        store: EventStore,
        before: Policy,
        after: Policy,
        titles: Mapping[str, Title],
        *,
        since: datetime | None = None,
        told_max: int = 20,
    ) -> None:
        self._judges = [WhatIf(store, Always(one), titles, since=since) for one in (before, after)]
        self._told_max = told_max
        self.tally = Contrasts()

    async def population(
        self,
        directory: StreamDirectory,
        *,
        progress: Callable[[Contrasts], None] | None = None,
    ) -> Contrasts:
        """Judge the decisions of all customers.

        Args:
            directory: lists the streams of the store.
            progress: is told now and then.
        """
        prefix = stream_of("")
        async for page in directory.streams(prefix=prefix, page_streams=CUSTOMERS_PAGE):
            ids = [stream.removeprefix(prefix) for stream in page.streams]
            for begin in range(0, len(ids), CUSTOMERS_AT_ONCE):
                some = ids[begin : begin + CUSTOMERS_AT_ONCE]
                await asyncio.gather(*[self.customer(customer_id) for customer_id in some])
                if progress is not None:
                    progress(self.tally)
        return self.tally

    async def customer(self, customer_id: str) -> None:
        """Judge one customer's decisions. What is recorded meanwhile is judged by neither."""
        one, other = [
            {
                (judged.position, judged.license_id, judged.asked, judged.at): judged
                async for page in judge.judged(customer_id)
                for judged in page
            }
            for judge in self._judges
        ]
        for decision, by_one in one.items():
            if decision in other:
                self._count(customer_id, by_one, other[decision])
        self.tally.customers += 1

    def _count(self, customer_id: str, by_one: Judged, by_other: Judged) -> None:
        tally, was, now = self.tally, by_one.judgement, by_other.judgement
        tally.decisions += 1
        if was is None or now is None:
            tally.cannot_say += 1
        elif was.allowed and now.allowed:
            tally.last_otherwise += was.expires_at != now.expires_at
        elif was.allowed != now.allowed:
            counter, reasons = (
                (tally.refused_instead, now.reasons)
                if was.allowed
                else (tally.granted_instead, was.reasons)
            )
            counter[reasons[0]] += 1
            if len(tally.told) < self._told_max:
                tally.told.append(_contrast(customer_id, by_one, was, now))


def _contrast(customer_id: str, judged: Judged, was: Judgement, now: Judgement) -> Contrast:
    return Contrast(
        customer_id=customer_id,
        position=judged.position,
        at=judged.at,
        device_id=judged.asked.device_id,
        title_id=judged.asked.title_id,
        before=was.reasons,
        after=now.reasons,
    )


def counted(tally: Contrasts) -> str:
    """How far it is, on one line."""
    return f"{tally.customers:,} customers, {tally.decisions:,} decisions, {tally.differ:,} differ"
