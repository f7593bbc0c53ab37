"""A node that is paused keeps its connections and answers nothing: statements go to the others."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from helenus.errors import StoreError
from helenus.store import Head
from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.stores.cassandra.drivers import DriverName, acsylla, datastax
from helenus.testing.cassandra import Cluster
from helenus.testing.conformance.fixtures import commits
from tests.conftest import DRIVERS

STREAMS = [f"paused/{number}" for number in range(12)]
"""Enough for each node to be the first choice for some."""

REQUEST_TIMEOUT_S = 100.0
NOTICED_WITHIN_S = 40.0
"""Much less than a statement waits for its answer, much more than a driver takes to notice."""


@pytest.mark.timeout(200)
@pytest.mark.parametrize("driver", DRIVERS)
async def test_once_it_was_noticed_no_append_waits_for_a_paused_node(
    three_nodes: Cluster, three_copies: CassandraSettings, driver: DriverName
) -> None:
    settings = msgspec.structs.replace(
        three_copies, driver=driver, request_timeout_s=REQUEST_TIMEOUT_S
    )
    async with CassandraStore(settings) as store:
        heads = [await _appended(store, f"{driver}/{stream}", Head(0)) for stream in STREAMS]
        three_nodes.pause(1)
        try:
            async with asyncio.timeout(NOTICED_WITHIN_S):
                first = await asyncio.gather(
                    *(
                        _appended(store, f"{driver}/{stream}", head)
                        for stream, head in zip(STREAMS, heads, strict=True)
                    ),
                    return_exceptions=True,
                )
            assert all(isinstance(each, (Head, StoreError)) for each in first)
            lost = store.statistics().conditional.maybe_executed
            assert lost > 0  # it was the first choice for some
            for stream in STREAMS:
                await _appended(store, f"{driver}/{stream}", await store.head(f"{driver}/{stream}"))
            assert store.statistics().conditional.maybe_executed == lost
        finally:
            three_nodes.resume(1)


@pytest.mark.timeout(200)
@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_read_that_a_paused_node_holds_up_is_asked_of_another(
    three_nodes: Cluster,
    three_copies: CassandraSettings,
    driver: DriverName,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nobody is to notice that it is paused.
    monkeypatch.setattr(acsylla, "_IDLE_TIMEOUT_S", 600)
    monkeypatch.setattr(datastax, "_HEARTBEAT_TIMEOUT_S", 600)
    settings = msgspec.structs.replace(
        three_copies,
        driver=driver,
        request_timeout_s=REQUEST_TIMEOUT_S,
        speculative_execution_s=0.05,
    )
    streams = [f"read/{driver}/{stream}" for stream in STREAMS]
    async with CassandraStore(settings) as store:
        heads = [await _appended(store, stream, Head(0)) for stream in streams]
        three_nodes.pause(1)
        try:
            async with asyncio.timeout(NOTICED_WITHIN_S):
                assert await asyncio.gather(*map(store.head, streams)) == heads
        finally:
            three_nodes.resume(1)


async def _appended(store: CassandraStore, stream: str, head: Head) -> Head:
    return await store.append(stream, commits(1, after=head.position), head)
