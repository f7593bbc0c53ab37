"""Verification finds each kind of damage in the buckets of a stream, and none in a sound one."""

import uuid
from typing import Any

import msgspec
import pytest

from helenus.repository import AggregateRepository
from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.stores.cassandra.drivers.datastax import DatastaxSession
from helenus.stores.cassandra.session import Kind, Statement
from helenus.verification import Finding, verify_streams
from tests.unit.helenus.bank import AGGREGATES, STREAM, deposit

WHERE = "WHERE stream = 'customer/1' AND bucket = "
# Written last of all, later than what Paxos wrote: damage, as no program of ours does it.
LATE = "USING TIMESTAMP 4000000000000000"


@pytest.fixture
async def settings(empty_installation: CassandraSettings) -> CassandraSettings:
    """Streams of ten commits in three buckets, some payloads beside their rows."""
    tiny = msgspec.structs.replace(empty_installation, bucket_bytes=500, inline_bytes_max=300)
    async with CassandraStore(tiny) as store, AggregateRepository(store, AGGREGATES) as bank:
        for stream in (STREAM, "customer/2"):
            for number in range(10):
                account = "a" * 250 if number == 4 else "a"
                await bank.transact(stream, deposit(1, account), command_id=f"c-{number}")
    return tiny


async def found(settings: CassandraSettings) -> list[Finding]:
    async with CassandraStore(settings) as store:
        pages = [page async for page in verify_streams(store, aggregates=AGGREGATES)]
    assert sum(page.streams for page in pages) == 2
    return [finding for page in pages for finding in page.findings]


async def execute(settings: CassandraSettings, cql: str, *values: Any) -> list[tuple[Any, ...]]:
    session = await DatastaxSession.connect(settings, settings.keyspace)
    try:
        kind = Kind.READ if cql.startswith("SELECT") else Kind.WRITE
        return list((await session.execute(Statement(cql, kind), values)).rows)
    finally:
        await session.close()


async def test_a_sound_store_has_no_findings(settings: CassandraSettings) -> None:
    assert await found(settings) == []
    buckets = await execute(settings, "SELECT DISTINCT stream, bucket FROM commits")
    assert len(buckets) == 2 * 3
    assert await execute(settings, "SELECT append_id FROM payloads")


DAMAGES = [
    ("bucket-head", f"UPDATE commits {LATE} SET head = 99 {WHERE} 1"),
    ("bucket-bytes", f"UPDATE commits {LATE} SET bytes = 1 {WHERE} 1"),
    ("bucket-unsealed", f"UPDATE commits {LATE} SET sealed = false {WHERE} 1"),
    ("bucket-missing", f"DELETE FROM commits {LATE} {WHERE} 1"),
    ("row-positions", f"UPDATE commits {LATE} SET first = 0 {WHERE} 0 AND last = 2"),
    ("row-positions", f"DELETE FROM commits {LATE} {WHERE} 0 AND last = 2"),
    ("row-kinds", f"UPDATE commits {LATE} SET kinds = ['x@1'] {WHERE} 0 AND last = 2"),
    ("row-unreadable", f"UPDATE commits {LATE} SET record = 0x00 {WHERE} 0 AND last = 2"),
    ("unreadable", f"UPDATE commits {LATE} SET record = 0x00 {WHERE} 0 AND last = 2"),
]


@pytest.mark.parametrize(
    ("kind", "damage"),
    DAMAGES,
    ids=[f"{number}-{damage[0]}" for number, damage in enumerate(DAMAGES)],
)
async def test_damage_is_found(settings: CassandraSettings, kind: str, damage: str) -> None:
    await execute(settings, damage)
    findings = await found(settings)
    assert kind in {finding.kind for finding in findings}
    assert {finding.stream for finding in findings} == {STREAM}


async def test_a_missing_payload_is_found(settings: CassandraSettings) -> None:
    await execute(
        settings,
        f"UPDATE commits {LATE} SET append_id = ? {WHERE} 0 AND last = 2",
        uuid.uuid4(),
    )
    assert await found(settings) == []  # its record is in the row
    for (append_id,) in await execute(settings, "SELECT append_id FROM payloads"):
        await execute(settings, f"DELETE FROM payloads {LATE} WHERE append_id = ?", append_id)
    kinds = [(f.stream, f.position, f.kind) for f in await found(settings)]
    assert (STREAM, 5, "payload-missing") in kinds
    assert ("customer/2", 5, "payload-missing") in kinds
