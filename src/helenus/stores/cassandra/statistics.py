"""What a Cassandra store has asked of its cluster, counted around each statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, ClassVar

import msgspec

from helenus.stores.cassandra import cql
from helenus.stores.cassandra.session import (
    Kind,
    NotExecuted,
    Rows,
    Session,
    Statement,
)


class StatementStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of statement has come to since the store was made.

    Attributes:
        in_flight: statements that have not been answered yet.
        executed: statements that were answered; a page of rows counts as one.
        not_executed: those that were refused, or never sent.
        maybe_executed: those whose answer was lost, or given up.
        seconds: time they all took, in seconds.
    """

    gauges: ClassVar[frozenset[str]] = frozenset({"in_flight"})

    in_flight: int = 0
    executed: int = 0
    not_executed: int = 0
    maybe_executed: int = 0
    seconds: float = 0.0


class CassandraStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a Cassandra store holds, and has asked of its cluster since it was made.

    Attributes:
        requests: appends, heads and snapshots under way.
        overloaded: requests refused because too many were under way.
        bucket_hints: streams of which it is remembered where they end.
        fences: attempts to settle a lost append.
        reads_repeated: reads made again because a node gave them up.
        read: statements that read at a quorum.
        serial_read: statements that read linearizably.
        write: unconditional writes: payloads and snapshots.
        conditional: conditional writes: appends and fences.
    """

    gauges: ClassVar[frozenset[str]] = frozenset({"requests", "bucket_hints"})

    requests: int
    overloaded: int
    bucket_hints: int
    fences: int
    reads_repeated: int
    read: StatementStatistics
    serial_read: StatementStatistics
    write: StatementStatistics
    conditional: StatementStatistics


class _Tally:
    """What one kind of statement has come to."""

    __slots__ = ("executed", "in_flight", "maybe_executed", "not_executed", "seconds")

    def __init__(self) -> None:
        self.in_flight = self.executed = self.not_executed = self.maybe_executed = 0
        self.seconds = 0.0

    def taken(self) -> StatementStatistics:
        return StatementStatistics(**{name: getattr(self, name) for name in self.__slots__})


class Counts:
    """What was counted, however often the store was opened.

    Attributes:
        overloaded: see `CassandraStatistics`.
        fences: the same.
        reads_repeated: the same.
    """

    def __init__(self) -> None:
        self.overloaded = self.fences = self.reads_repeated = 0
        self.by_kind = {kind: _Tally() for kind in Kind}

    def taken(self, *, requests: int, bucket_hints: int) -> CassandraStatistics:
        """All of it, with what the store holds now."""
        statements = {kind.name.lower(): tally.taken() for kind, tally in self.by_kind.items()}
        return CassandraStatistics(
            requests=requests,
            overloaded=self.overloaded,
            bucket_hints=bucket_hints,
            fences=self.fences,
            reads_repeated=self.reads_repeated,
            **statements,
        )


class CountingSession:
    """A session that counts and times the statements of another.

    Args:
        session: what executes.
        counts: to which they are added.
        time_s: tells the time in seconds, from any origin.
    """

    def __init__(
        self, session: Session, counts: Counts, *, time_s: Callable[[], float] = perf_counter
    ) -> None:
        self._session = session
        self._counts = counts
        self._time_s = time_s

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
        tally = self._counts.by_kind[statement.kind]
        if statement is cql.FENCE:
            self._counts.fences += 1
        tally.in_flight += 1
        started_s = self._time_s()
        try:
            rows = await self._session.execute(statement, values, page_rows=page_rows, more=more)
        except NotExecuted:
            tally.not_executed += 1
            raise
        except BaseException:  # also where its caller was cancelled, and does not hear the answer
            tally.maybe_executed += 1
            raise
        else:
            tally.executed += 1
            return rows
        finally:
            tally.in_flight -= 1
            tally.seconds += self._time_s() - started_s

    async def close(self) -> None:
        """See `Session.close`."""
        await self._session.close()
