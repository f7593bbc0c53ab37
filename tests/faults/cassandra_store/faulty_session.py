"""A session that loses statements or their answers, or delivers statements late."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import acsylla
import cassandra

from helenus.stores.cassandra.drivers import acsylla as by_acsylla
from helenus.stores.cassandra.drivers import chosen, connect, datastax
from helenus.stores.cassandra.session import (
    Kind,
    MaybeExecuted,
    NotExecuted,
    Rows,
    Session,
    Statement,
)
from helenus.stores.cassandra.settings import CassandraSettings


class Fault(enum.Enum):
    """What becomes of a statement; the store hears of a timeout where nothing else is said."""

    REFUSED = "refused by the server"
    BEFORE = "lost on its way to the server"
    AFTER = "executed, its answer lost"
    UNAVAILABLE = "executed, then said to have found too few replicas"
    LATE = "held up before its coordinator, executed when `release` is called"


Plan = Callable[[Statement], Fault | None]


class FaultySession:
    """Hands statements on as a plan says."""

    def __init__(
        self, session: Session, plan: Plan, settings: CassandraSettings | None = None
    ) -> None:
        self._session = session
        self._plan = plan
        self._settings = settings or CassandraSettings()
        self._held_up: list[tuple[Statement, Sequence[Any]]] = []
        self.executed: list[Statement] = []

    async def prepare(self, statements: Sequence[Statement]) -> None:
        await self._session.prepare(statements)

    async def execute(
        self,
        statement: Statement,
        values: Sequence[Any] = (),
        *,
        page_rows: int = 5_000,
        more: bytes | None = None,
    ) -> Rows:
        fault = self._plan(statement)
        if fault is Fault.REFUSED:
            raise NotExecuted("The server refused it.")
        if fault is Fault.LATE:
            self._held_up.append((statement, values))
        if fault in (Fault.BEFORE, Fault.LATE):
            raise MaybeExecuted("timed out")
        rows = await self._session.execute(statement, values, page_rows=page_rows, more=more)
        self.executed.append(statement)
        if fault is Fault.AFTER:
            raise MaybeExecuted("timed out")
        if fault is Fault.UNAVAILABLE:
            raise unavailable(self._settings, statement.kind)
        return rows

    async def release(self) -> None:
        """Execute what was held up, as a coordinator does when it wakes."""
        while self._held_up:
            statement, values = self._held_up.pop(0)
            await self._session.execute(statement, values)

    async def close(self) -> None:
        await self._session.close()


def unavailable(settings: CassandraSettings, kind: Kind) -> Exception:
    """What the driver makes of the server's answer that too few replicas are up."""
    if chosen(settings) == "acsylla":
        return by_acsylla.execution_error(kind, acsylla.errors.CassErrorServerUnavailable("1 of 2"))
    return datastax.execution_error(kind, cassandra.Unavailable("1 of 2"))


class Faults:
    """A plan that can be changed while a store is open; connect a store through it."""

    def __init__(self) -> None:
        self.plan: Plan = lambda _: None
        self.sessions: list[FaultySession] = []

    async def connect(self, settings: CassandraSettings, keyspace: str | None) -> FaultySession:
        session = await connect(settings, keyspace)
        self.sessions.append(FaultySession(session, self._plan, settings))
        return self.sessions[-1]

    def _plan(self, statement: Statement) -> Fault | None:
        return self.plan(statement)

    def once(self, wanted: Statement, *faults: Fault) -> None:
        """The next executions of one statement meet these faults."""
        pending = list(faults)

        def plan(statement: Statement) -> Fault | None:
            return pending.pop(0) if statement == wanted and pending else None

        self.plan = plan

    def always(self, faults: dict[Statement, Fault]) -> None:
        """Every execution of these statements meets its fault."""
        self.plan = faults.get

    def none(self) -> None:
        """From now on all goes well."""
        self.plan = lambda _: None

    async def release(self) -> None:
        """Execute all that was held up."""
        waiting: list[Awaitable[None]] = [session.release() for session in self.sessions]
        for each in waiting:
            await each
