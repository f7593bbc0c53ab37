"""What the cases of the suite share: commits to append and ways to look at a store."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TypeVar, cast

from helenus.store import Commit, EventFeed, EventStore, FeedEntry, Head, Page

T = TypeVar("T")

MakeStore = Callable[[], AbstractAsyncContextManager[EventStore]]
"""Gives a store that opens when it is entered. All that one test makes are on the same data, but
for a store that keeps its data in itself, such as the memory store."""

STREAM = "customer/1"
OTHER = "customer/2"
RECORDED_AT_US = 1_767_225_600_000_000  # 2026-01-01


def commit(
    first: int, events: int = 1, *, body: bytes | None = None, meta: bytes = b"meta"
) -> Commit:
    """A commit of some events from a position on."""
    last = first + events - 1
    return Commit(
        commit_id=uuid.uuid4().bytes,
        first=first,
        last=last,
        recorded_at_us=RECORDED_AT_US + last,
        kinds=tuple(f"event-{position}" for position in range(first, last + 1)),
        meta=meta,
        body=b"body %d-%d" % (first, last) if body is None else body,
    )


def commits(*events: int, after: int = 0) -> list[Commit]:
    """Commits that follow one another, of so many events each."""
    made: list[Commit] = []
    for count in events:
        made.append(commit(after + 1, count))
        after += count
    return made


def five_events() -> list[Commit]:
    """Events 1 to 5, of which 4 and 5 are in one commit."""
    return commits(1, 1, 1, 2)


async def append(store: EventStore, stream: str, made: Sequence[Commit]) -> Head:
    """Append commits where they belong, as a writer that has just read the head."""
    head = await store.head(stream)
    assert head.position == made[0].first - 1, (
        f"The head of {stream!r} is reported as {head.position}, not {made[0].first - 1}."
    )
    return await store.append(stream, made, head)


async def pages(
    store: EventStore,
    stream: str = STREAM,
    *,
    after: int = 0,
    upto: int | None = None,
    page_bytes: int = 1024 * 1024,
) -> list[Page]:
    """All pages of a read."""
    return await everything(store.read(stream, after=after, upto=upto, page_bytes=page_bytes))


async def stored(
    store: EventStore, stream: str = STREAM, *, after: int = 0, upto: int | None = None
) -> list[Commit]:
    """The commits of a read."""
    return [c for page in await pages(store, stream, after=after, upto=upto) for c in page.commits]


def feed(
    store: EventStore, *, after: int = 0, page_commits: int = 256
) -> AsyncIterator[list[FeedEntry]]:
    """The feed of a store that has one."""
    return cast("EventFeed", store).feed(after=after, page_commits=page_commits)


async def fed(store: EventStore, *, after: int = 0) -> list[FeedEntry]:
    """The entries of the feed up to now."""
    return [entry for page in await everything(feed(store, after=after)) for entry in page]


async def everything(source: AsyncIterable[T]) -> list[T]:
    """All that an asynchronous iterator yields."""
    return [item async for item in source]


class Caught:
    """What was raised in an `expect` block."""

    error: BaseException


@contextlib.contextmanager
def expect(kind: type[BaseException]) -> Iterator[Caught]:
    """Assert that the block raises this error."""
    caught = Caught()
    try:
        yield caught
    except kind as error:
        caught.error = error
    else:
        raise AssertionError(f"Nothing was raised where {kind.__name__} was expected.")
