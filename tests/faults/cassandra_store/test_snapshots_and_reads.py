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
