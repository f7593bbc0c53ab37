"""A store that is observed behaves as before; what it was asked is counted, timed and spanned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from helenus import Conflict, OutcomeUnknown, StoreUnavailable
from helenus.observability import (
    BOUNDS_S,
    SPANS,
    Durations,
    ObservedStore,
    OperationStatistics,
)
from helenus.store import Commit, Head, Snapshot
from helenus.stores.memory import MemoryStore
from helenus.testing import FailAfter, FailBefore, FaultyStore, Hold
from helenus.testing.conformance import FeedCases, MakeStore, StoreConformance
from tests.unit.helenus.observability.paper_tracer import PaperTracer

STREAM = "customer/secret"
ONE = Durations(tuple(int(bound == 1.0) for bound in (*BOUNDS_S, None)), 1.0)
"""One call, of one second."""


class TestObservedStore(StoreConformance, FeedCases):
    @pytest.fixture
    def make_store(self) -> MakeStore:
        data = MemoryStore()
        return lambda: ObservedStore(data, tracer=PaperTracer())


def commit(position: int, size: int = 10) -> Commit:
    return Commit(bytes([position]) * 16, position, position, 0, ("e",), b"", b"x" * size)


class Ticking:
    """A clock that moves by a second each time it is read."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 1
        return self.now_s


@pytest.fixture
def tracer() -> PaperTracer:
    return PaperTracer()


@pytest.fixture
async def faulty() -> AsyncIterator[FaultyStore]:
    async with MemoryStore() as memory:
        yield FaultyStore(memory)


@pytest.fixture
def store(faulty: FaultyStore, tracer: PaperTracer) -> ObservedStore:
    return ObservedStore(faulty, tracer=tracer, time_s=Ticking())


async def test_each_operation_is_counted_with_what_it_carried(store: ObservedStore) -> None:
    await store.append(STREAM, [commit(1), commit(2)], Head(0))
    [_ async for _ in store.read(STREAM)]
    await store.head(STREAM)
    await store.save_snapshot(STREAM, Snapshot(2, "f", b"state"))
    await store.load_snapshot(STREAM)
    taken = store.statistics()
    assert taken.append == OperationStatistics(calls=1, commits=2, bytes=20, duration_seconds=ONE)
    assert (taken.read.calls, taken.read.commits, taken.read.bytes) == (1, 2, 20)
    assert taken.head == OperationStatistics(calls=1, duration_seconds=ONE)
    assert taken.save_snapshot == OperationStatistics(calls=1, bytes=5, duration_seconds=ONE)
    assert taken.load_snapshot == OperationStatistics(calls=1, bytes=5, duration_seconds=ONE)


async def test_failures_are_counted_by_what_became_of_the_write(
    store: ObservedStore, faulty: FaultyStore
) -> None:
    faulty.inject("append", FailBefore(), FailAfter())
    with pytest.raises(StoreUnavailable):
        await store.append(STREAM, [commit(1)], Head(0))
    with pytest.raises(OutcomeUnknown):
        await store.append(STREAM, [commit(1)], Head(0))
    with pytest.raises(Conflict):
        await store.append(STREAM, [commit(1)], Head(0))
    taken = store.statistics().append
    assert (taken.calls, taken.failed, taken.unknown, taken.conflicts) == (3, 1, 1, 1)
    assert (taken.commits, taken.bytes, taken.in_flight) == (0, 0, 0)


async def test_what_is_under_way_is_in_flight(store: ObservedStore, faulty: FaultyStore) -> None:
    hold = Hold()
    faulty.inject("append", hold)
    appending = asyncio.create_task(store.append(STREAM, [commit(1)], Head(0)))
    await hold.reached.wait()
    assert store.statistics().append.in_flight == 1
    hold.release()
    await appending
    assert store.statistics().append.in_flight == 0


async def test_a_read_that_is_left_has_ended_and_not_failed(
    store: ObservedStore, tracer: PaperTracer
) -> None:
    await store.append(STREAM, [commit(1), commit(2)], Head(0))
    pages: Any = store.read(STREAM, page_bytes=1)
    await anext(pages)
    await pages.aclose()
    taken = store.statistics().read
    assert taken == OperationStatistics(calls=1, commits=1, bytes=10, duration_seconds=ONE)
    (span,) = tracer.named("helenus.read")
    assert (span.ended, span.failed) == (1, False)


async def test_what_a_reader_does_between_pages_is_not_the_stores_time(
    faulty: FaultyStore,
) -> None:
    clock = Ticking()
    store = ObservedStore(faulty, time_s=clock)
    await store.append(STREAM, [commit(1), commit(2)], Head(0))
    pages = 0
    async for _ in store.read(STREAM, page_bytes=1):
        clock.now_s += 1_000
        pages += 1
    assert store.statistics().read.duration_seconds.seconds == pages + 1


async def test_each_operation_is_a_span_with_the_attributes_it_is_described_with(
    store: ObservedStore, tracer: PaperTracer
) -> None:
    await store.append(STREAM, [commit(1)], Head(0))
    [_ async for _ in store.read(STREAM)]
    await store.head(STREAM)
    await store.save_snapshot(STREAM, Snapshot(1, "f", b"state"))
    await store.load_snapshot(STREAM)
    assert {span.name: tuple(sorted(span.told)) for span in tracer.spans} == {
        name: tuple(sorted(described.attributes))
        for name, described in SPANS.items()
        if name not in {"helenus.transact", "helenus.load"}
    }
    assert {span.ended for span in tracer.spans} == {1}
    assert not any(span.failed for span in tracer.spans)


async def test_a_failure_is_told_by_its_kind_and_a_conflict_is_none(
    store: ObservedStore, faulty: FaultyStore, tracer: PaperTracer
) -> None:
    faulty.inject("append", FailAfter())
    for error in (OutcomeUnknown, Conflict):
        with pytest.raises(error):
            await store.append(STREAM, [commit(1)], Head(0))
    lost, refused = tracer.named("helenus.append")
    assert (lost.told["error.type"], lost.told["helenus.outcome"], lost.failed) == (
        "OutcomeUnknown",
        "may have happened",
        True,
    )
    assert (refused.told["error.type"], refused.failed) == ("Conflict", False)
    assert "secret" not in str([span.told for span in tracer.spans])
