"""Notes refusals in the background: best effort, coalesced, and bounded in every direction.

A request never waits for it and never fails by it. What is noted may be missing where the process
was killed, the store failed, or too many waited; nothing but explanations rests on it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import ClassVar

import msgspec
import structlog

from download_licensing.background import in_background
from download_licensing.domain.refusals import DownloadRefused, TitleWithdrawn
from download_licensing.service.answers import ItemRefusal, Renewed, Synced
from download_licensing.service.commands import RenewLicense, RequestDownload
from download_licensing.service.noted_refusals import (
    REFUSALS_ID,
    RefusalNoted,
    Refusals,
    refusals_stream_of,
    sameness,
)
from helenus.clock import Clock, SystemClock
from helenus.errors import HelenusError
from helenus.repository import AggregateRepository
from helenus.service import CommandCall
from helenus.unit_of_work import UnitOfWork

_log = structlog.get_logger("download_licensing.debugging")

_AT_ONCE = 16
"""Customers whose refusals are written at the same time."""


class NoteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of noting refusals.

    Attributes:
        interval_s: how often what was refused is written.
        waiting_max: refusals that may wait; a further one is not noted.
        per_day_max: most that are noted of one customer and day.
    """

    interval_s: float = 5.0
    waiting_max: int = 10_000
    per_day_max: int = 100


class NoteStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What became of refusals.

    Attributes:
        waiting: refusals that wait to be written.
        noted: those that were written.
        repeated: those that were not, as they said nothing new or their day had its share.
        dropped: those that were not taken, as too many waited.
        failed: those that were lost, as the store failed.
    """

    gauges: ClassVar[frozenset[str]] = frozenset({"waiting"})

    waiting: int
    noted: int
    repeated: int
    dropped: int
    failed: int


class RefusalNotes:
    """Collects refusals and writes them now and then.

    Args:
        repository: made with `Refusals` among its aggregates.
        settings: see `NoteSettings`.
        clock: waits between two writings.
    """

    def __init__(
        self,
        repository: AggregateRepository,
        settings: NoteSettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._repository = repository
        self._settings = settings or NoteSettings()
        self._clock = clock or SystemClock()
        self._waiting: dict[tuple[str, str], RefusalNoted] = {}
        self._noted = self._repeated = self._dropped = self._failed = 0
        self._turn = asyncio.Lock()

    def statistics(self) -> NoteStatistics:
        """What became of refusals since this was made."""
        return NoteStatistics(
            waiting=len(self._waiting),
            noted=self._noted,
            repeated=self._repeated,
            dropped=self._dropped,
            failed=self._failed,
        )

    @contextlib.contextmanager
    def hook(self, call: CommandCall) -> Iterator[None]:
        """Surrounds a command of the licensing service, and takes note where it is refused."""
        try:
            yield
        except (DownloadRefused, TitleWithdrawn) as refused:
            self._take(call.command, refused)
            raise

    def observe(self, command: object, answer: object) -> None:
        """Takes note of the items that were refused within a sync, or renewals in bulk."""
        if not isinstance(answer, Synced | Renewed):
            return
        for item in answer.items:
            refused = item.refusal
            if refused is None or refused.at is None:
                continue
            refusal = RefusalNoted(
                position=refused.position,
                at=refused.at,
                license_id=item.license_id,
                policy_version=refused.policy_version,
                reasons=_reasons(refused),
            )
            self._keep(answer.customer_id, refusal)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write in the background while the block lasts, and once more at its end."""
        try:
            async with in_background(self._keep_writing()):
                yield
        finally:
            await self.write()

    async def write(self) -> None:
        """Write what waits. It never raises what the store does.

        What it had not written when it was cancelled waits again; what it had says nothing new.
        """
        async with self._turn:
            waiting, self._waiting = self._waiting, {}
            await self._write_or_keep(waiting)

    async def write_of(self, customer_id: str) -> None:
        """Write what waits of one customer, and wait for what is being written. As `write`."""
        async with self._turn:
            waiting = {key: one for key, one in self._waiting.items() if key[0] == customer_id}
            for key in waiting:
                del self._waiting[key]
            await self._write_or_keep(waiting)

    async def _write_or_keep(self, waiting: dict[tuple[str, str], RefusalNoted]) -> None:
        try:
            await self._write_all(waiting)
        except asyncio.CancelledError:
            self._waiting = {**waiting, **self._waiting}
            raise

    async def _write_all(self, waiting: dict[tuple[str, str], RefusalNoted]) -> None:
        by_customer: dict[str, list[RefusalNoted]] = {}
        for (customer_id, _), refusal in waiting.items():
            by_customer.setdefault(customer_id, []).append(refusal)
        customers = list(by_customer.items())
        for begin in range(0, len(customers), _AT_ONCE):
            group = customers[begin : begin + _AT_ONCE]
            await asyncio.gather(*[self._write(customer, noted) for customer, noted in group])

    async def _keep_writing(self) -> None:
        while True:
            await self._clock.sleep(self._settings.interval_s)
            await self.write()

    async def _write(self, customer_id: str, refusals: list[RefusalNoted]) -> None:
        def decide(unit: UnitOfWork) -> int:
            kept = unit.get(Refusals, REFUSALS_ID)
            per_day_max = self._settings.per_day_max
            return sum(kept.note(refusal, per_day_max=per_day_max) for refusal in refusals)

        try:
            noted = await self._repository.transact(refusals_stream_of(customer_id), decide)
        except HelenusError as error:
            self._failed += len(refusals)
            _log.warning("refusals not noted", number=len(refusals), error=type(error).__name__)
        else:
            self._noted += noted
            self._repeated += len(refusals) - noted

    def _take(self, command: object, refused: DownloadRefused | TitleWithdrawn) -> None:
        if refused.at is None:
            return
        device_id = title_id = license_id = ""
        match command:
            case RequestDownload():
                device_id, title_id = command.device_id, command.title_id
            case RenewLicense():
                license_id = command.license_id
            case _:
                return
        refusal = RefusalNoted(
            position=refused.position,
            at=refused.at,
            device_id=device_id,
            title_id=title_id,
            license_id=license_id,
            policy_version=refused.policy_version,
            reasons=_reasons(refused),
        )
        self._keep(command.customer_id, refusal)

    def _keep(self, customer_id: str, refusal: RefusalNoted) -> None:
        key = (customer_id, sameness(refusal))
        known = self._waiting.get(key)
        if known is not None:
            self._waiting[key] = msgspec.structs.replace(known, times=known.times + 1)
        elif len(self._waiting) < self._settings.waiting_max:
            self._waiting[key] = refusal
        else:
            self._dropped += 1


def _reasons(refused: DownloadRefused | TitleWithdrawn | ItemRefusal) -> tuple[str, ...]:
    """Those of all rules that are not met; else the one there is."""
    return tuple([unmet.reason for unmet in refused.unmet]) or (refused.reason,)
