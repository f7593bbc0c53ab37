"""The policy in force, as the stream of policies has it: read at the start, and followed from then.

Each process asks the store for the head of that stream every few seconds, and reads what is new. A
version takes effect later than it is published by more than that, so by then every process has it.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from datetime import datetime

import structlog

from download_licensing.domain.policy import NoPolicyInForce, Policy
from download_licensing.policies.document import PolicyDocument, PolicyError
from download_licensing.policies.events import (
    POLICY_STREAM,
    PolicyPublished,
    PolicyWithdrawn,
)
from download_licensing.policies.reading import read_policy
from helenus.errors import StoreUnavailable
from helenus.repository import AggregateRepository

_log = structlog.get_logger("download_licensing.policies")


class PoliciesUnread(StoreUnavailable):
    """Which policy is in force was not read from the store yet; nothing was decided."""

    remedy = "Try again later; nothing was written."


class HeldPolicy:
    """A published version, whose document is read when it is first needed.

    Args:
        published: as it was recorded.
    """

    def __init__(self, published: PolicyPublished) -> None:
        self.version = published.version
        self.effective_from = published.effective_from
        self._published = published
        self._document: PolicyDocument | None = None
        self._policy: Policy | None = None

    def document(self) -> PolicyDocument:
        """What was published.

        Raises:
            PolicyError: this program cannot read it; a newer one wrote it.
        """
        if self._document is None:
            published = self._published
            content = published.document.encode()
            name = f"policy {published.version}"
            self._document = read_policy(content, name, bytes_max=len(content))
        return self._document

    def policy(self) -> Policy:
        """What holds by it.

        Raises:
            PolicyError: see `document`.
        """
        if self._policy is None:
            self._policy = self.document().policy(self.effective_from)
        return self._policy


class PublishedPolicies:
    """A `PolicySource` that holds what is published on a store's stream of policies.

    Args:
        repository: made with `PolicyBook` among its aggregates.
    """

    def __init__(self, repository: AggregateRepository) -> None:
        self._repository = repository
        self._held: list[HeldPolicy] = []
        self._starts: list[datetime] = []
        self._position = 0
        self._turn = asyncio.Lock()
        self._told: set[str] = set()

    @property
    def position(self) -> int:
        """Of the last event that was read; 0: nothing was."""
        return self._position

    @property
    def held(self) -> tuple[HeldPolicy, ...]:
        """All versions that were not withdrawn, in the order of their dates."""
        return tuple(self._held)

    def in_force(self, at: datetime) -> Policy:
        """The policy in force at a time.

        A version that this program cannot read is told once in the log, and the one before it
        stays in force.

        Raises:
            PoliciesUnread: nothing was read from the store yet.
            NoPolicyInForce: none was yet.
        """
        return self.held_at(at).policy()

    def held_at(self, at: datetime) -> HeldPolicy:
        """The published version in force at a time. See `in_force`."""
        if not self._position:
            raise PoliciesUnread("Which policy is in force was not read from the store yet.")
        for held in reversed(self._held[: bisect_right(self._starts, at)]):
            try:
                held.policy()
            except PolicyError as error:
                self._tell(held.version, error)
            else:
                return held
        raise NoPolicyInForce(at)

    def named(self, version: str) -> HeldPolicy | None:
        """A version that was published and not withdrawn."""
        return next((held for held in self._held if held.version == version), None)

    async def refresh(self) -> bool:
        """Read what is new on the stream; whether anything was.

        Raises:
            StoreError: the store failed; what was read before stays in force.
        """
        async with self._turn:
            head = (await self._repository.load(POLICY_STREAM)).position
            if head == self._position:
                return False
            held = {policy.version: policy for policy in self._held}
            history = self._repository.history(POLICY_STREAM, after=self._position, upto=head)
            async for recorded in history:
                match recorded.event:
                    case PolicyPublished() as published:
                        held[published.version] = HeldPolicy(published)
                    case PolicyWithdrawn() as withdrawn:
                        del held[withdrawn.version]
                    case _:
                        pass
            await self._take(sorted(held.values(), key=lambda policy: policy.effective_from), head)
            return True

    async def _take(self, held: list[HeldPolicy], position: int) -> None:
        for policy in held[-2:]:
            # What holds, and what takes effect next, is read now and beside the event loop, not
            # when a decision waits for it.
            await asyncio.to_thread(self._read, policy)
        self._held = held
        self._starts = [policy.effective_from for policy in held]
        self._position = position

    def _read(self, held: HeldPolicy) -> None:
        try:
            held.policy()
        except PolicyError as error:
            self._tell(held.version, error)

    def _tell(self, version: str, error: PolicyError) -> None:
        if version not in self._told:
            self._told.add(version)
            _log.error("published policy cannot be read", version=version, cause=str(error))
