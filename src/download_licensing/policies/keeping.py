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

from download_licensing.catalogue import Catalogue
from download_licensing.policies.document import PolicyDocument, PolicyError
from download_licensing.policies.following import PublishedPolicies
from download_licensing.policies.publishing import PolicyService, PublishPolicy
from download_licensing.policies.reading import load_policy
from download_licensing.policies.refusals import PolicyOvertaken
from download_licensing.policies.shipped import shipped_policy
from helenus.clock import Clock, SystemClock
from helenus.errors import CommandRefused, HelenusError
from helenus.events import from_microseconds
from helenus.service import CommandContext

_log = structlog.get_logger("download_licensing.policies")

POLL_S = 2.0
ACTOR = "policy-file"

_Stamp: TypeAlias = tuple[int, int, int]


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
        poll_s: how often store and file are looked at.
        clock: tells the time of a publication, and waits.
    """

    def __init__(
        self,
        policies: PublishedPolicies,
        service: PolicyService,
        catalogue: Catalogue,
        *,
        file: Path | None = None,
        poll_s: float = POLL_S,
        clock: Clock | None = None,
    ) -> None:
        self._policies = policies
        self._service = service
        self._catalogue = catalogue
        self._file = file
        self._poll_s = poll_s
        self._clock = clock or SystemClock()
        self._woken = asyncio.Event()
        self._turn = asyncio.Lock()
        self._seen: _Stamp | None = None
        self._done: _Stamp | None = None
        self._problem = ""
        self._trouble = ""

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
            self._tell_trouble(error)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look at store and file again and again while the block runs."""
        task = asyncio.get_running_loop().create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    def wake(self) -> None:
        """Look at store and file at once, as for a signal."""
        self._woken.set()

    async def reload(self) -> Reload:
        """Look at store and file at once.

        Raises:
            StoreError: the store failed; the policy in force stays.
        """
        changed = await self.turn(now=True)
        held = self._policies.held_at(self._now())
        return Reload(
            version=held.version,
            effective_from=held.effective_from,
            position=self._policies.position,
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
            changed = await self._policies.refresh()
            if not self._policies.position:
                await self._publish_first()
                return True
            if self._file is not None and await self._look_at(self._file, now=now):
                changed = await self._policies.refresh() or changed
            return changed

    async def _run(self) -> None:
        while True:
            woken = await self._pause()
            try:
                await self.turn(now=woken)
            except (HelenusError, PolicyError) as error:
                self._tell_trouble(error)
            else:
                self._trouble = ""

    async def _pause(self) -> bool:
        """Wait for the next turn; whether somebody asked for it."""
        loop = asyncio.get_running_loop()
        waits = {
            loop.create_task(self._clock.sleep(self._poll_s)),
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

    async def _publish_first(self) -> None:
        stamp = _stamp_of(self._file) if self._file else None
        document = (
            shipped_policy()
            if self._file is None
            else await asyncio.to_thread(load_policy, self._file, self._catalogue)
        )
        with contextlib.suppress(PolicyOvertaken):  # another process was first
            await self._publish(document, expected="")
            self._done = stamp
        await self._policies.refresh()

    async def _look_at(self, file: Path, *, now: bool) -> bool:
        """Publish what a file says, if that is new; whether it was."""
        stamp = _stamp_of(file)
        settled = stamp == self._seen
        self._seen = stamp
        if stamp == self._done or not (settled or now):
            return False
        try:
            document = await asyncio.to_thread(load_policy, file, self._catalogue)
            created = await self._publish(document)
        except (PolicyError, CommandRefused) as error:
            self._problem = str(error)
            _log.error("policy file not published", file=str(file), cause=self._problem)
            self._done = stamp
            return False
        self._problem = ""
        self._done = stamp
        return created

    async def _publish(self, document: PolicyDocument, expected: str | None = None) -> bool:
        published = await self._service.execute(
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

    def _tell_trouble(self, error: Exception) -> None:
        trouble = str(error)
        if trouble != self._trouble:
            _log.error("policies not read; the one in force stays", cause=trouble)
        self._trouble = trouble


def _stamp_of(file: Path) -> _Stamp | None:
    """What changes when a file is written or replaced; None: it cannot be looked at."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
