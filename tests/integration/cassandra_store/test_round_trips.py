"""How many statements each use of a repository costs on a real node."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncGenerator, AsyncIterator

import msgspec
import pytest

from helenus import AggregateRepository, Conflict, Head, RepositorySettings
from helenus.store import Page
from helenus.stores.cassandra import CassandraSettings, CassandraStore, cql
from helenus.stores.cassandra.session import Statement
from helenus.testing.conformance.fixtures import commits, pages
from tests.faults.cassandra_store.faulty_session import Fault, Faults
from tests.unit.helenus.bank import AGGREGATES, NotEnough, deposit, withdraw

STREAM = "customer/1"


@pytest.fixture
def session() -> Faults:
    return Faults()


@pytest.fixture
async def store(
    on_each_driver: CassandraSettings, session: Faults
) -> AsyncIterator[CassandraStore]:
    async with CassandraStore(on_each_driver, connect=session.connect) as opened:
        yield opened


def statements(session: Faults) -> list[Statement]:
    """What was executed since the last call."""
    executed, session.sessions[0].executed = session.sessions[0].executed, []
    return executed


def _closing(pages: AsyncIterator[Page]) -> contextlib.aclosing[AsyncGenerator[Page]]:
    """Stop reading at the end of a block."""
    assert isinstance(pages, AsyncGenerator)
    return contextlib.aclosing(pages)


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


async def test_a_conflict_is_one_statement_whose_answer_has_the_head(
    store: CassandraStore, session: Faults
) -> None:
    await store.append(STREAM, commits(1, 2), Head(0))
    statements(session)
    with pytest.raises(Conflict) as conflict:
        await store.append(STREAM, commits(1), Head(0))
    assert conflict.value.actual == 3
    assert statements(session) == [cql.APPEND]


async def test_a_first_command_is_two_statements(store: CassandraStore, session: Faults) -> None:
    async with AggregateRepository(store, AGGREGATES) as repository:
        statements(session)
        await repository.transact(STREAM, deposit(1))
        assert statements(session) == [cql.READ_NEWEST, cql.APPEND]


async def test_a_cold_load_of_a_small_stream_is_one_statement(
    on_each_driver: CassandraSettings, session: Faults
) -> None:
    await _deposit_times(99, on_each_driver)
    async with CassandraStore(on_each_driver, connect=session.connect) as store:
        statements(session)
        async with AggregateRepository(store, AGGREGATES) as cold:
            assert (await cold.load(STREAM)).position == 99
        assert statements(session) == [cql.READ_NEWEST]


async def test_a_cold_load_with_a_snapshot_is_two_statements(
    on_each_driver: CassandraSettings, session: Faults
) -> None:
    await _deposit_times(250, on_each_driver)
    async with CassandraStore(on_each_driver, connect=session.connect) as store:
        statements(session)
        async with AggregateRepository(store, AGGREGATES) as cold:
            assert (await cold.load(STREAM)).position == 250
        assert statements(session) == [cql.READ_NEWEST, cql.READ_SNAPSHOT]
        assert await _trips_of_a_load(store, session, 250) == [
            {cql.READ_SNAPSHOT, cql.READ_COMMITS}
        ]


async def test_beyond_the_first_bucket_a_cold_load_is_three_statements_of_which_two_at_once(
    on_each_driver: CassandraSettings, session: Faults
) -> None:
    settings = await _beyond_the_first_bucket(on_each_driver)
    async with CassandraStore(settings, connect=session.connect) as store:
        at_once = {cql.READ_SNAPSHOT, cql.READ_COMMITS}
        assert await _trips_of_a_load(store, session) == [{cql.READ_NEWEST}, at_once]
        # Now the process knows where the stream goes on.
        assert await _trips_of_a_load(store, session) == [at_once]


async def test_where_nothing_tells_of_the_place_behind_a_snapshot_the_snapshot_does(
    on_each_driver: CassandraSettings, session: Faults
) -> None:
    session.always({cql.WRITE_SNAPSHOT_PLACE: Fault.BEFORE})
    settings = await _beyond_the_first_bucket(on_each_driver, session)
    session.none()
    async with CassandraStore(settings, connect=session.connect) as store:
        first, second, *walked = await _trips_of_a_load(store, session)
        assert (first, second) == ({cql.READ_NEWEST}, {cql.READ_SNAPSHOT})
        assert 1 <= len(walked) <= 2


@pytest.mark.parametrize("place", [(1, 1), (1, 30), (2, 38), (2, 400), (77, 1)])
async def test_a_place_that_is_told_wrong_costs_a_statement_and_no_more(
    on_each_driver: CassandraSettings, session: Faults, place: tuple[int, int]
) -> None:
    settings = await _beyond_the_first_bucket(on_each_driver)
    async with CassandraStore(settings, connect=session.connect) as store:
        values = (10**9, *place, STREAM)
        await session.sessions[0].execute(cql.WRITE_SNAPSHOT_PLACE, values)
        trips = await _trips_of_a_load(store, session)
        assert trips[:2] == [{cql.READ_NEWEST}, {cql.READ_SNAPSHOT, cql.READ_COMMITS}]


async def _beyond_the_first_bucket(
    settings: CassandraSettings, session: Faults | None = None
) -> CassandraSettings:
    small = msgspec.structs.replace(settings, bucket_bytes=2_000)
    await _deposit_times(39, small, session, snapshot_events=30)
    return small


async def _trips_of_a_load(
    store: CassandraStore, session: Faults, events: int = 39
) -> list[set[Statement]]:
    """What a load by a repository that knows nothing asked for, each time before an answer came."""
    trips: dict[int, set[Statement]] = {}
    executed = session.sessions[-1].executed

    def begun(statement: Statement) -> None:
        trips.setdefault(len(executed), set()).add(statement)

    session.plan = begun
    async with AggregateRepository(store, AGGREGATES) as cold:
        assert (await cold.load(STREAM)).position == events
    return list(trips.values())


async def test_a_large_payload_is_not_read_for_a_guess(
    on_each_driver: CassandraSettings, session: Faults
) -> None:
    settings = msgspec.structs.replace(on_each_driver, inline_bytes_max=10)
    await _deposit_times(20, settings, snapshot_events=10)
    async with CassandraStore(settings, connect=session.connect) as store:
        statements(session)
        async with AggregateRepository(store, AGGREGATES) as cold:
            assert (await cold.load(STREAM)).position == 20
        executed = statements(session)
        assert executed[:2] == [cql.READ_NEWEST, cql.READ_SNAPSHOT]
        assert executed.count(cql.READ_PAYLOAD) <= 1


async def test_large_payloads_are_read_no_further_ahead_than_a_page(
    empty_installation: CassandraSettings, session: Faults
) -> None:
    settings = msgspec.structs.replace(empty_installation, inline_bytes_max=10)
    async with CassandraStore(settings, connect=session.connect) as store:
        head = Head(0)
        made = commits(*[1] * 12)
        for one in made:
            head = await store.append(STREAM, [one], head)
        statements(session)
        shown = []
        async for page in store.read(STREAM, page_bytes=1):
            shown += page.commits
            assert statements(session).count(cql.READ_PAYLOAD) <= 2
        assert shown == made


async def _deposit_times(
    times: int,
    settings: CassandraSettings,
    session: Faults | None = None,
    *,
    snapshot_events: int = 100,
) -> None:
    every = RepositorySettings(snapshot_events=snapshot_events)
    async with (
        CassandraStore(settings, connect=(session or Faults()).connect) as store,
        AggregateRepository(store, AGGREGATES, settings=every) as repository,
    ):
        for _ in range(times):
            await repository.transact(STREAM, deposit(1))
            await repository.settle()


async def test_reading_a_long_stream_is_one_statement_a_bucket(
    on_each_driver: CassandraSettings, session: Faults
) -> None:
    settings = msgspec.structs.replace(on_each_driver, bucket_bytes=200)
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


async def test_the_next_two_buckets_are_asked_for_while_the_one_before_is_used(
    on_each_driver: CassandraSettings, session: Faults
) -> None:
    settings = msgspec.structs.replace(on_each_driver, bucket_bytes=1)
    async with CassandraStore(settings, connect=session.connect) as store:
        head = Head(0)
        for position in range(1, 5):
            head = await store.append(STREAM, commits(1, after=position - 1), head)
        begun: list[Statement] = []
        session.plan = begun.append
        reading = store.read(STREAM, page_bytes=1)
        async with _closing(reading):
            first = await anext(reading)
            assert [commit.first for commit in first.commits] == [1]
            await asyncio.sleep(0)  # what was asked for is sent when the event loop turns
            # The second bucket's commit ended the page, and the two behind it are under way.
            assert len(begun) == 4


async def test_what_was_asked_for_in_vain_is_no_unseen_error(
    on_each_driver: CassandraSettings, session: Faults, caplog: pytest.LogCaptureFixture
) -> None:
    settings = msgspec.structs.replace(on_each_driver, bucket_bytes=1)
    async with CassandraStore(settings, connect=session.connect) as store:
        head = Head(0)
        for position in range(1, 4):
            head = await store.append(STREAM, commits(1, after=position - 1), head)
        reading = store.read(STREAM, page_bytes=1)
        async with _closing(reading):
            await anext(reading)
            session.plan = lambda statement: Fault.BEFORE
    gc.collect()
    assert not caplog.records


async def test_the_head_of_a_long_stream_is_found_in_few_statements(
    on_each_driver: CassandraSettings, session: Faults
) -> None:
    settings = msgspec.structs.replace(on_each_driver, bucket_bytes=1)
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
