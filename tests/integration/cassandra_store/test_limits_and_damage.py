"""The largest commits, buckets of changing sizes, and rows that somebody has damaged."""

from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from helenus import AggregateRepository, Head
from helenus.errors import CorruptData, LimitExceeded
from helenus.store import COMMIT_BYTES_MAX
from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.stores.cassandra.drivers import connect
from helenus.stores.cassandra.session import Kind, Rows, Session, Statement
from helenus.testing.conformance.fixtures import commit, commits, stored
from tests.unit.helenus.bank import AGGREGATES, deposit

STREAM = "customer/1"

ROWS = Statement(
    f"SELECT bucket, last, append_id, record FROM commits WHERE stream = '{STREAM}'"
    " ALLOW FILTERING",
    Kind.READ,
)
PAYLOADS = Statement("SELECT append_id FROM payloads", Kind.READ)
DAMAGE = Statement(
    "UPDATE commits SET record = ? WHERE stream = ? AND bucket = ? AND last = ? IF EXISTS",
    Kind.CONDITIONAL,
)
DELETE_PAYLOAD = Statement("DELETE FROM payloads WHERE append_id = ?", Kind.WRITE)


@pytest.fixture
async def session(empty_installation: CassandraSettings) -> AsyncIterator[Session]:
    """The driver, beside the store."""
    session = await connect(empty_installation, empty_installation.keyspace)
    yield session
    await session.close()


async def rows(session: Session, statement: Statement) -> Rows:
    answer = await session.execute(statement)
    assert answer.more is None
    return answer


async def test_a_commit_of_the_largest_size_is_kept_and_one_byte_more_leaves_nothing(
    empty_installation: CassandraSettings, session: Session
) -> None:
    largest = commit(1, body=bytes(COMMIT_BYTES_MAX - len(b"meta")))
    assert largest.size_bytes == 8 * 1024 * 1024
    async with CassandraStore(empty_installation) as store:
        too_large = commit(1, body=bytes(COMMIT_BYTES_MAX - len(b"meta") + 1))
        with pytest.raises(LimitExceeded, match=r"8,388,609 bytes is over the limit of 8,388,608"):
            await store.append(STREAM, [too_large], Head(0))
        assert (await store.head(STREAM)).position == 0
        assert not (await rows(session, ROWS)).rows
        assert not (await rows(session, PAYLOADS)).rows
        head = await store.append(STREAM, [largest], Head(0))
        await store.append(STREAM, commits(1, after=1), head)
    async with CassandraStore(empty_installation) as store:
        assert (await stored(store, STREAM))[0] == largest


@pytest.mark.parametrize(("more", "beside"), [(-1, False), (0, False), (1, True)])
async def test_a_record_up_to_the_inline_limit_is_in_its_row_and_a_larger_one_beside_it(
    empty_installation: CassandraSettings, session: Session, more: int, *, beside: bool
) -> None:
    made = commit(1, body=bytes(10_000))
    limit = len(msgspec.msgpack.encode([made])) - more
    settings = msgspec.structs.replace(empty_installation, inline_bytes_max=limit)
    async with CassandraStore(settings) as store:
        await store.append(STREAM, [made], Head(0))
    ((*_, append_id, record),) = (await rows(session, ROWS)).rows
    assert (record is None) == beside
    assert [*(await rows(session, PAYLOADS)).rows] == ([(append_id,)] if beside else [])
    async with CassandraStore(empty_installation) as store:
        assert await stored(store, STREAM) == [made]


async def test_a_stream_written_under_three_bucket_sizes_reads_whole(
    empty_installation: CassandraSettings, session: Session
) -> None:
    made = commits(*[1, 3, 2] * 12)
    sizes = [400, 1_000_000, 150]
    head = Head(0)
    for number, size in enumerate(sizes):
        settings = msgspec.structs.replace(empty_installation, bucket_bytes=size)
        async with CassandraStore(settings) as store:
            head = await store.head(STREAM)
            for each in made[number * 12 : number * 12 + 12]:
                head = await store.append(STREAM, [each], head)
    assert head.position == made[-1].last
    buckets = [bucket for bucket, *_ in (await rows(session, ROWS)).rows]
    assert len({buckets.count(bucket) for bucket in buckets}) > 2  # as many sizes
    for size in sizes:
        settings = msgspec.structs.replace(empty_installation, bucket_bytes=size)
        async with CassandraStore(settings) as store:
            assert await stored(store, STREAM) == made
            assert await stored(store, STREAM, after=20) == [c for c in made if c.last > 20]
            assert (await store.head(STREAM)).position == made[-1].last


def flipped(record: bytes) -> bytes:
    """One bit of the last event is another."""
    return record[:-20] + bytes([record[-20] ^ 1]) + record[-19:]


def cut(record: bytes) -> bytes:
    """The end is missing."""
    return record[:-1]


def emptied(_: bytes) -> bytes:
    """Nothing is left."""
    return b""


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (flipped, "positions 2–2: the checksum is wrong"),
        (cut, "the record at position 2 cannot be read"),
        (emptied, "the record at position 2 cannot be read"),
    ],
)
async def test_a_damaged_record_stops_loading_with_its_stream_and_position(
    empty_installation: CassandraSettings,
    session: Session,
    damage: Callable[[bytes], bytes],
    says: str,
) -> None:
    await deposit_thrice(empty_installation)
    bucket, last, _, record = (await rows(session, ROWS)).rows[1]
    values = (damage(record), STREAM, bucket, last)
    assert (await session.execute(DAMAGE, values)).rows[0][0]
    assert last == 2
    await fails_to_load(empty_installation, says)


async def test_a_payload_that_is_gone_stops_loading_with_its_stream_and_position(
    empty_installation: CassandraSettings, session: Session
) -> None:
    await deposit_thrice(msgspec.structs.replace(empty_installation, inline_bytes_max=1))
    _, last, append_id, record = (await rows(session, ROWS)).rows[1]
    assert (last, record) == (2, None)
    await session.execute(DELETE_PAYLOAD, (append_id,))
    await fails_to_load(empty_installation, "position 2 is missing")


async def deposit_thrice(settings: CassandraSettings) -> None:
    async with CassandraStore(settings) as store, AggregateRepository(store, AGGREGATES) as bank:
        for _ in range(3):
            await bank.transact(STREAM, deposit(1))
        await bank.transact("customer/2", deposit(1))


async def fails_to_load(settings: CassandraSettings, where: str) -> None:
    async with CassandraStore(settings) as store, AggregateRepository(store, AGGREGATES) as bank:
        with pytest.raises(CorruptData) as caught:
            await bank.load(STREAM)
        assert STREAM in str(caught.value)
        assert where in str(caught.value)
        assert "other streams are not affected" in str(caught.value)
        assert (await bank.load("customer/2")).position == 1
