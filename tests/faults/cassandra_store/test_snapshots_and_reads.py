"""Statements of snapshots and reads lost, refused or late: no wrong answer, and no lasting harm."""

from __future__ import annotations

import random
import uuid
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from helenus.errors import OutcomeUnknown, StoreUnavailable
from helenus.store import Head, Snapshot
from helenus.stores.cassandra import CassandraSettings, CassandraStore, cql
from helenus.stores.cassandra.session import Statement
from helenus.testing.conformance.fixtures import commit, commits, pages, stored
from tests.faults.cassandra_store.faulty_session import Fault, Faults

OLD = Snapshot(50, "old definitions", b"a" * 40, b"old")
NEW = Snapshot(50, "new definitions", b"z" * 40, b"new")
LATER = Snapshot(100, "new definitions", b"a" * 5, b"later")


@pytest.fixture
def stream() -> str:
    return f"snapshots/{uuid.uuid4().hex}"


@pytest.mark.parametrize("kept", [None, OLD])
@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize(
    "statement", [cql.READ_SNAPSHOT, cql.WRITE_SNAPSHOT], ids=["read", "write"]
)
async def test_a_snapshot_that_may_not_be_kept_is_an_error_and_the_next_is_kept(
    installation: CassandraSettings,
    stream: str,
    kept: Snapshot | None,
    fault: Fault,
    statement: Statement,
) -> None:
    faults = Faults()
    async with CassandraStore(installation, connect=faults.connect) as store:
        await store.save_snapshot(stream, kept)
        faults.always({statement: fault})
        # For an unconditional write, too few replicas are a refusal: see the drivers' errors.
        certain = statement == cql.READ_SNAPSHOT or fault in (Fault.REFUSED, Fault.UNAVAILABLE)
        with pytest.raises(StoreUnavailable if certain else OutcomeUnknown):
            await store.save_snapshot(stream, NEW)
        faults.none()
        assert await store.load_snapshot(stream) in (kept, NEW)
        await store.save_snapshot(stream, LATER)
        await faults.release()
        assert await store.load_snapshot(stream) == LATER


@pytest.mark.parametrize(("late", "meanwhile"), [(OLD, NEW), (NEW, OLD), (NEW, None), (None, NEW)])
async def test_two_snapshots_of_one_position_are_never_mixed(
    installation: CassandraSettings,
    stream: str,
    late: Snapshot | None,
    meanwhile: Snapshot | None,
) -> None:
    """Written at once by two processes, of which one still runs the old code."""
    faults = Faults()
    async with CassandraStore(installation, connect=faults.connect) as store:
        faults.once(cql.WRITE_SNAPSHOT, Fault.LATE)
        with pytest.raises(OutcomeUnknown):
            await store.save_snapshot(stream, late)
        await store.save_snapshot(stream, meanwhile)
        await faults.release()
        assert await store.load_snapshot(stream) in (late, meanwhile, None)


Look = Callable[[CassandraStore, str, Head], Awaitable[object]]

LOOKS: dict[str, tuple[Look, list[Statement]]] = {
    "read": (lambda store, stream, _: stored(store, stream), [cql.READ_COMMITS_FROM_START]),
    "read after": (
        lambda store, stream, _: stored(store, stream, after=2),
        [cql.READ_BUCKET, cql.READ_COMMITS],
    ),
    "read up to": (
        lambda store, stream, _: stored(store, stream, upto=2),
        [cql.READ_COMMITS_FROM_START, cql.READ_BUCKET],
    ),
    "read beside": (
        lambda store, stream, _: pages(store, stream, page_bytes=1),
        [cql.READ_PAYLOAD],
    ),
    "head": (lambda store, stream, _: store.head(stream), [cql.READ_BUCKET]),
    "head by token": (
        lambda store, stream, head: store.head(stream, token=head.token),
        [cql.READ_BUCKET],
    ),
    "snapshot": (lambda store, stream, _: store.load_snapshot(stream), [cql.READ_SNAPSHOT]),
}


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.REFUSED])
@pytest.mark.parametrize(("look", "statements"), LOOKS.values(), ids=LOOKS)
async def test_a_read_that_is_not_answered_is_an_error_and_the_next_is_whole(
    installation: CassandraSettings,
    stream: str,
    look: Look,
    statements: list[Statement],
    fault: Fault,
) -> None:
    faults = Faults()
    settings = msgspec.structs.replace(installation, bucket_bytes=600, inline_bytes_max=2_000)
    async with CassandraStore(settings, connect=faults.connect) as store:
        head = await store.append(stream, commits(1, 1), Head(0))
        large = [commit(3, body=random.randbytes(700)), commit(4, body=random.randbytes(3_000))]
        head = await store.append(stream, large[:1], head)
        head = await store.append(stream, large[1:], head)
        await store.save_snapshot(stream, LATER)
        whole = await look(store, stream, head)
        for statement in statements:
            faults.always({statement: fault})  # once may be repeated: it is a read
            with pytest.raises(StoreUnavailable):
                await look(store, stream, head)
            faults.none()
            assert await look(store, stream, head) == whole


@pytest.fixture
def cold(installation: CassandraSettings) -> CassandraSettings:
    """Of a store that remembers nothing of a stream, and closes a bucket after a few commits."""
    return msgspec.structs.replace(installation, bucket_bytes=600, bucket_hints_max=0)


async def of_several_buckets(store: CassandraStore, stream: str) -> Snapshot:
    """Fill a stream; a snapshot near its end, which is not kept yet."""
    head, taken = Head(0), Head(0)
    for position in range(1, 31):
        head = await store.append(stream, [commit(position)], head)
        taken = head if position == 27 else taken
    return Snapshot(taken.position, "definitions", b"state", taken.token)


async def recovered(store: CassandraStore, stream: str) -> tuple[Snapshot | None, list[int]]:
    """The snapshot that a read goes on from, and the positions behind it."""
    read = [page async for page in store.read(stream, from_snapshot=True)]
    return read[0].snapshot, [each.first for page in read for each in page.commits]


@pytest.mark.parametrize("fault", Fault)
async def test_a_snapshot_whose_place_may_not_be_told_is_kept_and_found(
    cold: CassandraSettings, stream: str, fault: Fault
) -> None:
    faults = Faults()
    async with CassandraStore(cold, connect=faults.connect) as store:
        snapshot = await of_several_buckets(store, stream)
        faults.always({cql.WRITE_SNAPSHOT_PLACE: fault})
        await store.save_snapshot(stream, snapshot)
        assert await recovered(store, stream) == (snapshot, [28, 29, 30])
        await faults.release()
        faults.none()
        assert await recovered(store, stream) == (snapshot, [28, 29, 30])


async def test_a_place_that_is_told_late_does_not_hide_a_later_snapshot(
    cold: CassandraSettings, stream: str
) -> None:
    faults = Faults()
    async with CassandraStore(cold, connect=faults.connect) as store:
        snapshot = await of_several_buckets(store, stream)
        faults.once(cql.WRITE_SNAPSHOT_PLACE, Fault.LATE)
        await store.save_snapshot(stream, snapshot)
        head = await store.head(stream)
        for position in range(31, 61):
            head = await store.append(stream, [commit(position)], head)
        later = Snapshot(head.position, "definitions", b"later", head.token)
        await store.save_snapshot(stream, later)
        await faults.release()
        await store.append(stream, [commit(61)], head)
        assert await recovered(store, stream) == (later, [61])


@pytest.mark.parametrize("kept", [True, False], ids=["snapshot kept", "snapshot forgotten"])
@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER, Fault.REFUSED])
@pytest.mark.parametrize(
    "statement",
    [cql.READ_NEWEST, cql.READ_SNAPSHOT, cql.READ_COMMITS],
    ids=["first rows", "snapshot", "rows behind it"],
)
async def test_a_cold_load_that_is_not_answered_is_an_error_and_the_next_is_whole(
    cold: CassandraSettings, stream: str, statement: Statement, fault: Fault, *, kept: bool
) -> None:
    faults = Faults()
    async with CassandraStore(cold, connect=faults.connect) as store:
        snapshot = await of_several_buckets(store, stream)
        await store.save_snapshot(stream, snapshot)
        if not kept:  # its place is still told
            await store.save_snapshot(stream, None)
        whole = (snapshot, [28, 29, 30]) if kept else (None, list(range(1, 31)))
        faults.always({statement: fault})
        with pytest.raises(StoreUnavailable):
            await recovered(store, stream)
        faults.none()
        assert await recovered(store, stream) == whole
