"""The conformance suite catches stores that are wrong: all of it one that does nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Self

import pytest

from helenus.errors import Conflict
from helenus.store import Commit, FeedEntry, Head, Page, Snapshot, StreamPage
from helenus.stores.memory import MemoryStore
from helenus.testing.conformance import (
    DirectoryCases,
    DurableCases,
    FeedCases,
    MakeStore,
    SharedCases,
    SharedFeedCases,
    StoreConformance,
    cases,
)


class WholeSuite(
    StoreConformance, FeedCases, DirectoryCases, DurableCases, SharedCases, SharedFeedCases
):
    pass


class NoOpStore:
    """Accepts everything, keeps nothing, and answers as if it did."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        return Head(commits[-1].last if commits else expected.position)

    async def read(self, stream: str, **_: object) -> AsyncIterator[Page]:
        yield Page([], Head(0))

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        return Head(0)

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        return None

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        pass

    async def feed(self, **_: object) -> AsyncIterator[list[FeedEntry]]:
        nothing: list[list[FeedEntry]] = []
        for page in nothing:
            yield page

    async def streams(self, **_: object) -> AsyncIterator[StreamPage]:
        nothing: list[StreamPage] = []
        for page in nothing:
            yield page


def failures(suite: type, make_store: MakeStore | Callable[[], Any]) -> set[str]:
    failed = set()
    for name in cases(suite):
        case = getattr(suite(), name)
        try:
            asyncio.run(asyncio.wait_for(case(make_store), 10))
        except Exception:  # noqa: BLE001  # however it fails
            failed.add(name)
    return failed


def test_a_store_that_does_nothing_fails_every_case() -> None:
    assert sorted(set(cases(WholeSuite)) - failures(WholeSuite, NoOpStore)) == []


class RemembersHeads(NoOpStore):
    """Keeps nothing but the heads it answered."""

    def __init__(self) -> None:
        self._heads: dict[str, int] = {}

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        self._heads[stream] = commits[-1].last if commits else expected.position
        return Head(self._heads[stream])

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        return Head(self._heads.get(stream, 0))


def test_a_store_that_keeps_only_heads_fails_nearly_every_case() -> None:
    passed = set(cases(WholeSuite)) - failures(WholeSuite, RemembersHeads)
    assert passed <= {
        "test_an_append_returns_the_head_that_reads_report",
        "test_the_head_includes_every_append_acknowledged_before",
    }


class AcceptsStaleHeads(MemoryStore):
    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        held = self._streams.get(stream, [])
        self._streams[stream] = [c for c in held if c.last <= expected.position]
        return await super().append(stream, commits, expected)


class AcceptsFutureHeads(MemoryStore):
    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        try:
            return await super().append(stream, commits, expected)
        except Conflict as conflict:
            if conflict.actual > expected.position:
                raise
            self._streams.setdefault(stream, []).extend(commits)
            return Head(commits[-1].last)


class ChecksThenWrites(MemoryStore):
    """Reads the head, then writes, as the naive store of another project does."""

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        head = await self.head(stream)
        if head.position != expected.position:
            raise Conflict(stream, expected.position, head.position)
        await asyncio.sleep(0)
        self._streams.setdefault(stream, []).extend(commits)
        self._feed.extend((stream, commit) for commit in commits)
        return Head(commits[-1].last)


class AppendsOneByOne(MemoryStore):
    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        for commit in commits:
            expected = await super().append(stream, [commit], expected)
            await asyncio.sleep(0)
        return expected


class ListsByNumber(MemoryStore):
    """Its cursor is a number: a stream that appears meanwhile moves those behind it."""

    async def streams(
        self, *, prefix: str = "", after: str = "", page_streams: int = 1_000
    ) -> AsyncIterator[StreamPage]:
        start = int(after or 0)
        while names := sorted(self._streams)[start : start + page_streams]:
            start += len(names)
            yield StreamPage([name for name in names if name.startswith(prefix)], str(start))


class FoldsCase(MemoryStore):
    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        return await super().append(stream.lower(), commits, expected)

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        return await super().head(stream.lower())


class FollowsByCount(MemoryStore):
    """Its feed is ordered by stream: a later commit of an early stream is skipped."""

    async def feed(
        self, *, after: int = 0, page_commits: int = 256
    ) -> AsyncIterator[list[FeedEntry]]:
        held = [(s, c) for s, commits in self._streams.items() for c in commits]
        entries = [FeedEntry(n, s, c) for n, (s, c) in enumerate(held, start=1)]
        for start in range(after, len(entries), max(page_commits, 1)):
            yield entries[start : start + page_commits]


class KeepsOldSnapshots(MemoryStore):
    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        self._snapshots.pop(stream, None)
        await super().save_snapshot(stream, snapshot)


class StaysOpen(MemoryStore):
    async def __aexit__(self, *_: object) -> None:
        pass


class TrailingCommitOnly(MemoryStore):
    """A page shows no commit that begins before the lower bound."""

    async def read(self, stream: str, *, after: int = 0, **options: Any) -> AsyncIterator[Page]:
        async for page in super().read(stream, after=after, **options):
            yield Page([c for c in page.commits if c.first > after], page.head)


@pytest.mark.parametrize(
    ("store", "caught_by"),
    [
        (AcceptsStaleHeads, "test_a_stale_expected_head_is_refused_and_told_the_actual_one"),
        (AcceptsStaleHeads, "test_a_duplicate_append_is_refused"),
        (AcceptsFutureHeads, "test_a_future_expected_head_is_refused_and_told_the_actual_one"),
        (ChecksThenWrites, "test_exactly_one_of_many_writers_wins_each_position"),
        (ChecksThenWrites, "test_a_random_concurrent_history_is_linearizable"),
        (AppendsOneByOne, "test_reads_during_appends_are_prefixes"),
        (AppendsOneByOne, "test_a_cancelled_append_is_there_whole_or_not_at_all"),
        (AppendsOneByOne, "test_a_random_concurrent_history_is_linearizable"),
        (FoldsCase, "test_odd_stream_names_are_kept_apart"),
        (ListsByNumber, "test_what_was_there_before_is_listed_while_others_appear"),
        (FollowsByCount, "test_nothing_is_skipped_while_others_append"),
        (KeepsOldSnapshots, "test_a_late_writer_does_not_replace_a_newer_snapshot"),
        (StaysOpen, "test_a_store_that_was_closed_refuses_everything"),
        (TrailingCommitOnly, "test_bounds_inside_a_commit_give_the_whole_commit"),
    ],
)
def test_a_broken_store_is_caught(store: Callable[[], Any], caught_by: str) -> None:
    assert caught_by in failures(WholeSuite, store)
