"""Batches: the commits of a stream in pages that are bounded in bytes."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

from helenus.store import Commit, Page
from helenus.stores.cassandra.buckets import Bucket, head_of


def in_pages(page: Page, page_bytes: int) -> Iterator[Page]:
    """The same commits in pages of a bounded payload; the first carries the snapshot."""
    commits: list[Commit] = []
    size, snapshot = 0, page.snapshot
    for commit in page.commits:
        if size >= page_bytes:
            yield Page(commits, page.head, snapshot)
            commits, size, snapshot = [], 0, None
        commits.append(commit)
        size += commit.size_bytes
    yield Page(commits, page.head, snapshot)


class Batch:
    """Commits gathered for the next page.

    Args:
        after: only events behind this position are wanted.
        upto: only events up to this position are; None: all.
        page_bytes: payload from which on a page takes no further commit.

    Attributes:
        position: of the last event read so far.
    """

    def __init__(self, after: int, upto: int | None, page_bytes: int) -> None:
        self._after = after
        self._upto = upto
        self._page_bytes = page_bytes
        self._commits: list[Commit] = []
        self._size = 0
        self.position = 0

    @property
    def full(self) -> bool:
        """Whether the page takes no further commit."""
        return self._size >= self._page_bytes

    def wanted(self, commits: Sequence[Commit]) -> Sequence[Commit]:
        """Those that hold events within the bounds."""
        after, upto = self._after, self._upto
        if upto is not None:
            commits = [commit for commit in commits if max(commit.first, after + 1) <= upto]
        if commits and commits[0].last <= after:
            commits = [commit for commit in commits if commit.last > after]
        return commits

    def fill(self, commits: Sequence[Commit], sizes: Sequence[int], start: int) -> int:
        """Add commits from an index on, until it is full or they end; return the next index.

        Args:
            commits: those wanted.
            sizes: the payload of each and all before it.
            start: the index.
        """
        before = sizes[start - 1] if start else 0
        filled = bisect.bisect_left(sizes, before + self._page_bytes - self._size, start)
        end = min(filled + 1, len(commits))
        self._commits += commits[start:end]
        self._size += sizes[end - 1] - before
        return end

    def reached(self, bucket: Bucket) -> None:
        """A bucket was read to its end."""
        if bucket.head is not None:
            self.position = bucket.head

    def take(self, bucket: Bucket) -> Page:
        """The page, with the head as this bucket shows it; the next one begins."""
        commits, self._commits, self._size = self._commits, [], 0
        position = self.position if bucket.head is None else bucket.head
        return Page(commits, head_of(bucket.token(position)))
