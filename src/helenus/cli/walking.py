"""What the commands share that look at many streams."""

from __future__ import annotations

from collections.abc import AsyncIterator

from helenus.store import Commit
from helenus.transfer import SourceStore


async def names(store: SourceStore, prefix: str) -> AsyncIterator[str]:
    """Every stream whose name begins with a prefix."""
    async for page in store.streams(prefix=prefix):
        for stream in page.streams:
            yield stream


async def commits(store: SourceStore, stream: str, after: int = 0) -> AsyncIterator[Commit]:
    """Every commit of a stream after a position."""
    async for page in store.read(stream, after=after):
        for commit in page.commits:
            yield commit
