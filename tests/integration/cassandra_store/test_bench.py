"""`helenus bench` on a real node works in a keyspace of its own, and drops it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from helenus import StoreUnavailable, StoreUnusable
from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.stores.cassandra.drivers import connect
from helenus.stores.cassandra.scratch import scratch_keyspace
from helenus.stores.cassandra.session import Kind, Statement
from tests.unit.helenus.cli_runs import answer, helenus

KEYSPACES = Statement("SELECT keyspace_name, replication FROM system_schema.keyspaces", Kind.READ)


async def keyspaces(settings: CassandraSettings) -> dict[str, Any]:
    """Those of the bench beside a keyspace, and this one, with their replication."""
    session = await connect(settings, None)
    try:
        rows = (await session.execute(KEYSPACES)).rows
    finally:
        await session.close()
    return {name: found for name, found in rows if name.startswith(settings.keyspace)}


def url(settings: CassandraSettings) -> str:
    return f"cassandra://{settings.contact_points[0]}:{settings.port}/{settings.keyspace}"


def test_the_command_measures_in_a_keyspace_that_is_gone_afterwards(
    installation: CassandraSettings,
) -> None:
    told = answer(
        *("bench", url(installation), "--seconds", 0.2, "--warm-up-seconds", 0),
        *("--in-flight", 4, "--events", 120),
    )
    assert told["store"] == "CassandraStore"
    assert all(case["operations"] > 0 for case in told["cases"])
    assert list(asyncio.run(keyspaces(installation))) == [installation.keyspace]


async def test_the_keyspace_has_the_copies_of_the_one_beside_it(
    installation: CassandraSettings,
) -> None:
    async with scratch_keyspace(installation) as own:
        found = await keyspaces(installation)
        assert own.keyspace.startswith(f"{installation.keyspace}_bench_")
        assert sorted(found) == sorted([installation.keyspace, own.keyspace])
        assert found[own.keyspace] == found[installation.keyspace]
        async with CassandraStore(own):
            pass


async def test_a_failure_within_drops_it_too(installation: CassandraSettings) -> None:
    with pytest.raises(StoreUnavailable, match="on purpose"):
        async with scratch_keyspace(installation):
            raise StoreUnavailable("on purpose")
    assert list(await keyspaces(installation)) == [installation.keyspace]


async def test_a_keyspace_that_is_not_there_gives_no_copies(
    installation: CassandraSettings,
) -> None:
    other = msgspec.structs.replace(installation, keyspace="nowhere_at_all")
    with pytest.raises(StoreUnusable, match="no keyspace 'nowhere_at_all'"):
        async with scratch_keyspace(other):
            pass
    result = await asyncio.to_thread(helenus, "bench", url(other), "--seconds", 0.1)
    assert result.exit_code == 10
