"""A store that fails on demand: before an operation, after it, late, twice, or when released.

    store = FaultyStore(memory)
    store.inject("append", None, FailAfter())  # the second append from now on

`FailBefore`, `FailUnknownBefore`, `FailAfter` and `FailLate` are the four fates of a request whose
answer does not arrive; `Hold` and `Delay` keep it waiting, `Duplicate` delivers it twice.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Literal, Protocol, TypeVar, Unpack

from helenus.clock import Clock
from helenus.errors import Conflict, HelenusError, OutcomeUnknown, StoreUnavailable
from helenus.store import (
    Commit,
    EventStore,
    FeedEntry,
    Head,
    Page,
    ReadOptions,
    Snapshot,
    StreamPage,
)
from helenus.stores.wrapping import StoreWrapper

T = TypeVar("T")
Operation = Literal["append", "read", "head", "load_snapshot", "save_snapshot", "feed", "streams"]


class Call:
    """One operation on a stream, as a fault sees it.

    Attributes:
        operation: its name in the port.
        stream: its stream; "" for one on all streams.
        commits: what it would append.
        expected: the position it would append at.
        deliver: hands it to the store, once more each time; does nothing for what only reads.
    """

    def __init__(
        self,
        operation: Operation,
        stream: str,
        commits: Sequence[Commit] = (),
        expected: int = 0,
        deliver: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.operation = operation
        self.stream = stream
        self.commits = commits
        self.expected = expected
        self.deliver = deliver or _nothing


async def _nothing() -> None:
    pass


class Fault(Protocol):
    """Happens around one operation."""

    async def before(self, call: Call) -> None:
        """Before the store is asked; what this raises keeps it from being asked."""

    async def after(self, call: Call) -> None:
        """After the store has done it; what this raises replaces its answer."""


class FailBefore:
    """The store is never asked.

    Args:
        error: what is raised; by default that the store is unavailable.
    """

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    async def before(self, call: Call) -> None:
        """Fail."""
        raise self._error or StoreUnavailable(f"A fault: {call.operation} was never sent.")

    async def after(self, call: Call) -> None:
        """Not reached."""


class FailAfter:
    """The store does what it was asked, and its answer is lost."""

    async def before(self, call: Call) -> None:
        """Let it happen."""

    async def after(self, call: Call) -> None:
        """Fail with an unknown outcome."""
        ids = tuple(commit.id for commit in call.commits)
        raise OutcomeUnknown(f"A fault: the answer to {call.operation} was lost.", ids)


class FailUnknownBefore:
    """The outcome is reported as unknown; in fact nothing was done."""

    async def before(self, call: Call) -> None:
        """Fail with an unknown outcome."""
        ids = tuple(commit.id for commit in call.commits)
        raise OutcomeUnknown(f"A fault: {call.operation} was lost on its way.", ids)

    async def after(self, call: Call) -> None:
        """Not reached."""


class FailLate:
    """The outcome is reported as unknown; the store does it when `release` is called.

    So comes a request that waited in a queue on its way, long after its caller gave up.

    Attributes:
        refused: what the store said to those that came too late.
    """

    def __init__(self) -> None:
        self._waiting: list[Call] = []
        self.refused: list[HelenusError] = []

    async def release(self) -> None:
        """Hand all that waits to the store, in the order it came."""
        while self._waiting:
            try:
                await self._waiting.pop(0).deliver()
            except HelenusError as error:
                self.refused.append(error)

    async def before(self, call: Call) -> None:
        """Keep it, and fail with an unknown outcome."""
        self._waiting.append(call)
        ids = tuple(commit.id for commit in call.commits)
        raise OutcomeUnknown(f"A fault: {call.operation} is still on its way.", ids)

    async def after(self, call: Call) -> None:
        """Not reached."""


class Duplicate:
    """The store is handed it twice, as by a network that repeats; the first answer is heard.

    Attributes:
        refused: what the store said to the repetitions.
    """

    def __init__(self) -> None:
        self.refused: list[HelenusError] = []

    async def before(self, call: Call) -> None:
        """Let it happen."""

    async def after(self, call: Call) -> None:
        """Hand it over once more."""
        try:
            await call.deliver()
        except HelenusError as error:
            self.refused.append(error)


class Delay:
    """The operation takes longer, on a clock.

    Args:
        seconds: by which it does.
        clock: waits.
        after: whether the answer is what takes longer, instead of the way to the store.
    """

    def __init__(self, seconds: float, clock: Clock, *, after: bool = False) -> None:
        self._seconds = seconds
        self._clock = clock
        self._after = after

    async def before(self, call: Call) -> None:
        """Wait here, unless told to do it after."""
        if not self._after:
            await self._clock.sleep(self._seconds)

    async def after(self, call: Call) -> None:
        """Wait here, if told so."""
        if self._after:
            await self._clock.sleep(self._seconds)


class ConflictOnce:
    """An append is told that another writer came first, which is not true.

    Args:
        actual: the head it is told; by default one past the expected.
    """

    def __init__(self, actual: int | None = None) -> None:
        self._actual = actual

    async def before(self, call: Call) -> None:
        """Fail with a conflict."""
        actual = call.expected + 1 if self._actual is None else self._actual
        raise Conflict(call.stream, call.expected, actual)

    async def after(self, call: Call) -> None:
        """Not reached."""


class Hold:
    """The operation stands still until it is released, or its caller is cancelled.

    Args:
        after: whether it stands still after the store has done it, instead of before.

    Attributes:
        reached: set when the operation has come to stand still.
    """

    def __init__(self, *, after: bool = False) -> None:
        self._after = after
        self.reached = asyncio.Event()
        self._released = asyncio.Event()

    def release(self) -> None:
        """Let it, and any later operation with this fault, go on."""
        self._released.set()

    async def before(self, call: Call) -> None:
        """Stand still here, unless told to do it after."""
        if not self._after:
            await self._stand()

    async def after(self, call: Call) -> None:
        """Stand still here, if told so."""
        if self._after:
            await self._stand()

    async def _stand(self) -> None:
        self.reached.set()
        await self._released.wait()


class FaultyStore(StoreWrapper):
    """Hands everything on to a store, counts it, and injects faults.

    Args:
        store: an open store.
        choose: asked for a fault at every call that has none injected; see `ByChance`.

    Attributes:
        calls: how often each operation was called.
    """

    def __init__(
        self, store: EventStore, *, choose: Callable[[Call], Fault | None] | None = None
    ) -> None:
        super().__init__(store)
        self._choose = choose
        self._faults: defaultdict[Operation, deque[Fault | None]] = defaultdict(deque)
        self.calls: Counter[Operation] = Counter()

    def inject(self, operation: Operation, *faults: Fault | None) -> None:
        """Let the next calls of an operation meet these faults, one each, in order.

        None lets its call pass.
        """
        self._faults[operation].extend(faults)

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        """See `EventStore.append`."""

        def operate() -> Awaitable[Head]:
            return self.wrapped.append(stream, commits, expected)

        call = Call("append", stream, commits, expected.position, operate)
        return await self._around(call, operate)

    def read(self, stream: str, **options: Unpack[ReadOptions]) -> AsyncIterator[Page]:
        """See `EventStore.read`. A fault before comes before the first page, one after, last."""
        return self._around_pages(Call("read", stream), super().read(stream, **options))

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        """See `EventStore.head`."""
        call = Call("head", stream)
        return await self._around(call, lambda: self.wrapped.head(stream, token=token))

    async def load_snapshot(self, stream: str) -> Snapshot | None:
        """See `EventStore.load_snapshot`."""
        call = Call("load_snapshot", stream)
        return await self._around(call, lambda: self.wrapped.load_snapshot(stream))

    async def save_snapshot(self, stream: str, snapshot: Snapshot | None) -> None:
        """See `EventStore.save_snapshot`."""

        def operate() -> Awaitable[None]:
            return self.wrapped.save_snapshot(stream, snapshot)

        await self._around(Call("save_snapshot", stream, deliver=operate), operate)

    def feed(self, *, after: int = 0, page_commits: int = 256) -> AsyncIterator[list[FeedEntry]]:
        """See `EventFeed.feed`. Faults come as they do to a read."""
        pages = super().feed(after=after, page_commits=page_commits)
        return self._around_pages(Call("feed", ""), pages)

    def streams(
        self, *, prefix: str = "", after: str = "", page_streams: int = 1_000
    ) -> AsyncIterator[StreamPage]:
        """See `StreamDirectory.streams`. Faults come as they do to a read."""
        pages = super().streams(prefix=prefix, after=after, page_streams=page_streams)
        return self._around_pages(Call("streams", ""), pages)

    async def _around_pages(self, call: Call, pages: AsyncIterator[T]) -> AsyncIterator[T]:
        fault = self._next(call)
        if fault is not None:
            await fault.before(call)
        async for page in pages:
            yield page
        if fault is not None:
            await fault.after(call)

    async def _around(self, call: Call, operate: Callable[[], Awaitable[T]]) -> T:
        fault = self._next(call)
        if fault is None:
            return await operate()
        await fault.before(call)
        answer = await operate()
        await fault.after(call)
        return answer

    def _next(self, call: Call) -> Fault | None:
        self.calls[call.operation] += 1
        waiting = self._faults[call.operation]
        if waiting:
            return waiting.popleft()
        return self._choose(call) if self._choose else None
