"""How many statements each use of a repository costs on a real node."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from helenus import AggregateRepository, Head, RepositorySettings
from helenus.stores.cassandra import CassandraSettings, CassandraStore, cql
from helenus.stores.cassandra.session import Statement
from helenus.testing.conformance.fixtures import commits, pages
from tests.faults.cassandra_store.faulty_session import Faults
from tests.unit.helenus.bank import AGGREGATES, NotEnough, deposit, withdraw

STREAM = "customer/1"


@pytest.fixture
def session() -> Faults:
    return Faults()


@pytest.fixture
async def store(
    empty_installation: CassandraSettings, session: Faults
) -> AsyncIterator[CassandraStore]:
    async with CassandraStore(empty_installation, connect=session.connect) as opened:
        yield opened


def statements(session: Faults) -> list[Statement]:
    """What was executed since the last call."""
    executed, session.sessions[0].executed = session.sessions[0].executed, []
    return executed


async def test_a_warm_command_is_one_statement(store: CassandraStore, session: Faults) -> None:
    async with AggregateRepository(store, AGGREGATES) as repository:
        await repository.transact(STREAM, deposit(1))
        statements(session)
        await repository.transact(STREAM, deposit(1))
        assert statements(session) == [cql.APPEND]


async def test_a_refusal_on_cached_state_reads_the_head_once(
    store: CassandraStore, session: Faults
) -> None:
    async with AggregateRepository(store, AGGREGATES) as repository:
        await repository.transact(STREAM, deposit(1))
        statements(session)
        with pytest.raises(NotEnough):
            await repository.transact(STREAM, withdraw(5))
        assert statements(session) == [cql.READ_BUCKET]


async def test_a_first_command_looks_for_a_snapshot_and_for_commits(
    store: CassandraStore, session: Faults
) -> None:
    async with AggregateRepository(store, AGGREGATES) as repository:
        statements(session)
        await repository.transact(STREAM, deposit(1))
        assert statements(session) == [
            cql.READ_SNAPSHOT,
            cql.READ_COMMITS_FROM_START,
            cql.APPEND,
        ]


@pytest.mark.parametrize("bucket_bytes", [1_000_000, 400])
async def test_a_cold_load_with_a_snapshot_is_two_statements(
    empty_installation: CassandraSettings, session: Faults, bucket_bytes: int
) -> None:
    settings = msgspec.structs.replace(empty_installation, bucket_bytes=bucket_bytes)
    every_ten = RepositorySettings(snapshot_events=10)
    async with CassandraStore(settings, connect=session.connect) as store:
        async with AggregateRepository(store, AGGREGATES, settings=every_ten) as repository:
            for _ in range(10):
                await repository.transact(STREAM, deposit(1))
        statements(session)
        async with AggregateRepository(store, AGGREGATES, settings=every_ten) as cold:
            view = await cold.load(STREAM)
        assert view.position == 10
        executed = statements(session)
        assert executed[0] == cql.READ_SNAPSHOT
        assert len(executed) == 2


async def test_reading_a_long_stream_is_one_statement_a_bucket(
    empty_installation: CassandraSettings, session: Faults
) -> None:
    settings = msgspec.structs.replace(empty_installation, bucket_bytes=200)
    async with CassandraStore(settings, connect=session.connect) as store:
        head = Head(0)
        for _ in range(12):
            head = await store.append(STREAM, commits(1, after=head.position), head)
        buckets = 0
        statements(session)
        read = await pages(store, STREAM)
        buckets = len(statements(session))
        assert sum(len(page.commits) for page in read) == 12
        assert 3 < buckets < 12


async def test_the_head_of_a_long_stream_is_found_in_few_statements(
    empty_installation: CassandraSettings, session: Faults
) -> None:
    settings = msgspec.structs.replace(empty_installation, bucket_bytes=1)
    async with CassandraStore(settings) as writer:
        head = Head(0)
        for _ in range(60):
            head = await writer.append(STREAM, commits(1, after=head.position), head)
    async with CassandraStore(settings, connect=session.connect) as store:
        statements(session)
        assert await store.head(STREAM) == head
        assert len(statements(session)) < 30
        assert await store.head(STREAM, token=head.token) == head
        assert len(statements(session)) <= 2
