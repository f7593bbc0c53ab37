"""Reads are made again when they were given up, within bounds; writes are made once."""

from collections.abc import Sequence
from typing import Any

import pytest

from helenus.stores.cassandra import CassandraSettings, cql
from helenus.stores.cassandra.repeating import RepeatingReads
from helenus.stores.cassandra.session import MaybeExecuted, NotExecuted, Rows, Statement

ANSWER = Rows([(1,)])
SETTINGS = CassandraSettings(read_attempts_max=4, request_timeout_s=10)


class Failing:
    """Fails so often, and takes some time about it."""

    def __init__(self, *errors: Exception, takes_s: float = 0.0) -> None:
        self.errors = list(errors)
        self.executed: list[tuple[Any, ...]] = []
        self.now = 0.0
        self.naps: list[float] = []
        self._takes_s = takes_s

    async def prepare(self, statements: Sequence[Statement]) -> None: ...

    async def execute(self, statement: Statement, values: Sequence[Any] = (), **how: Any) -> Rows:
        self.executed.append((statement, values, how))
        self.now += self._takes_s
        if self.errors:
            raise self.errors.pop(0)
        return ANSWER

    async def close(self) -> None: ...

    async def nap(self, seconds: float) -> None:
        self.naps.append(seconds)


def repeating(session: Failing) -> RepeatingReads:
    return RepeatingReads(session, SETTINGS, clock=lambda: session.now, sleep=session.nap)


@pytest.mark.parametrize("statement", [cql.READ_BUCKET, cql.READ_SNAPSHOT])
async def test_a_read_that_was_given_up_is_made_again_as_it_was(statement: Statement) -> None:
    session = Failing(MaybeExecuted("timed out"), MaybeExecuted("timed out"))
    answer = await repeating(session).execute(statement, ("s", 1), page_rows=7, more=b"there")
    assert answer == ANSWER
    assert session.executed == [(statement, ("s", 1), {"page_rows": 7, "more": b"there"})] * 3
    assert len(session.naps) == 2
    assert 0 <= min(session.naps) <= max(session.naps) <= 0.1


async def test_a_read_is_made_no_oftener_than_the_setting_says() -> None:
    session = Failing(*[MaybeExecuted(str(number)) for number in range(9)])
    with pytest.raises(MaybeExecuted, match="3"):
        await repeating(session).execute(cql.READ_BUCKET)
    assert len(session.executed) == 4


async def test_a_read_whose_time_is_over_is_not_begun_again() -> None:
    session = Failing(*[MaybeExecuted("timed out")] * 9, takes_s=6)
    with pytest.raises(MaybeExecuted):
        await repeating(session).execute(cql.READ_BUCKET)
    assert len(session.executed) == 2


@pytest.mark.parametrize("statement", [cql.APPEND, cql.FENCE, cql.WRITE_PAYLOAD])
async def test_a_write_is_never_repeated(statement: Statement) -> None:
    session = Failing(MaybeExecuted("timed out"))
    with pytest.raises(MaybeExecuted):
        await repeating(session).execute(statement)
    assert len(session.executed) == 1


async def test_a_read_that_was_refused_is_not_repeated() -> None:
    session = Failing(NotExecuted("The server refused it."))
    with pytest.raises(NotExecuted):
        await repeating(session).execute(cql.READ_BUCKET)
    assert len(session.executed) == 1
