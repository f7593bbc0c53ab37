"""Streams are read one after another, each next one's first page ahead of its turn."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from helenus.errors import StoreUnavailable
from helenus.store import Head, Page
from helenus.stores.memory import MemoryStore
from helenus.transfer.ahead import read_in_turn
from tests.unit.helenus.transfer.files import commit

STREAMS = [f"stream/{number}" for number in range(7)]
COMMITS = 5


class Watched(MemoryStore):
    """Tells which pages were asked for, and which readings have ended."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.open: Counter[str] = Counter()
        self.fails = ""

    async def read(self, stream: str, **range_: Any) -> AsyncIterator[Page]:
        self.open[stream] += 1
        try:
            self.asked.append(stream)
            if stream == self.fails:
                raise StoreUnavailable("It is away.")
            async for page in super().read(stream, **range_):
                yield page
                self.asked.append(stream)
        finally:
            self.open[stream] -= 1


@pytest.fixture
async def store() -> AsyncIterator[Watched]:
    async with Watched() as store:
        for stream in STREAMS:
            await store.append(stream, [commit(n) for n in range(1, COMMITS + 1)], Head(0))
        yield store
        assert not +store.open


async def test_every_stream_is_read_whole_and_in_order(store: Watched) -> None:
    found = [
        (stream, each.last)
        async for stream, page in read_in_turn(
            store, ((stream, 0) for stream in STREAMS), at_once=3, page_bytes=1
        )
        for each in page.commits
    ]
    assert found == [(stream, n) for stream in STREAMS for n in range(1, COMMITS + 1)]


async def test_each_stream_is_read_from_its_own_position(store: Watched) -> None:
    starts = [(STREAMS[0], 3), (STREAMS[1], COMMITS), (STREAMS[2], 1)]
    found = [
        (stream, each.last)
        async for stream, page in read_in_turn(store, starts, at_once=8, page_bytes=1)
        for each in page.commits
    ]
    assert found == [(STREAMS[0], 4), (STREAMS[0], 5), *((STREAMS[2], n) for n in (2, 3, 4, 5))]


async def test_no_more_streams_are_asked_for_than_allowed_and_each_for_one_page(
    store: Watched,
) -> None:
    reading = read_in_turn(store, ((s, 0) for s in STREAMS), at_once=3, page_bytes=1)
    async with contextlib.aclosing(reading):
        for _ in range(COMMITS):
            assert (await anext(reading))[0] == STREAMS[0]
            assert store.asked.count(STREAMS[1]) == store.asked.count(STREAMS[2]) == 1
            assert STREAMS[3] not in store.asked


async def test_a_failure_ends_all_that_was_asked_for(store: Watched) -> None:
    store.fails = STREAMS[1]
    reading = read_in_turn(store, ((s, 0) for s in STREAMS), at_once=3, page_bytes=1)
    with pytest.raises(StoreUnavailable, match="away"):
        [page async for page in reading]
    assert len(asyncio.all_tasks()) == 1
