"""Keeps the policy up to date while the service runs: follows the store, and watches a file.

The first process that ever starts on a store publishes the file that its settings name, or the
policy shipped. From then on what the store has published holds. A file that is named is looked at
again and again: a new version in it, complete and sound, is published; anything else is told in
the log, and what is in force stays.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

import msgspec
import structlog

from download_licensing.background import Trouble, in_background
from download_licensing.catalogue import Catalogue
from download_licensing.domain.policy import NoPolicyInForce
from download_licensing.policies.document import PolicyDocument, PolicyError
from download_licensing.policies.following import PoliciesUnread, PublishedPolicies
from download_licensing.policies.publishing import PolicyService, PublishPolicy
from download_licensing.policies.reading import DOCUMENT_BYTES_MAX, load_policy
from download_licensing.policies.refusals import PolicyOvertaken
from download_licensing.policies.shipped import shipped_policy
from download_licensing.policies.statistics import PolicyStatistics
from helenus.clock import Clock, SystemClock
from helenus.errors import CommandRefused, HelenusError
from helenus.events import from_microseconds
from helenus.service import CommandContext

_log = structlog.get_logger("download_licensing.policies")

POLL_S = 2.0
_FIRST_POLL_S = 0.25
"""Until anything was read, no request can be answered: the store is tried again sooner."""
ACTOR = "policy-file"

_Stamp: TypeAlias = tuple[int, int, int]
_NEVER_DONE: _Stamp = (-1, -1, -1)


class Reload(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload led to.

    Attributes:
        version: of the policy in force now.
        effective_from: since when it is.
        position: of the last event on the stream of policies.
        changed: whether anything was new in the store.
        problem: why the file that is watched was not published; "": it was, or there is none.
    """

    version: str
    effective_from: datetime
    position: int
    changed: bool
    problem: str


class PolicyKeeper:
    """Follows what is published, and publishes what a file says.

    Args:
        policies: is kept up to date.
        service: publishes.
        catalogue: what a file is held against.
        file: is watched; None: none is, and the policy shipped is the first.
        document_bytes_max: a larger file is refused.
        poll_s: how often store and file are looked at.
        clock: tells the time of a publication, and waits.

    Attributes:
        policies: those published.
        service: publishes.
        catalogue: what a document is held against.
        document_bytes_max: a larger document is refused.
    """

    def __init__(
        self,
        policies: PublishedPolicies,
        service: PolicyService,
        catalogue: Catalogue,
        *,
        file: Path | None = None,
        document_bytes_max: int = DOCUMENT_BYTES_MAX,
        poll_s: float = POLL_S,
        clock: Clock | None = None,
    ) -> None:
        self.policies = policies
        self.service = service
        self.catalogue = catalogue
        self._file = file
        self.document_bytes_max = document_bytes_max
        self._poll_s = poll_s
        self._clock = clock or SystemClock()
        self._woken = asyncio.Event()
        self._turn = asyncio.Lock()
        self._seen: _Stamp | None = None
        self._done: _Stamp | None = _NEVER_DONE  # None stands for a file that is missing
        self._problem = ""
        self._trouble = Trouble(_tell)
        self._reloads = self._reloads_failed = self._files_refused = 0
        self._reloaded_at_us = 0

    async def start(self) -> None:
        """Read the policy for the first time; publish the first one, if there is none.

        Where the store cannot be reached, it is tried again by `run`.

        Raises:
            PolicyError: nothing was ever published, and the file cannot be.
            CommandRefused: nothing was ever published, and what the file says cannot be the first.
        """
        try:
            await self.turn(now=True)
        except (PolicyError, CommandRefused):
            raise
        except HelenusError as error:
            self._trouble.met(error)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look at store and file again and again while the block runs."""
        async with in_background(self._run()):
            yield

    def statistics(self) -> PolicyStatistics:
        """The policy in force now, and what became of looking for newer ones."""
        try:
            held = self.policies.held_at(self._now())
        except (PoliciesUnread, NoPolicyInForce):
            held = None
        return PolicyStatistics(
            version=held.version if held else "",
            effective_from_seconds=held.effective_from.timestamp() if held else 0.0,
            published=len(self.policies.held),
            reloads=self._reloads,
            reloads_failed=self._reloads_failed,
            reloaded_at_seconds=self._reloaded_at_us / 1_000_000,
            files_refused=self._files_refused,
        )

    def wake(self) -> None:
        """Look at store and file at once, as for a signal."""
        self._woken.set()

    async def reload(self, at: datetime | None = None) -> Reload:
        """Look at store and file at once.

        Args:
            at: the time to say for what is in force; None: now.

        Raises:
            StoreError: the store failed; the policy in force stays.
        """
        changed = await self.turn(now=True)
        held = self.policies.held_at(self._now() if at is None else at)
        return Reload(
            version=held.version,
            effective_from=held.effective_from,
            position=self.policies.position,
            changed=changed,
            problem=self._problem,
        )

    async def turn(self, *, now: bool = False) -> bool:
        """Look at the store, then at the file; whether anything was new in the store.

        Args:
            now: take the file as it is; if not, one that was just written is left until the next
                turn, since a part of it may still be missing.

        Raises:
            HelenusError: the store failed.
            PolicyError, CommandRefused: nothing was ever published, and the file cannot be.
        """
        async with self._turn:
            try:
                changed = await self._look(now=now)
            except (HelenusError, PolicyError):
                self._reloads_failed += 1
                raise
            self._reloads += 1
            self._reloaded_at_us = self._clock.now_us()
            return changed

    async def _look(self, *, now: bool) -> bool:
        changed = await self.policies.refresh()
        if not self.policies.position:
            await self._publish_first()
            return True
        if self._file is not None and await self._look_at(self._file, now=now):
            changed = await self.policies.refresh() or changed
        return changed

    async def _run(self) -> None:
        while True:
            woken = await self._pause()
            try:
                await self.turn(now=woken)
            except (HelenusError, PolicyError) as error:
                self._trouble.met(error)
            else:
                self._trouble.over()

    async def _pause(self) -> bool:
        """Wait for the next turn; whether somebody asked for it."""
        loop = asyncio.get_running_loop()
        waits = {
            loop.create_task(self._clock.sleep(self._pause_s)),
            loop.create_task(self._woken.wait()),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
            await asyncio.wait(waits)
        woken = self._woken.is_set()
        self._woken.clear()
        return woken

    @property
    def _pause_s(self) -> float:
        return self._poll_s if self.policies.position else min(self._poll_s, _FIRST_POLL_S)

    async def _publish_first(self) -> None:
        stamp = _stamp_of(self._file) if self._file else None
        document = await self._read(self._file) if self._file else shipped_policy()
        with contextlib.suppress(PolicyOvertaken):  # another process was first
            await self._publish(document, expected="")
            self._done = stamp
        await self.policies.refresh()

    async def _look_at(self, file: Path, *, now: bool) -> bool:
        """Publish what a file says, if that is new; whether it was."""
        stamp = _stamp_of(file)
        settled = stamp == self._seen
        self._seen = stamp
        if stamp == self._done or not (settled or now):
            return False
        try:
            document = await self._read(file)
            created = await self._publish(document)
        except (PolicyError, CommandRefused) as error:
            self._problem = str(error)
            self._files_refused += 1
            _log.error("policy file not published", file=str(file), cause=self._problem)
            self._done = stamp
            return False
        self._problem = ""
        self._done = stamp
        return created

    async def _read(self, file: Path) -> PolicyDocument:
        """What a file says, read beside the event loop: a large one takes its time."""
        return await asyncio.to_thread(
            load_policy, file, self.catalogue, bytes_max=self.document_bytes_max
        )

    async def _publish(self, document: PolicyDocument, expected: str | None = None) -> bool:
        published = await self.service.execute(
            PublishPolicy.of(document, expected), CommandContext(at=self._now(), actor=ACTOR)
        )
        if published.created:
            _log.info(
                "policy published",
                version=published.version,
                effective_from=published.effective_from.isoformat(),
                source=document.source,
            )
        return bool(published.created)

    def _now(self) -> datetime:
        return from_microseconds(self._clock.now_us())


def _tell(error: Exception) -> None:
    _log.error("policies not read; the one in force stays", cause=str(error))


def _stamp_of(file: Path) -> _Stamp | None:
    """What changes when a file is written or replaced; None: it cannot be looked at."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
