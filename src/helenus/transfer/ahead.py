"""Reading stream after stream while the first pages of the next ones are under way."""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable

from helenus.store import EventStore, Page


async def read_in_turn(
    store: EventStore, starts: Iterable[tuple[str, int]], *, at_once: int, page_bytes: int
) -> AsyncGenerator[tuple[str, Page], None]:
    """The pages of some streams, in their order.

    Most streams are one page: so the store is asked for `at_once` streams at a time, and no more
    than so many pages are held.

    Args:
        store: open.
        starts: each stream, and the position after which it is wanted.
        at_once: streams asked for at a time.
        page_bytes: see `EventStore.read`.

    Raises:
        StoreError: the store failed.
    """
    remaining = iter(starts)
    asked: deque[_Asked] = deque()
    try:
        while True:
            for stream, after in itertools.islice(remaining, at_once - len(asked)):
                asked.append(_Asked(stream, store.read(stream, after=after, page_bytes=page_bytes)))
            if not asked:
                return
            async for page in asked[0].pages():
                yield asked[0].stream, page
            asked.popleft()
    finally:
        for each in asked:
            await each.close()


class _Asked:
    """A stream whose first page is asked for."""

    def __init__(self, stream: str, pages: AsyncIterator[Page]) -> None:
        self.stream = stream
        self._pages = pages
        self._first = asyncio.ensure_future(anext(pages, None))

    async def pages(self) -> AsyncIterator[Page]:
        page = await self._first
        while page is not None:
            yield page
            page = await anext(self._pages, None)

    async def close(self) -> None:
        self._first.cancel()
        await asyncio.gather(self._first, return_exceptions=True)
        if isinstance(self._pages, AsyncGenerator):
            await self._pages.aclose()
