"""Cases on the directory: every stream, each once, resumable at every cursor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from helenus.errors import Conflict, InvalidArgument, StoreClosed
from helenus.store import EventStore, Head, StreamDirectory, StreamPage
from helenus.testing.conformance.fixtures import (
    STREAM,
    MakeStore,
    append,
    commits,
    everything,
    expect,
    five_events,
)

_NAMES = [f"customer/{number}" for number in range(12)] + ["a", "zoé/ü", "customer", "customers/1"]


class DirectoryCases:
    """The directory lists the streams of the store."""

    async def test_every_stream_is_listed_once(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await _fill(store, _NAMES)
            await append(store, STREAM, commits(3, 1, after=4))
            assert sorted(await listed(store)) == sorted(_NAMES)

    async def test_pages_of_every_size_list_the_same(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await _fill(store, _NAMES)
            names = await listed(store)
            assert len(names) == len(_NAMES)
            for page_streams in (1, 2, 3, 7, len(_NAMES), 100):
                pages = await everything(directory(store, page_streams=page_streams))
                assert [name for page in pages for name in page.streams] == names
                assert all(len(page.streams) <= page_streams for page in pages)

    async def test_the_directory_resumes_at_every_cursor(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await _fill(store, _NAMES)
            names = await listed(store)
            assert len(names) == len(_NAMES)
            seen: list[str] = []
            for page in await everything(directory(store, page_streams=1)):
                seen += page.streams
                assert await listed(store, after=page.cursor) == names[len(seen) :]

    async def test_a_prefix_gives_the_streams_that_begin_with_it(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await _fill(store, _NAMES)
            for prefix in ("customer", "customer/", "customer/1", "zoé", "none"):
                wanted = [name for name in _NAMES if name.startswith(prefix)]
                assert sorted(await listed(store, prefix=prefix)) == sorted(wanted)
            seen: list[str] = []
            async for page in directory(store, prefix="customer/", page_streams=2):
                seen += page.streams
                rest = await listed(store, prefix="customer/", after=page.cursor)
                assert sorted(seen + rest) == sorted(_NAMES[:12])

    async def test_a_stream_without_commits_is_not_listed(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await _fill(store, ["a"])
            await store.head(STREAM)
            with expect(Conflict):
                await store.append(STREAM, commits(1, after=5), Head(5))
            assert await listed(store) == ["a"]

    async def test_what_was_there_before_is_listed_while_others_appear(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await _fill(store, _NAMES)
            seen: list[str] = []
            async for page in directory(store, page_streams=2):
                seen += page.streams
                if len(seen) < 10:
                    await _fill(store, [f"a/{len(seen)}", f"z/{len(seen)}"])
            assert len(seen) == len(set(seen))
            assert set(_NAMES) <= set(seen)

    async def test_a_page_of_no_streams_is_refused(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await _fill(store, ["a"])
            for page_streams in (0, -1):
                with expect(InvalidArgument):
                    await anext(aiter(directory(store, page_streams=page_streams)))

    async def test_the_directory_of_a_store_that_was_closed_is_refused(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            await append(store, STREAM, five_events())
        with expect(StoreClosed):
            await listed(store)


def directory(
    store: EventStore, *, prefix: str = "", after: str = "", page_streams: int = 1_000
) -> AsyncIterator[StreamPage]:
    """The directory of a store that has one."""
    has_directory = cast("StreamDirectory", store)
    return has_directory.streams(prefix=prefix, after=after, page_streams=page_streams)


async def listed(store: EventStore, *, prefix: str = "", after: str = "") -> list[str]:
    """The names that the directory lists after a cursor."""
    pages = await everything(directory(store, prefix=prefix, after=after))
    return [name for page in pages for name in page.streams]


async def _fill(store: EventStore, names: list[str]) -> None:
    await asyncio.gather(*(append(store, name, commits(1, 2, 1)) for name in names))
