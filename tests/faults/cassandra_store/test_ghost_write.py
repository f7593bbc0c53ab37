"""The ghost write, on real nodes: an append that comes into being after it was seen to be absent.

Its coordinator is paused with the request in its socket; a serial read through another node finds
nothing; the node goes on, and so does the append, for its condition still holds. A fence takes that
condition away.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
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
from helenus.stores.cassandra.session import Kind, MaybeExecuted, Rows, Statement
from helenus.testing.cassandra import Cluster
from helenus.testing.conformance.fixtures import commit, stored

APPEND_TIMEOUT_S = 1.0
WARM_WITHIN_S = 90.0
GHOST_WITHIN_S = 30.0
TRIALS = 3
POLL_S = 0.1
PAIRS = 3


@pytest.fixture
def soon_given_up(three_copies: CassandraSettings) -> CassandraSettings:
    return msgspec.structs.replace(three_copies, append_attempts_max=1, settle_attempts_max=2)


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
async def fenced(soon_given_up: CassandraSettings) -> AsyncIterator[CassandraStore]:
    async with CassandraStore(soon_given_up, connect=Routes(fences=True).connect) as store:
        yield store


@pytest.fixture
async def unfenced(soon_given_up: CassandraSettings) -> AsyncIterator[CassandraStore]:
    async with CassandraStore(soon_given_up, connect=Routes(fences=False).connect) as store:
        yield store


@pytest.fixture
async def onlooker(soon_given_up: CassandraSettings) -> AsyncIterator[CassandraStore]:
    """A store that does not go by way of the first node."""
    others = soon_given_up.contact_points[1:]
    settings = msgspec.structs.replace(soon_given_up, contact_points=others)

    async def connect(settings: CassandraSettings, keyspace: str | None) -> DatastaxSession:
        hosts = list(settings.contact_points)
        return await by_way_of(hosts, settings, keyspace, settings.request_timeout_s)

    async with CassandraStore(settings, connect=connect) as store:
        yield store


@pytest.mark.timeout(400)
@pytest.mark.parametrize("already", [0, 1], ids=["a fresh stream", "a stream that exists"])
async def test_a_ghost_appears_without_a_fence_and_never_behind_one(
    three_nodes: Cluster,
    fenced: CassandraStore,
    unfenced: CassandraStore,
    onlooker: CassandraStore,
    already: int,
) -> None:
    for _ in range(TRIALS):
        await warm_up(fenced, f"warm/{uuid.uuid4().hex}")
        trial = Trial(three_nodes, fenced, unfenced, onlooker)
        await trial.begin(already)
        await trial.send_to_a_paused_node()
        if await trial.ghosts_appear():
            await trial.assert_no_guarded_one_does()
            return
        # A node that was away for long may find its connections closed, and give up what it had
        # to do. Then nothing was shown: neither that there are ghosts, nor that a fence helps.
        await trial.assert_no_guarded_one_does()
    pytest.fail("Not even without a fence did a ghost appear.")


class Trial:
    """Appends that wait before one paused node: guarded ones, each between two that are not."""

    def __init__(
        self,
        cluster: Cluster,
        fenced: CassandraStore,
        unfenced: CassandraStore,
        onlooker: CassandraStore,
    ) -> None:
        name = uuid.uuid4().hex
        self.cluster = cluster
        self.onlooker = onlooker
        self.guarded = [f"guarded/{name}/{number}" for number in range(PAIRS)]
        self.controls = [f"control/{name}/{number}" for number in range(PAIRS + 1)]
        # In this order they wait in the node's socket.
        self.stores = {self.controls[0]: unfenced}
        for guarded, control in zip(self.guarded, self.controls[1:], strict=True):
            self.stores |= {guarded: fenced, control: unfenced}
        self.there: dict[str, list[Commit]] = {}
        self.heads = dict.fromkeys(self.stores, Head(0))
        self.ghosts: dict[str, Commit] = {}

    async def begin(self, already: int) -> None:
        """Have every stream hold so many commits, none or one."""
        for stream in self.stores:
            self.there[stream] = [commit(1)] if already else []
            self.ghosts[stream] = commit(already + 1)
            if already:
                self.heads[stream] = await self.onlooker.append(stream, self.there[stream], Head(0))

    async def send_to_a_paused_node(self) -> None:
        """All at once, for a node that is away for long is given up by the others."""
        self.cluster.pause(1)
        try:
            answers = await asyncio.gather(
                *(
                    store.append(stream, [self.ghosts[stream]], self.heads[stream])
                    for stream, store in self.stores.items()
                ),
                return_exceptions=True,
            )
            found = await asyncio.gather(*(stored(self.onlooker, one) for one in self.stores))
        finally:
            self.cluster.resume(1)
        for stream, answer in zip(self.stores, answers, strict=True):
            wanted = StoreUnavailable if stream in self.guarded else OutcomeUnknown
            assert isinstance(answer, wanted), f"{stream}: {answer!r}"
        assert found == [self.there[stream] for stream in self.stores]

    async def ghosts_appear(self) -> bool:
        """Whether all that no fence guards come into being: the node's queue is worked off."""
        deadline = time.monotonic() + GHOST_WITHIN_S
        for stream in self.controls:
            while (found := await stored(self.onlooker, stream)) == self.there[stream]:
                if time.monotonic() > deadline:
                    return False
                await asyncio.sleep(POLL_S)
            assert found == [*self.there[stream], self.ghosts[stream]]
        return True

    async def assert_no_guarded_one_does(self) -> None:
        """It is not there, and its place is free."""
        for stream in self.guarded:
            assert await stored(self.onlooker, stream) == self.there[stream]
            free = [commit(len(self.there[stream]) + 1)]
            await self.onlooker.append(stream, free, await self.onlooker.head(stream))
            assert await stored(self.onlooker, stream) == self.there[stream] + free


async def warm_up(store: CassandraStore, stream: str) -> None:
    """Have a node that is cold, or was just resumed, serve appends within their short timeout."""
    deadline = time.monotonic() + WARM_WITHIN_S
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
