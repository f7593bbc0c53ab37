"""A session that loses statements or their answers, or delivers statements late."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from helenus.stores.cassandra.drivers.datastax import DatastaxSession
from helenus.stores.cassandra.session import MaybeExecuted, NotExecuted, Rows, Session, Statement
from helenus.stores.cassandra.settings import CassandraSettings


class Fault(enum.Enum):
    """What becomes of a statement; but for `REFUSED` the store hears no more than a timeout."""

    REFUSED = "refused by the server"
    BEFORE = "lost on its way to the server"
    AFTER = "executed, its answer lost"
    LATE = "held up before its coordinator, executed when `release` is called"


Plan = Callable[[Statement], Fault | None]


class FaultySession:
    """Hands statements on as a plan says."""

    def __init__(self, session: Session, plan: Plan) -> None:
        self._session = session
        self._plan = plan
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
        return rows

    async def release(self) -> None:
        """Execute what was held up, as a coordinator does when it wakes."""
        while self._held_up:
            statement, values = self._held_up.pop(0)
            await self._session.execute(statement, values)

    async def close(self) -> None:
        await self._session.close()


class Faults:
    """A plan that can be changed while a store is open; connect a store through it."""

    def __init__(self) -> None:
        self.plan: Plan = lambda _: None
        self.sessions: list[FaultySession] = []

    async def connect(self, settings: CassandraSettings, keyspace: str | None) -> FaultySession:
        session = await DatastaxSession.connect(settings, keyspace)
        self.sessions.append(FaultySession(session, self._plan))
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
