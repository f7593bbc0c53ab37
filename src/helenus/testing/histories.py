"""Concurrent histories of a store: recording them, and judging whether they can be true.

A history holds every operation with the time it began and the time it ended. Together with what the
streams hold in the end it must satisfy, for each stream:

* positions are without gaps, and no commit is there twice or from nowhere;
* an acknowledged append is there as a whole, right after the head it was decided on;
* a refused append is not there; one of unknown outcome is there at most once, whole or not at all;
* if one append was acknowledged before another began, it comes first;
* a read shows a prefix of the end, with all that was acknowledged before it began and nothing that
  began after it ended; no later read shows less;
* a conflict is justified: the head cannot have been the expected one all the time it took.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Unpack

import msgspec

from helenus.errors import Conflict, Outcome
from helenus.store import Commit, EventStore, Head, Page, ReadOptions
from helenus.stores.wrapping import StoreWrapper


class Verdict(enum.Enum):
    """How an append ended."""

    ACKNOWLEDGED = "acknowledged"
    CONFLICT = "refused by a conflict"
    REFUSED = "did not happen"
    UNKNOWN = "may have happened"


class AppendSeen(msgspec.Struct, kw_only=True):
    """An append: what was asked, when, and what was answered. Without an end it is unknown."""

    stream: str
    commits: Sequence[Commit]
    expected: int
    began: int
    ended: int | None = None
    verdict: Verdict = Verdict.UNKNOWN
    head: int | None = None


class ReadSeen(msgspec.Struct, kw_only=True):
    """One page of a read, or a look at the head: what it showed, and when.

    Attributes:
        stream: the stream.
        began: when it began.
        ended: when it ended.
        head: the head it showed; None where it did not claim to know it.
        commits: the commits it showed.
        after: the position that they must follow; None if it did not ask for commits.
        to_head: whether it showed all commits up to the head.
    """

    stream: str
    began: int
    ended: int
    head: int | None = None
    commits: Sequence[Commit] = ()
    after: int | None = None
    to_head: bool = False


class History:
    """Operations in the order they began.

    Args:
        tick: gives increasing numbers; for histories of several processes, a clock they share.
    """

    def __init__(self, tick: Callable[[], int] | None = None) -> None:
        self.tick = tick or itertools.count(1).__next__
        self.appends: list[AppendSeen] = []
        self.reads: list[ReadSeen] = []


class RecordingStore(StoreWrapper):
    """Hands everything on to a store, and records it.

    Args:
        store: an open store.
        history: where the operations are recorded; several stores may share one.
    """

    def __init__(self, store: EventStore, history: History) -> None:
        super().__init__(store)
        self._history = history

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        """See `EventStore.append`."""
        tick = self._history.tick
        seen = AppendSeen(
            stream=stream, commits=tuple(commits), expected=expected.position, began=tick()
        )
        self._history.appends.append(seen)
        try:
            head = await super().append(stream, commits, expected)
        except Conflict as conflict:
            seen.verdict, seen.head = Verdict.CONFLICT, conflict.actual
            raise
        except Exception as error:
            if getattr(error, "outcome", None) is Outcome.DID_NOT_HAPPEN:
                seen.verdict = Verdict.REFUSED
            raise
        else:
            seen.verdict, seen.head = Verdict.ACKNOWLEDGED, head.position
            return head
        finally:
            seen.ended = tick()

    async def read(self, stream: str, **options: Unpack[ReadOptions]) -> AsyncIterator[Page]:
        """See `EventStore.read`. Only the head of a last page is taken at its word."""
        tick = self._history.tick
        began = tick()
        pending: ReadSeen | None = None
        head, after = 0, options.get("after", 0)
        async for page in super().read(stream, **options):
            after = after if page.snapshot is None else page.snapshot.position
            pending = ReadSeen(
                stream=stream,
                began=began,
                ended=tick(),
                commits=tuple(page.commits),
                after=after,
            )
            self._history.reads.append(pending)
            head = page.head.position
            after = page.commits[-1].last if page.commits else after
            yield page
        if pending is not None:
            pending.head = head
            pending.to_head = options.get("upto") is None

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        """See `EventStore.head`."""
        tick = self._history.tick
        began = tick()
        head = await super().head(stream, token=token)
        self._history.reads.append(
            ReadSeen(stream=stream, began=began, ended=tick(), head=head.position)
        )
        return head


def violations(history: History, final: Mapping[str, Sequence[Commit]]) -> list[str]:
    """What in a history cannot be true of a linearizable store; nothing if it is sound.

    Args:
        history: the operations.
        final: the commits of every stream after the last operation.
    """
    streams = dict.fromkeys([*final, *(seen.stream for seen in history.appends)])
    streams |= dict.fromkeys(seen.stream for seen in history.reads)
    return [
        f"Stream {stream!r}: {found}"
        for stream in streams
        for found in _Judge(
            [seen for seen in history.appends if seen.stream == stream],
            [seen for seen in history.reads if seen.stream == stream],
            list(final.get(stream, ())),
        ).violations()
    ]


class _Judge:
    """Judges the history of one stream."""

    def __init__(
        self, appends: list[AppendSeen], reads: list[ReadSeen], final: list[Commit]
    ) -> None:
        self._appends = appends
        self._reads = sorted(reads, key=lambda seen: seen.began)
        self._final = final
        self._index = {commit.commit_id: index for index, commit in enumerate(final)}
        self._origin = {c.commit_id: seen for seen in appends for c in seen.commits}
        self._ends = {commit.last: index for index, commit in enumerate(final)}

    def violations(self) -> Iterator[str]:
        yield from self._of_the_end()
        for seen in self._appends:
            yield from self._of_append(seen)
        yield from self._of_order()
        for read in self._reads:
            yield from self._of_read(read)
        yield from self._of_shrinking()

    def _of_the_end(self) -> Iterator[str]:
        position = 0
        for commit in self._final:
            if commit.first != position + 1 or commit.last < commit.first:
                yield f"position {position} is followed by {commit.first}–{commit.last}."
            position = commit.last
            if commit.commit_id not in self._origin:
                yield f"commit {commit.id} was never appended."
            elif commit not in self._origin[commit.commit_id].commits:
                yield f"commit {commit.id} is not as it was appended."
        if len(self._index) != len(self._final):
            yield "a commit is there twice."

    def _of_append(self, seen: AppendSeen) -> Iterator[str]:
        there = [self._index[c.commit_id] for c in seen.commits if c.commit_id in self._index]
        what = f"the append at {seen.expected} that {seen.verdict.value}"
        if seen.verdict in (Verdict.CONFLICT, Verdict.REFUSED):
            if there:
                yield f"{what} is there."
            if seen.verdict is Verdict.CONFLICT:
                yield from self._of_conflict(seen)
            return
        if seen.verdict is Verdict.ACKNOWLEDGED and len(there) < len(seen.commits):
            yield f"{what} is lost: {len(there)} of its {len(seen.commits)} commits are there."
        if there and len(there) < len(seen.commits):
            yield f"{what} is there in part."
        if there and there != list(range(there[0], there[0] + len(there))):
            yield f"{what} is not in one piece."
        if there and self._final[there[0]].first != seen.expected + 1:
            yield f"{what} is at {self._final[there[0]].first}."
        if seen.verdict is Verdict.ACKNOWLEDGED and seen.head != seen.commits[-1].last:
            yield f"{what} was answered with head {seen.head}, not {seen.commits[-1].last}."

    def _of_conflict(self, seen: AppendSeen) -> Iterator[str]:
        if seen.head == seen.expected or (seen.head and seen.head not in self._ends):
            yield f"a conflict at {seen.expected} was told a head of {seen.head}."
        if not self._reached_before(seen):
            return
        following = self._following(seen.expected)
        if following is None or _is_after(following, seen):
            yield f"a conflict at {seen.expected} is not justified: that was the head throughout."

    def _reached_before(self, seen: AppendSeen) -> bool:
        """Whether the head was at the expected position, or past it, when the append began."""
        if seen.expected == 0:
            return True
        index = self._ends.get(seen.expected)
        origin = None if index is None else self._origin.get(self._final[index].commit_id)
        return origin is not None and _is_after(seen, origin)

    def _following(self, position: int) -> AppendSeen | None:
        index = 0 if position == 0 else self._ends[position] + 1
        if index >= len(self._final):
            return None
        return self._origin.get(self._final[index].commit_id)

    def _of_order(self) -> Iterator[str]:
        """Each append in the end must not have ended before one that precedes it began."""
        latest_began = 0
        for commit in self._final:
            seen = self._origin.get(commit.commit_id)
            if seen is None:
                continue
            # An append of unknown outcome may be applied after its answer, but not before it began.
            if (
                seen.verdict is Verdict.ACKNOWLEDGED
                and seen.ended is not None
                and seen.ended < latest_began
            ):
                yield f"position {commit.first} was acknowledged before an earlier one began."
            latest_began = max(latest_began, seen.began)

    def _of_read(self, read: ReadSeen) -> Iterator[str]:
        what = f"a read that began at {read.began}"
        if read.commits:
            start = self._index.get(read.commits[0].commit_id, len(self._final))
            if self._final[start : start + len(read.commits)] != list(read.commits):
                yield f"{what} showed commits that are not in the end, or in another order."
            after = read.after or 0
            if not read.commits[0].first <= after + 1 <= read.commits[0].last:
                yield f"{what} went on at {read.commits[0].first} after position {after}."
        shown = read.commits[-1].last if read.commits else read.after
        if read.head is not None:
            yield from self._of_head_seen(what, read, read.head)
            if read.to_head and shown is not None and shown < read.head:
                yield f"{what} ended at {shown}, before the head it told."
            if read.commits and read.commits[-1].last > read.head:
                yield f"{what} showed commits past the head it told."
        for commit in self._final:
            seen = self._origin.get(commit.commit_id)
            is_shown = commit.last <= max(read.head or 0, shown or 0 if read.commits else 0)
            if seen is not None and is_shown and seen.began > read.ended:
                yield f"{what} shows position {commit.first}, appended later."

    def _of_head_seen(self, what: str, read: ReadSeen, head: int) -> Iterator[str]:
        if head and head not in self._ends:
            yield f"{what} showed a head of {head}, where no commit ends."
        for index, commit in enumerate(self._final):
            seen = self._origin.get(commit.commit_id)
            if seen is None:
                continue
            acknowledged = seen.verdict is Verdict.ACKNOWLEDGED and seen.ended is not None
            if commit.last > head and acknowledged and (seen.ended or 0) < read.began:
                yield f"{what} misses position {commit.first}, acknowledged before."
            cut = index + 1 < len(self._final) and commit.last == head
            if cut and self._origin.get(self._final[index + 1].commit_id) is seen:
                yield f"{what} shows a part of the append at {seen.expected}."

    def _of_shrinking(self) -> Iterator[str]:
        heads = [
            (seen.began, seen.ended, seen.head) for seen in self._reads if seen.head is not None
        ]
        by_end = sorted(heads, key=lambda seen: seen[1])
        ended = 0
        highest = 0
        for began, _, head in heads:
            while ended < len(by_end) and by_end[ended][1] < began:
                highest = max(highest, by_end[ended][2])
                ended += 1
            if head < highest:
                yield f"a read showed head {head} after another had shown {highest}."


def _is_after(later: AppendSeen, earlier: AppendSeen) -> bool:
    return earlier.ended is not None and earlier.ended < later.began
