"""The ghost write, on real nodes: an append that comes into being after it was seen to be absent.

Its coordinator is paused with the request in its socket; a serial read through another node finds
nothing; the node goes on, and so does the append, for its condition still holds. A fence takes that
condition away.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

import cassandra
import cassandra.cluster
import msgspec
import pytest
from cassandra.policies import FallthroughRetryPolicy, WhiteListRoundRobinPolicy
from cassandra.query import tuple_factory

from helenus import OutcomeUnknown, StoreUnavailable
from helenus.store import Commit, Head
from helenus.stores.cassandra import CassandraSettings, CassandraStore, cql
from helenus.stores.cassandra.drivers.datastax import DatastaxSession
from helenus.stores.cassandra.schema import migrate
from helenus.stores.cassandra.session import Kind, MaybeExecuted, Rows, Statement
from helenus.testing.cassandra import Cluster, ClusterOptions
from helenus.testing.conformance.fixtures import commit, stored

APPEND_TIMEOUT_S = 1.0
GHOST_WITHIN_S = 60.0
POLL_S = 0.1
PAIRS = 3


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    options = ClusterOptions(nodes=3, heap_mib=512, native_port=0, storage_port=0, jmx_port=0)
    with Cluster(options) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def three_copies(cluster: Cluster) -> CassandraSettings:
    settings = CassandraSettings(
        contact_points=cluster.contact_points,
        port=cluster.port,
        keyspace=f"ghost_{uuid.uuid4().hex[:12]}",
        replication={"": 3},
        request_timeout_s=20.0,
        append_attempts_max=1,
        settle_attempts_max=2,
    )
    asyncio.run(migrate(settings))
    return settings


class TwoWays:
    """Sends appends by the first node, and all else by the two others. A fence may get lost."""

    def __init__(self, first: DatastaxSession, others: DatastaxSession, *, fences: bool) -> None:
        self._first = first
        self._others = others
        self._fences = fences

    async def prepare(self, statements: Sequence[Statement]) -> None:
        for session in (self._first, self._others):
            await session.prepare(statements)

    async def execute(
        self,
        statement: Statement,
        values: Sequence[Any] = (),
        *,
        page_rows: int = 5_000,
        more: bytes | None = None,
    ) -> Rows:
        if statement == cql.FENCE and not self._fences:
            raise MaybeExecuted("timed out")
        session = self._first if statement == cql.APPEND else self._others
        return await session.execute(statement, values, page_rows=page_rows, more=more)

    async def close(self) -> None:
        for session in (self._first, self._others):
            await session.close()


class Routes:
    """Connects stores in two ways, with fences or without."""

    def __init__(self, *, fences: bool) -> None:
        self._fences = fences

    async def connect(self, settings: CassandraSettings, keyspace: str | None) -> TwoWays:
        first, *others = settings.contact_points
        return TwoWays(
            await by_way_of([first], settings, keyspace, APPEND_TIMEOUT_S),
            await by_way_of(others, settings, keyspace, settings.request_timeout_s),
            fences=self._fences,
        )


async def by_way_of(
    hosts: list[str], settings: CassandraSettings, keyspace: str | None, timeout_s: float
) -> DatastaxSession:
    """A session whose every statement is coordinated by one of these nodes."""

    def profile(consistency: int) -> cassandra.cluster.ExecutionProfile:
        return cassandra.cluster.ExecutionProfile(
            load_balancing_policy=WhiteListRoundRobinPolicy(hosts),
            retry_policy=FallthroughRetryPolicy(),
            consistency_level=consistency,
            serial_consistency_level=cassandra.ConsistencyLevel.LOCAL_SERIAL,
            request_timeout=timeout_s,
            row_factory=tuple_factory,
        )

    quorum = cassandra.ConsistencyLevel.LOCAL_QUORUM
    driver = cassandra.cluster.Cluster(
        contact_points=hosts,
        port=settings.port,
        execution_profiles={
            cassandra.cluster.EXEC_PROFILE_DEFAULT: profile(quorum),
            Kind.READ: profile(quorum),
            Kind.SERIAL_READ: profile(cassandra.ConsistencyLevel.LOCAL_SERIAL),
            Kind.WRITE: profile(quorum),
            Kind.CONDITIONAL: profile(quorum),
        },
        protocol_version=4,
        connect_timeout=20.0,
        schema_metadata_enabled=False,
        token_metadata_enabled=False,
    )
    return DatastaxSession(driver, await asyncio.to_thread(driver.connect, keyspace))


@pytest.fixture
async def fenced(three_copies: CassandraSettings) -> AsyncIterator[CassandraStore]:
    async with CassandraStore(three_copies, connect=Routes(fences=True).connect) as store:
        yield store


@pytest.fixture
async def unfenced(three_copies: CassandraSettings) -> AsyncIterator[CassandraStore]:
    async with CassandraStore(three_copies, connect=Routes(fences=False).connect) as store:
        yield store


@pytest.fixture
async def onlooker(three_copies: CassandraSettings) -> AsyncIterator[CassandraStore]:
    """A store that does not go by way of the first node."""
    settings = msgspec.structs.replace(three_copies, contact_points=three_copies.contact_points[1:])

    async def connect(settings: CassandraSettings, keyspace: str | None) -> DatastaxSession:
        hosts = list(settings.contact_points)
        return await by_way_of(hosts, settings, keyspace, settings.request_timeout_s)

    async with CassandraStore(settings, connect=connect) as store:
        yield store


@pytest.mark.timeout(300)
@pytest.mark.parametrize("already", [0, 1], ids=["a fresh stream", "a stream that exists"])
async def test_a_ghost_appears_without_a_fence_and_never_behind_one(
    cluster: Cluster,
    fenced: CassandraStore,
    unfenced: CassandraStore,
    onlooker: CassandraStore,
    already: int,
) -> None:
    name = uuid.uuid4().hex
    controls = [f"control/{name}/{number}" for number in range(PAIRS)]
    guarded = [f"guarded/{name}/{number}" for number in range(PAIRS)]
    last = f"control/{name}/last"
    streams = [*controls, *guarded, last]
    there: dict[str, list[Commit]] = {stream: [] for stream in streams}
    heads = dict.fromkeys(streams, Head(0))
    await warm_up(fenced, f"warm/{name}")
    if already:
        for stream in streams:
            there[stream] = [commit(1)]
            heads[stream] = await onlooker.append(stream, there[stream], Head(0))

    ghosts = {stream: commit(already + 1) for stream in streams}
    cluster.pause(1)
    try:
        # Each guarded append stands between two unguarded ones in the socket of the paused node.
        for control, guard in zip(controls, guarded, strict=True):
            with pytest.raises(OutcomeUnknown):
                await unfenced.append(control, [ghosts[control]], heads[control])
            with pytest.raises(StoreUnavailable):
                await fenced.append(guard, [ghosts[guard]], heads[guard])
        with pytest.raises(OutcomeUnknown):
            await unfenced.append(last, [ghosts[last]], heads[last])
        for stream in streams:
            assert await stored(onlooker, stream) == there[stream]
    finally:
        cluster.resume(1)

    for control in [*controls, last]:
        await until_it_holds(onlooker, control, [*there[control], ghosts[control]])
    # The paused node's queue is worked off: what it did with the guarded ones is done.
    for guard in guarded:
        assert await stored(onlooker, guard) == there[guard]
        free = [commit(already + 1)]
        await onlooker.append(guard, free, await onlooker.head(guard))
        assert await stored(onlooker, guard) == there[guard] + free


async def warm_up(store: CassandraStore, stream: str) -> None:
    """Have a node that is cold, or was just resumed, serve appends within their short timeout."""
    deadline = time.monotonic() + GHOST_WITHIN_S
    in_time = 0
    while in_time < 5:
        assert time.monotonic() < deadline, "The first node does not serve appends in time."
        head = await store.head(stream)
        try:
            await store.append(stream, [commit(head.position + 1)], head)
        except (StoreUnavailable, OutcomeUnknown):
            in_time = 0
        else:
            in_time += 1


async def until_it_holds(store: CassandraStore, stream: str, wanted: list[Commit]) -> None:
    deadline = time.monotonic() + GHOST_WITHIN_S
    while (found := await stored(store, stream)) != wanted:
        assert time.monotonic() < deadline, f"{stream}: {found}, not {wanted}"
        await asyncio.sleep(POLL_S)
