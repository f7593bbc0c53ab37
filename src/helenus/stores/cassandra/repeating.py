"""Reads that are made again when a node gives them up; writes never are.

A serial read takes part in Paxos: appends to the same stream overtake its ballot, and under many of
them a node gives the read up with the timeout of a conditional write. It changed nothing, so it can
be repeated, unlike anything that writes.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from helenus.stores.cassandra.session import Kind, MaybeExecuted, Rows, Session, Statement
from helenus.stores.cassandra.settings import CassandraSettings
from helenus.stores.cassandra.statistics import Counts

_PAUSE_MAX_S = 0.1
_READS = (Kind.READ, Kind.SERIAL_READ)


class RepeatingReads:
    """A session that repeats reads: so often, and begun no later than one statement may take.

    Args:
        session: what executes.
        settings: `read_attempts_max` and `request_timeout_s`.
        clock: in seconds, monotonic.
        sleep: waits between attempts.
        counts: to which repetitions are added.
    """

    def __init__(
        self,
        session: Session,
        settings: CassandraSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        counts: Counts | None = None,
    ) -> None:
        self._session = session
        self._attempts_max = settings.read_attempts_max
        self._within_s = settings.request_timeout_s
        self._clock = clock
        self._sleep = sleep
        self._counts = counts or Counts()

    async def prepare(self, statements: Sequence[Statement]) -> None:
        """See `Session.prepare`."""
        await self._session.prepare(statements)

    async def execute(
        self,
        statement: Statement,
        values: Sequence[Any] = (),
        *,
        page_rows: int = 5_000,
        more: bytes | None = None,
    ) -> Rows:
        """See `Session.execute`."""
        left = self._attempts_max if statement.kind in _READS else 1
        give_up_at = self._clock() + self._within_s
        while True:
            left -= 1
            try:
                return await self._session.execute(
                    statement, values, page_rows=page_rows, more=more
                )
            except MaybeExecuted:
                if not left or self._clock() >= give_up_at:
                    raise
            self._counts.reads_repeated += 1
            await self._sleep(random.uniform(0, _PAUSE_MAX_S))

    async def close(self) -> None:
        """See `Session.close`."""
        await self._session.close()
