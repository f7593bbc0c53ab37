"""Stores that stand in front of another conform as it does, and hand on what they were asked."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from helenus import InvalidArgument, OutcomeUnknown, StoreUnavailable
from helenus.observability import ObservedStore
from helenus.store import EventStore, Head, Page
from helenus.stores.memory import MemoryStore
from helenus.stores.patient import PatientStore
from helenus.stores.wrapping import StoreWrapper
from helenus.testing import CountingStore, FailAfter, FailBefore, FaultyStore
from helenus.testing.conformance import (
    DirectoryCases,
    FeedCases,
    MakeStore,
    StoreConformance,
)
from helenus.testing.conformance.fixtures import STREAM, commits, everything
from helenus.testing.histories import History, RecordingStore
from tests.conformance.own_streams import OwnStreams

WRAPPERS: dict[str, Callable[[EventStore], StoreWrapper]] = {
    "plain": StoreWrapper,
    "observed": ObservedStore,
    "counting": CountingStore,
    "faulty": FaultyStore,
    "recording": lambda store: RecordingStore(store, History()),
    "own-streams": lambda store: OwnStreams(store, ""),
}


def wrapped_by_all(store: EventStore) -> EventStore:
    for wrap in WRAPPERS.values():
        store = wrap(store)
    return store


class TestStoreWrappers(StoreConformance, FeedCases, DirectoryCases):
    @pytest.fixture
    def make_store(self) -> MakeStore:
        @contextlib.asynccontextmanager
        async def opened() -> AsyncIterator[EventStore]:
            async with MemoryStore() as store:
                yield wrapped_by_all(store)

        return opened


class TestPatientStore(StoreConformance, FeedCases, DirectoryCases):
    @pytest.fixture
    def make_store(self) -> MakeStore:
        return lambda: PatientStore(MemoryStore)


class Asked(MemoryStore):
    """Remembers what it was asked to read."""

    def __init__(self) -> None:
        super().__init__()
        self.options: list[dict[str, Any]] = []

    async def read(self, stream: str, **options: Any) -> AsyncIterator[Page]:
        self.options.append({"stream": stream, **options})
        async for page in super().read(stream, **options):
            yield page

    def polish(self) -> str:
        return "polished"


@pytest.mark.parametrize("name", WRAPPERS)
async def test_a_read_is_handed_on_just_as_it_was_asked(name: str) -> None:
    async with Asked() as asked:
        store = WRAPPERS[name](asked)
        options: list[dict[str, Any]] = [
            {},
            {"from_snapshot": True},
            {"after": 1, "upto": 3, "token": b"t", "page_bytes": 7},
        ]
        for some in options:
            await everything(store.read(STREAM, **some))
        assert asked.options == [{"stream": STREAM, **some} for some in options]


@pytest.mark.parametrize("name", WRAPPERS)
async def test_what_a_store_can_do_beyond_the_port_is_handed_on(name: str) -> None:
    async with Asked() as asked:
        store = WRAPPERS[name](asked)
        assert store.polish() == "polished"
        assert not hasattr(store, "varnish")


class Plain:
    """A store without feed and directory; it is only looked at."""


async def test_a_feed_or_a_listing_that_the_store_behind_has_not_is_refused() -> None:
    store = CountingStore(StoreWrapper(Plain()))  # type: ignore[arg-type]  # that is the point
    with pytest.raises(InvalidArgument, match="A Plain has no feed"):
        await everything(store.feed())
    with pytest.raises(InvalidArgument, match="A Plain has no streams"):
        await everything(store.streams())


async def test_feed_and_listing_meet_faults_and_are_counted_as_reads_are() -> None:
    async with MemoryStore() as memory:
        faulty = FaultyStore(memory)
        store = CountingStore(faulty)
        await store.append(STREAM, commits(1, 1, 1), Head(0))
        faulty.inject("feed", FailBefore(), FailAfter())
        faulty.inject("streams", FailBefore())
        with pytest.raises(StoreUnavailable):
            await everything(store.feed())
        with pytest.raises(StoreUnavailable):
            await everything(store.streams())
        with store.counted() as calls:
            pages = store.feed(page_commits=1)
            seen = [await anext(pages) for _ in range(3)]
            with pytest.raises(OutcomeUnknown):
                await anext(pages)
            assert [page.streams for page in await everything(store.streams())] == [[STREAM]]
        assert [len(page) for page in seen] == [1, 1, 1]
        assert calls.made == ["feed", "streams"]
        assert calls.round_trips == calls.pages == 4
        assert faulty.calls["feed"] == faulty.calls["streams"] == 2
