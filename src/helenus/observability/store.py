"""A store that counts and times what another one is asked, and makes spans of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Self, Unpack, cast

import msgspec

from helenus.errors import Conflict, HelenusError, Outcome
from helenus.observability.durations import Durations, DurationTally
from helenus.observability.spans import tell
from helenus.store import Commit, EventStore, Head, Page, ReadOptions, Snapshot
from helenus.stores.wrapping import StoreWrapper

if TYPE_CHECKING:
    from opentelemetry.trace import Span, Tracer


class OperationStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What one operation of a store has done since the store was wrapped.

    Attributes:
        in_flight: calls that have not ended yet.
        calls: calls that have ended, however they did.
        conflicts: those that met another head.
        unknown: those that may have happened.
        failed: those that failed in any other way, or were cancelled.
        commits: commits written or read.
        bytes: bytes of these commits' events and metadata, or of the snapshots.
        duration_seconds: time each took, without what a reader did between two pages.
    """

    gauges: ClassVar[frozenset[str]] = frozenset({"in_flight"})

    in_flight: int = 0
    calls: int = 0
    conflicts: int = 0
    unknown: int = 0
    failed: int = 0
    commits: int = 0
    bytes: int = 0
    duration_seconds: Durations = Durations()


class StoreStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a store has done since it was wrapped.

    Attributes:
        append: appends.
        read: reads of commits.
        head: looks at a head.
        load_snapshot: snapshots read.
        save_snapshot: snapshots written.
    """

    append: OperationStatistics
    read: OperationStatistics
    head: OperationStatistics
    load_snapshot: OperationStatistics
    save_snapshot: OperationStatistics


class ObservedStore(StoreWrapper):
    """Hands everything on to another store. As an async context manager it enters and leaves it.

    What that store can do beyond the port, such as a feed, is handed on and not counted.

    Args:
        store: the store.
        tracer: makes the spans; None: there are none.
        time_s: tells the time in seconds, from any origin.
    """

    def __init__(
        self,
        store: EventStore,
        *,
        tracer: Tracer | None = None,
        time_s: Callable[[], float] = perf_counter,
    ) -> None:
        super().__init__(store)
        self._tracer = tracer
        self._time_s = time_s
        self._tallies = {name: _Tally() for name in StoreStatistics.__struct_fields__}

    async def __aenter__(self) -> Self:
        self._wrapped = await self._manager.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self._manager.__aexit__(*exception)

    def statistics(self) -> StoreStatistics:
        """What the store has been asked, and how it went."""
        return StoreStatistics(**{name: tally.taken() for name, tally in self._tallies.items()})

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        """See `EventStore.append`."""
        with self._observe("append") as operation:
            head = await self._wrapped.append(stream, commits, expected)
            operation.add_commits(commits)
            operation.tell("helenus.position", head.position)
            return head

    async def read(self, stream: str, **options: Unpack[ReadOptions]) -> AsyncIterator[Page]:
        """See `EventStore.read`."""
        with self._observe("read") as operation:
            async for page in self._wrapped.read(stream, **options):
                operation.add_commits(page.commits)
                operation.pause()
                yield page
                operation.go_on()

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        """See `EventStore.head`."""
        with self._observe("head") as operation:
            head = await self._wrapped.head(stream, token=token)
            operation.tell("helenus.position", head.position)
            return head

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        """See `EventStore.load_snapshot`."""
        with self._observe("load_snapshot") as operation:
            snapshot = await self._wrapped.load_snapshot(stream)
            operation.add_bytes(len(snapshot.body) if snapshot else 0)
            return snapshot

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        """See `EventStore.save_snapshot`."""
        with self._observe("save_snapshot") as operation:
            await self._wrapped.save_snapshot(stream, snapshot)
            operation.add_bytes(len(snapshot.body) if snapshot else 0)

    @property
    def _manager(self) -> AbstractAsyncContextManager[EventStore]:
        return cast("AbstractAsyncContextManager[EventStore]", self._wrapped)

    def _observe(self, name: str) -> _Operation:
        span = self._tracer.start_span(f"helenus.{name}") if self._tracer else None
        return _Operation(self._tallies[name], span, self._time_s)


class _Tally:
    """The counts of one operation."""

    def __init__(self) -> None:
        self.in_flight = self.calls = self.conflicts = self.unknown = self.failed = 0
        self.commits = self.bytes = 0
        self._durations = DurationTally()

    def taken(self) -> OperationStatistics:
        return OperationStatistics(
            in_flight=self.in_flight,
            calls=self.calls,
            conflicts=self.conflicts,
            unknown=self.unknown,
            failed=self.failed,
            commits=self.commits,
            bytes=self.bytes,
            duration_seconds=self._durations.taken(),
        )

    def end(self, seconds: float, error: BaseException | None) -> None:
        self._durations.add(seconds)
        self.in_flight -= 1
        self.calls += 1
        if error is None or isinstance(error, GeneratorExit):
            return
        if isinstance(error, Conflict):
            self.conflicts += 1
        elif isinstance(error, HelenusError) and error.outcome is Outcome.MAY_HAVE_HAPPENED:
            self.unknown += 1
        else:
            self.failed += 1


class _Operation:
    """One call, from its beginning to its end."""

    __slots__ = ("_bytes", "_commits", "_seconds", "_span", "_started_s", "_tally", "_time_s")

    def __init__(self, tally: _Tally, span: Span | None, time_s: Callable[[], float]) -> None:
        self._tally = tally
        self._span = span
        self._time_s = time_s
        self._commits: int | None = None
        self._bytes: int | None = None
        self._seconds = 0.0

    def __enter__(self) -> Self:
        self._tally.in_flight += 1
        self.go_on()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, GeneratorExit):  # a read that was left is paused already
            self.pause()
        self._tally.commits += self._commits or 0
        self._tally.bytes += self._bytes or 0
        self._tally.end(self._seconds, error)
        if self._span is not None:
            if self._commits is not None:
                self._span.set_attribute("helenus.commits", self._commits)
            if self._bytes is not None:
                self._span.set_attribute("helenus.bytes", self._bytes)
            tell(self._span, error)
            self._span.end()

    def pause(self) -> None:
        self._seconds += self._time_s() - self._started_s

    def go_on(self) -> None:
        self._started_s = self._time_s()

    def add_commits(self, commits: Iterable[Commit]) -> None:
        for commit in commits:
            self._commits = (self._commits or 0) + 1
            self.add_bytes(commit.size_bytes)

    def add_bytes(self, count: int) -> None:
        self._bytes = (self._bytes or 0) + count

    def tell(self, key: str, value: int) -> None:
        if self._span is not None:
            self._span.set_attribute(key, value)
