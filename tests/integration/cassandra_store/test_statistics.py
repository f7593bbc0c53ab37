"""The Cassandra store counts what it asks of a real node."""

from __future__ import annotations

import asyncio
import uuid

import msgspec
import pytest

from helenus import Overloaded
from helenus.store import Head, Snapshot
from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.testing.conformance.fixtures import commit, commits, stored


async def test_statements_are_counted_by_kind(installation: CassandraSettings) -> None:
    stream = uuid.uuid4().hex
    store = CassandraStore(msgspec.structs.replace(installation, inline_bytes_max=1_000))
    async with store:
        head = await store.append(stream, commits(1), Head(0))
        await store.append(stream, [commit(2, body=bytes(2_000))], head)
        await store.save_snapshot(stream, Snapshot(1, "f", b"", head.token))
        await store.head(stream)
        assert len(await stored(store, stream)) == 2
        taken = store.statistics()
    assert taken.conditional.executed == 2
    assert taken.write.executed == 2  # the payload, the snapshot
    assert taken.read.executed == 2  # the snapshot before it is replaced, the payload
    assert taken.serial_read.executed == 2  # the head, the bucket
    assert taken.serial_read.seconds > 0
    assert (taken.bucket_hints, taken.requests, taken.overloaded, taken.fences) == (1, 0, 0, 0)
    assert store.statistics() == taken, "Closing the store loses no count."


async def test_requests_under_way_and_refused_ones_are_counted(
    installation: CassandraSettings,
) -> None:
    settings = msgspec.structs.replace(installation, requests_in_flight_max=1)
    async with CassandraStore(settings) as store:
        waiting = asyncio.ensure_future(store.append(uuid.uuid4().hex, commits(1), Head(0)))
        await asyncio.sleep(0)
        assert store.statistics().requests == 1
        with pytest.raises(Overloaded):
            await store.head(uuid.uuid4().hex)
        assert store.statistics().overloaded == 1
        await waiting
        assert store.statistics().requests == 0
