"""Both drivers give the same rows, by pages, and ask for a quorum."""

import uuid
from collections.abc import AsyncIterator

import msgspec
import psutil
import pytest

from helenus.errors import StoreUnavailable
from helenus.stores.cassandra import CassandraSettings, cql
from helenus.stores.cassandra.drivers import connect
from helenus.stores.cassandra.session import Kind, NotExecuted, OwnerSession
from helenus.stores.cassandra.session import Statement as Cql

APPEND_ID = uuid.UUID("00000000-0000-4000-8000-0000000000ff")
READ = Cql(
    "SELECT last, head, fence, sealed, first, append_id, kinds, record, writetime(record)"
    " FROM commits WHERE stream = ? AND bucket = ?",
    Kind.SERIAL_READ,
)


@pytest.fixture
async def session(on_each_driver: CassandraSettings) -> AsyncIterator[OwnerSession]:
    session = await connect(on_each_driver, on_each_driver.keyspace)
    yield session
    await session.close()


def values(last: int, head: int | None, record: bytes | None) -> tuple[object, ...]:
    return (
        *(last, 2**40, True, -(2**62), APPEND_ID, ["a\0b", "é"], record),
        *("customer/é", -7, last, head, None),
    )


async def test_rows_are_the_same_by_each_driver(session: OwnerSession) -> None:
    applied = await session.execute(cql.APPEND, values(1, None, b"\0\xff"))
    assert [tuple(row) for row in applied.rows] == [(True,)]
    await session.execute(cql.APPEND, values(2, 1, None))
    refused = await session.execute(cql.APPEND, values(2, 1, b""))
    assert [tuple(row) for row in refused.rows] == [(False, 2, None)]
    fence = uuid.uuid4()
    await session.execute(cql.FENCE, (fence, "customer/é", -7, 2, None))
    first, second = (await session.execute(READ, ("customer/é", -7))).rows
    common = (True, -(2**62), APPEND_ID, ["a\0b", "é"])
    assert first[:-1] == (1, 2, fence, *common, b"\0\xff")
    assert isinstance(first[-1], int)
    assert second == (2, 2, fence, *common, None, None)
    refused = await session.execute(cql.APPEND, values(9, 9, b""))
    assert [tuple(row) for row in refused.rows] == [(False, 2, fence)]


async def test_pages_follow_one_another(session: OwnerSession) -> None:
    for last in range(1, 6):
        await session.execute(cql.APPEND, values(last, last - 1 or None, b"r"))
    found, more = [], None
    for expected in (2, 2, 1):
        page = await session.execute(READ, ("customer/é", -7), page_rows=2, more=more)
        found += [row[0] for row in page.rows]
        assert len(page.rows) == expected
        more = page.more
    assert found == [1, 2, 3, 4, 5]
    assert more is None


async def test_a_quorum_is_asked_for(
    session: OwnerSession, on_each_driver: CassandraSettings
) -> None:
    """Three copies on one node: a plain read or write is refused, and says so."""
    keyspace = f"test_{uuid.uuid4().hex[:12]}"
    settings = msgspec.structs.replace(on_each_driver, keyspace=keyspace)
    await session.execute_schema(
        cql.CREATE_KEYSPACE.format(
            keyspace=keyspace,
            replication="{'class': 'SimpleStrategy', 'replication_factor': 3}",
        )
    )
    other = await connect(settings, keyspace)
    try:
        for table in cql.create_tables(keyspace, settings.tables, unified=True):
            await other.execute_schema(table)
        for statement, given in (
            (cql.READ_PAYLOAD, (APPEND_ID,)),
            (cql.WRITE_PAYLOAD, (APPEND_ID, b"")),
        ):
            with pytest.raises(NotExecuted):
                await other.execute(statement, given)
    finally:
        await session.execute_schema(f"DROP KEYSPACE {keyspace}")
        await other.close()


def descriptors() -> int:
    return psutil.Process().num_fds()


async def test_connecting_again_and_again_leaves_nothing_open(
    on_each_driver: CassandraSettings,
) -> None:
    nowhere = msgspec.structs.replace(on_each_driver, port=1)
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            await connect(nowhere, None)
    before = descriptors()
    for _ in range(5):
        with pytest.raises(StoreUnavailable):
            await connect(nowhere, None)
        await (await connect(on_each_driver, None)).close()
    assert descriptors() <= before + 1
