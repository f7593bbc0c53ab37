"""All questions about the customers of one store, in one place."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime

import msgspec

from download_licensing.catalogue import Catalogue
from download_licensing.debugging import states, why
from download_licensing.debugging.bundle import Bundler
from download_licensing.debugging.judging import Always
from download_licensing.debugging.masking import Mask
from download_licensing.debugging.noted import refusals_of
from download_licensing.debugging.states import HEAD, Changes, Moment, StateAt
from download_licensing.debugging.timeline import Timeline, head_of, timeline
from download_licensing.debugging.versions import PolicyVersions
from download_licensing.debugging.whatif import Tally, WhatIf
from download_licensing.debugging.why import Explanation, Question
from download_licensing.domain.policy import Policy
from download_licensing.service.noted_refusals import RefusalNoted
from helenus.repository import AggregateRepository
from helenus.store import EventStore


class NotedRefusals(msgspec.Struct, frozen=True, kw_only=True):
    """Refusals of a customer that were noted.

    Attributes:
        customer_id: whose.
        refusals: the latest first.
    """

    customer_id: str
    refusals: list[RefusalNoted]


class PolicyVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy would have said of one customer's decisions.

    Attributes:
        customer_id: whose.
        policy_version: of the policy; "": at each time the one in force then.
        tally: the decisions counted, and those told that would have come out differently.
    """

    customer_id: str
    policy_version: str
    tally: Tally


Noting = Callable[[str], Awaitable[None]]
"""Has what was refused to a customer noted that still waits for it."""


async def nothing_waits(customer_id: str) -> None:
    """Of a program that refuses nothing itself."""


class Debugger:
    """Answers questions about customers. It writes nothing.

    Args:
        store: that holds all streams.
        customers: a repository of the customers' streams.
        refusals: a repository of the streams of refusals.
        policies: by time and by version.
        catalogue: the plans and titles there are.
        mask: gives the pseudonyms in bundles; None: another one for each bundle.
        noting: awaited before the refusals of a customer are looked at.
    """

    def __init__(
        self,
        *,
        store: EventStore,
        customers: AggregateRepository,
        refusals: AggregateRepository,
        policies: PolicyVersions,
        catalogue: Catalogue,
        mask: Mask | None = None,
        noting: Noting = nothing_waits,
    ) -> None:
        self._store = store
        self._customers = customers
        self._refusals = refusals
        self._policies = policies
        self._catalogue = catalogue
        self._mask = mask
        self._noting = noting

    @property
    def policies(self) -> PolicyVersions:
        """The policies by time and by version."""
        return self._policies

    async def timeline(self, customer_id: str, *, after: int, limit: int) -> Timeline:
        """A page of the history in words. See `timeline.timeline`."""
        return await timeline(self._customers, customer_id, after=after, limit=limit)

    async def state(
        self, customer_id: str, moment: Moment = HEAD, *, of: str | None = None, limit: int
    ) -> StateAt:
        """The state at a moment. See `states.state_at`."""
        return await states.state_at(self._customers, customer_id, moment, of=of, limit=limit)

    async def changes(
        self, customer_id: str, before: Moment, after: Moment = HEAD, *, limit: int
    ) -> Changes:
        """What changed between two moments. See `states.changes`."""
        return await states.changes(self._customers, customer_id, before, after, limit=limit)

    async def refusals(self, customer_id: str, *, limit: int) -> NotedRefusals:
        """The latest refusals that were noted, the last one first.

        Raises:
            AccountNotFound: nothing was ever recorded for this customer.
        """
        await head_of(self._customers, customer_id)
        await self._noting(customer_id)
        noted = await refusals_of(self._refusals, customer_id, limit=limit)
        return NotedRefusals(customer_id=customer_id, refusals=noted[::-1])

    async def why(
        self,
        customer_id: str,
        question: Question,
        *,
        latest: int = 1,
        policy: Policy | None = None,
    ) -> Explanation:
        """Why a question is answered as it is. See `why.explain`.

        Args:
            customer_id: whose.
            question: what is asked; without device, title and licence that of a noted refusal.
            latest: which refusal: 1 the last one, 2 the one before it.
            policy: to decide by, in place of a published one.
        """
        if (question.device_id, question.title_id, question.license_id) == (None, None, None):
            await self._noting(customer_id)
            noted = await why.question_of_refusal(self._refusals, customer_id, latest)
            question = msgspec.structs.replace(
                noted,
                position=noted.position if question.position is None else question.position,
                at=question.at or noted.at,
                policy_version=question.policy_version or noted.policy_version,
            )
        return await why.explain(
            self._customers,
            customer_id,
            question,
            self._policies,
            self._catalogue.titles,
            policy=policy,
        )

    def what_if(
        self,
        policy: Policy | None = None,
        *,
        since: datetime | None = None,
        told_max: int = 20,
    ) -> WhatIf:
        """A judge of histories. See `WhatIf`.

        Args:
            policy: as if it had always been in force; None: at each time the one in force then.
            since: decisions made before are not judged.
            told_max: decisions that are told.
        """
        source = self._policies if policy is None else Always(policy)
        return WhatIf(self._store, source, self._catalogue.titles, since=since, told_max=told_max)

    async def what_if_customer(
        self,
        customer_id: str,
        policy: Policy | None = None,
        *,
        since: datetime | None = None,
        told_max: int = 20,
    ) -> PolicyVerdict:
        """What a policy would have said of one customer's decisions.

        Raises:
            AccountNotFound: nothing was ever recorded for this customer.
        """
        await self._noting(customer_id)
        judge = self.what_if(policy, since=since, told_max=told_max)
        return PolicyVerdict(
            customer_id=customer_id,
            policy_version="" if policy is None else policy.version,
            tally=await judge.customer(customer_id),
        )

    async def bundle(self, customer_id: str) -> AsyncIterator[bytes]:
        """A customer's case in a file, masked, line by line. See `Bundler.bundle`.

        Raises:
            AccountNotFound: nothing was ever recorded for this customer; before the first line.
        """
        mask = self._mask or Mask(secrets.token_bytes(32))
        bundler = Bundler(self._customers, mask, self._policies, self._catalogue)
        await self._noting(customer_id)
        noted = await refusals_of(self._refusals, customer_id)
        async for line in bundler.bundle(customer_id, noted):
            yield line
