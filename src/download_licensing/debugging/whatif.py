"""What would a policy have said? On the histories as they were, of one customer or of all.

The answer is counted, so that it stays small however many decisions there are; of those that come
out differently some are told.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime

import msgspec

from download_licensing.debugging.judging import Judged, Judging
from download_licensing.debugging.noted import REFUSALS_MAX
from download_licensing.debugging.withdrawn import withdrawals
from download_licensing.domain.cuts import Withdrawn
from download_licensing.domain.policy import PolicySource
from download_licensing.domain.refusals import AccountNotFound
from download_licensing.domain.rule import Decision
from download_licensing.domain.terms import Title, by_agreement
from download_licensing.service.licensing import AGGREGATES, stream_of
from download_licensing.service.noted_refusals import RefusalNoted, Refusals, refusals_stream_of
from helenus.codec import Codec
from helenus.repository import AggregateRepository
from helenus.settings import RepositorySettings
from helenus.store import EventStore, StreamDirectory

CUSTOMERS_AT_ONCE = 8
CUSTOMERS_PAGE = 256
COMMITS_BETWEEN_BREATHS = 250
"""Commits judged between two chances for others to run."""

TOLD_MAX = 10_000


class DecisionTold(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as it was made, and as the policy would have made it.

    Attributes:
        customer_id: whose.
        position: of the event that recorded a grant; of the last event before a refusal.
        at: the time it was decided as of.
        decision: a new download, a renewal or a refresh; null: the policy cannot say.
        device_id: where the download was to lie, or lies.
        title_id: what it was to be of, or is.
        license_id: what was granted or extended, or was to be; "": a refused new download.
        policy_version: that it was decided by.
        granted: whether it was.
        reasons: why it was not.
        expires_at: when the licence ended as it was granted; null: never, or it was not.
        would_be_granted: by the policy; null: it cannot say.
        would_be_reasons: why it would not.
        would_expire_at: when the licence would end; null: never, or it would not be granted.
        times: how often it was asked for; grants count once.
    """

    customer_id: str
    position: int
    at: datetime
    decision: Decision | None
    device_id: str
    title_id: str
    license_id: str
    policy_version: str
    granted: bool
    reasons: tuple[str, ...]
    expires_at: datetime | None
    would_be_granted: bool | None
    would_be_reasons: tuple[str, ...]
    would_expire_at: datetime | None
    times: int


class Tally(msgspec.Struct, kw_only=True):
    """What a policy would have said, counted.

    Attributes:
        customers: whose histories were looked at.
        decisions: that were judged.
        granted: of them, as they were made.
        refused: of them, as they were made and noted.
        would_be_refused: grants that the policy would have refused, by its first reason.
        would_be_granted: refusals that the policy would have granted, by their first reason.
        would_last_otherwise: grants that it would have made for another time.
        cannot_say: decisions about titles that the catalogue no longer has, or of a time when the
            policy was not in force.
        told: some decisions that would have come out differently, the first that were met.
    """

    customers: int = 0
    decisions: int = 0
    granted: int = 0
    refused: int = 0
    would_be_refused: Counter[str] = msgspec.field(default_factory=Counter)
    would_be_granted: Counter[str] = msgspec.field(default_factory=Counter)
    would_last_otherwise: int = 0
    cannot_say: int = 0
    told: list[DecisionTold] = msgspec.field(default_factory=list)

    @property
    def differ(self) -> int:
        """Decisions that would have come out the other way."""
        return self.would_be_refused.total() + self.would_be_granted.total()

    def add(self, customer_id: str, judged: Sequence[Judged], told_max: int) -> None:
        """Count decisions of a customer.

        Args:
            customer_id: whose.
            judged: what the policy says of them.
            told_max: how many are told in all.
        """
        for one in judged:
            self.decisions += 1
            if one.granted:
                self.granted += 1
            else:
                self.refused += 1
            if one.judgement is None:
                self.cannot_say += 1
            elif one.differs:
                reasons, counter = (
                    (one.judgement.reasons, self.would_be_refused)
                    if one.granted
                    else (one.reasons, self.would_be_granted)
                )
                counter[reasons[0] if reasons else ""] += 1
                if len(self.told) < told_max:
                    self.told.append(told(customer_id, one))
            elif one.lasts_otherwise:
                self.would_last_otherwise += 1


class WhatIf:
    """Judges histories of a store by a policy, customer by customer.

    Args:
        store: that holds them.
        policies: says which policy to judge by at a time; `Always` for one throughout.
        titles: those of the catalogue, by id.
        since: decisions made before are not judged; None: all are.
        told_max: decisions that are told, 0 to `TOLD_MAX`.

    Attributes:
        tally: what was found so far.
        cursor: where the directory of customers goes on after those counted; "" at its begin.
    """

    def __init__(
        self,
        store: EventStore,
        policies: PolicySource,
        titles: Mapping[str, Title],
        *,
        since: datetime | None = None,
        told_max: int = 20,
    ) -> None:
        self._store = store
        self._policies = policies
        self._titles = titles
        self._alongside = by_agreement(titles.values())
        self._since = since
        self._told_max = min(told_max, TOLD_MAX)
        self._customers = Codec(AGGREGATES)
        self._refusals = Codec([Refusals])
        self._withdrawn: Withdrawn | None = None
        self._looking = asyncio.Lock()
        self.tally = Tally()
        self.cursor = ""

    async def customer(self, customer_id: str) -> Tally:
        """Judge one customer's decisions.

        Raises:
            AccountNotFound: nothing was ever recorded for this customer.
        """
        found = False
        async for judged in self.judged(customer_id):
            found = True
            self.tally.add(customer_id, judged, self._told_max)
        if not found:
            raise AccountNotFound(customer_id)
        self.tally.customers += 1
        return self.tally

    async def population(
        self,
        directory: StreamDirectory,
        *,
        after: str = "",
        progress: Callable[[Tally], None] | None = None,
    ) -> Tally:
        """Judge the decisions of all customers.

        It may be cancelled at any time: `tally` and `cursor` then say what was found so far and
        where to go on. Memory holds a few pages of histories, however many there are.

        Args:
            directory: lists the streams of the store.
            after: a cursor, to go on from.
            progress: is told now and then.
        """
        self.cursor = after
        prefix = stream_of("")
        pages = directory.streams(prefix=prefix, after=after, page_streams=CUSTOMERS_PAGE)
        async for page in pages:
            counted = Tally()
            for begin in range(0, len(page.streams), CUSTOMERS_AT_ONCE):
                streams = page.streams[begin : begin + CUSTOMERS_AT_ONCE]
                ids = [stream.removeprefix(prefix) for stream in streams]
                await asyncio.gather(*[self._count(customer_id, counted) for customer_id in ids])
                if progress is not None:
                    progress(merged(self.tally, counted, self._told_max))
            self.tally = merged(self.tally, counted, self._told_max)
            self.cursor = page.cursor
        return self.tally

    async def _count(self, customer_id: str, tally: Tally) -> None:
        room = self._told_max - len(self.tally.told)
        async for judged in self.judged(customer_id):
            tally.add(customer_id, judged, room)
        tally.customers += 1

    async def judged(self, customer_id: str) -> AsyncIterator[list[Judged]]:
        """The decisions of a customer, a page of the store at a time; none for an unknown one."""
        stream = stream_of(customer_id)
        noted = await self._noted(customer_id)
        judging = Judging(
            AGGREGATES,
            self._policies,
            self._titles,
            noted,
            since=self._since,
            alongside=self._alongside,
            withdrawn=await self._withdrawn_titles(),
        )
        async for page in self._store.read(stream):
            if not page.commits:
                continue
            found: list[Judged] = []
            bodies = self._customers.decode_bodies(stream, page.commits)
            for number, entries in enumerate(bodies, start=1):
                found += judging.commit(entries)
                if number % COMMITS_BETWEEN_BREATHS == 0:
                    await asyncio.sleep(0)
            yield found
        if judging.fold.position:
            yield judging.finish()

    async def _withdrawn_titles(self) -> Withdrawn:
        """The titles that were withdrawn by the time that the first decision was judged."""
        async with self._looking:
            if self._withdrawn is None:
                # As the service has it, whose snapshot is so of use, and without taking one.
                looking = RepositorySettings(snapshot_events=0)
                titles = AggregateRepository(self._store, AGGREGATES, settings=looking)
                self._withdrawn = (await withdrawals(titles)).spans
        return self._withdrawn

    async def _noted(self, customer_id: str) -> list[RefusalNoted]:
        stream = refusals_stream_of(customer_id)
        latest: deque[RefusalNoted] = deque(maxlen=REFUSALS_MAX)
        async for page in self._store.read(stream):
            for entries in self._refusals.decode_bodies(stream, page.commits):
                latest.extend([one for _, _, one in entries if isinstance(one, RefusalNoted)])
        return list(latest)


def merged(one: Tally, other: Tally, told_max: int) -> Tally:
    """Two tallies of different customers as one."""
    return Tally(
        customers=one.customers + other.customers,
        decisions=one.decisions + other.decisions,
        granted=one.granted + other.granted,
        refused=one.refused + other.refused,
        would_be_refused=one.would_be_refused + other.would_be_refused,
        would_be_granted=one.would_be_granted + other.would_be_granted,
        would_last_otherwise=one.would_last_otherwise + other.would_last_otherwise,
        cannot_say=one.cannot_say + other.cannot_say,
        told=[*one.told, *other.told][:told_max],
    )


def told(customer_id: str, judged: Judged) -> DecisionTold:
    """A judged decision in the form that leaves the service."""
    judgement = judged.judgement
    allowed = None if judgement is None else judgement.allowed
    return DecisionTold(
        customer_id=customer_id,
        position=judged.position,
        at=judged.at,
        decision=None if judgement is None else judgement.decision,
        device_id=judged.asked.device_id,
        title_id=judged.asked.title_id,
        license_id=judged.license_id,
        policy_version=judged.policy_version,
        granted=judged.granted,
        reasons=judged.reasons,
        expires_at=judged.expires_at,
        would_be_granted=allowed,
        would_be_reasons=() if judgement is None else judgement.reasons,
        would_expire_at=judgement.expires_at if judgement and allowed else None,
        times=judged.times,
    )
