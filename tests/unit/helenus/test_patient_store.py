"""A store that is opened in the background: what it says until then, and how it ends."""

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable

import pytest

from helenus.errors import StoreClosed, StoreUnavailable, StoreUnusable
from helenus.store import Commit, Head, Snapshot
from helenus.stores.memory import MemoryStore
from helenus.stores.patient import PatientStatistics, PatientStore
from helenus.testing.clock import MockClock

COMMIT = Commit(uuid.uuid4().bytes, 1, 1, 0, ("k",), b"", b"b")
AWAY = StoreUnavailable("The cluster cannot be reached.")
UNMADE = StoreUnusable("There is no keyspace.", remedy="Make it.")


class ManualClock(MockClock):
    """Sleeps until it is told to wake up."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []
        self._asleep = asyncio.Event()
        self._awake = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._awake.clear()
        self._asleep.set()
        await self._awake.wait()

    async def wake(self) -> None:
        """Let the sleeper go on until it sleeps again, or a while has passed."""
        self._asleep.clear()
        self._awake.set()
        for _ in range(10):
            await asyncio.sleep(0)


class Opening(MemoryStore):
    """A store whose opening may fail, hang, or be broken off."""

    def __init__(self, failures: list[Exception], gate: asyncio.Event | None = None) -> None:
        super().__init__()
        self._failures = failures
        self._gate = gate
        self.broken_off = False
        self.closed = False

    async def __aenter__(self) -> "Opening":
        try:
            if self._gate is not None:
                await self._gate.wait()
        except asyncio.CancelledError:
            self.broken_off = True
            raise
        if self._failures:
            raise self._failures.pop(0)
        await super().__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.closed = True
        await super().__aexit__(*_)


async def consumed(store: PatientStore) -> None:
    async for _ in store.read("s"):
        pass


OPERATIONS: dict[str, Callable[[PatientStore], Awaitable[object]]] = {
    "append": lambda store: store.append("s", [COMMIT], Head(0)),
    "read": consumed,
    "head": lambda store: store.head("s"),
    "load_snapshot": lambda store: store.load_snapshot("s"),
    "save_snapshot": lambda store: store.save_snapshot("s", None),
}


async def test_a_store_that_is_there_is_open_at_once() -> None:
    opening = Opening([])
    async with PatientStore(lambda: opening, clock=ManualClock()) as store:
        head = await store.append("s", [COMMIT], Head(0))
        assert await store.head("s", token=head.token) == head
        assert [page.commits async for page in store.read("s")] == [[COMMIT]]
        await store.save_snapshot("s", Snapshot(1, "f", b"b"))
        assert await store.load_snapshot("s") == Snapshot(1, "f", b"b")
    assert opening.closed


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
async def test_until_it_is_open_every_operation_says_why(
    operation: Callable[[PatientStore], Awaitable[object]],
) -> None:
    async with PatientStore(lambda: Opening([UNMADE]), clock=ManualClock()) as store:
        with pytest.raises(StoreUnavailable, match=r"^There is no keyspace\. Make it\.$"):
            await operation(store)
    with pytest.raises(StoreClosed):
        await operation(store)


async def test_it_is_tried_again_until_it_is_open() -> None:
    clock, failures = ManualClock(), [AWAY, UNMADE, OSError("no route"), AWAY]
    made: list[Opening] = []

    def make() -> Opening:
        made.append(Opening(failures))
        return made[-1]

    async with PatientStore(make, clock=clock) as store:
        for reason in ("cannot be reached", "no keyspace", "no route", "cannot be reached"):
            with pytest.raises(StoreUnavailable, match=reason):
                await store.head("s")
            assert store.statistics() == PatientStatistics(open=0, attempts=len(made))
            await clock.wake()
        assert await store.head("s") == Head(0)
        assert store.statistics() == PatientStatistics(open=1, attempts=5)
    assert len(made) == 5
    assert [opening.closed for opening in made] == [False] * 4 + [True]


async def test_attempts_become_rarer_up_to_a_bound() -> None:
    clock = ManualClock()
    store = PatientStore(
        lambda: Opening([AWAY]), clock=clock, backoff_s=1.0, backoff_max_s=8.0, patience_s=1.0
    )
    async with store:
        for _ in range(7):
            await clock.wake()
    for slept, longest in zip(clock.slept, (1, 2, 4, 8, 8, 8), strict=False):
        assert longest / 2 <= slept <= longest
    assert len(clock.slept) >= 6


async def test_a_store_that_hangs_delays_the_start_only_for_a_while() -> None:
    gate = asyncio.Event()
    opening = Opening([], gate)
    async with PatientStore(lambda: opening, clock=ManualClock(), patience_s=0) as store:
        with pytest.raises(StoreUnavailable, match="is being opened"):
            await store.head("s")
        gate.set()
        for _ in range(10):
            await asyncio.sleep(0)
        assert await store.head("s") == Head(0)
    assert opening.closed


async def test_closing_breaks_an_attempt_off() -> None:
    opening = Opening([], asyncio.Event())
    async with PatientStore(lambda: opening, clock=ManualClock(), patience_s=0):
        await asyncio.sleep(0)
    assert opening.broken_off
    assert not opening.closed


async def test_a_reason_is_logged_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "helenus.stores.patient")
    clock = ManualClock()
    failures: list[Exception] = [AWAY, AWAY, AWAY, UNMADE]
    async with PatientStore(lambda: Opening(failures), clock=clock):
        for _ in range(4):
            await clock.wake()
    told = [(record.levelname, record.message[-24:]) for record in caplog.records]
    assert [level for level, _ in told] == ["ERROR", "ERROR", "INFO"]
    assert "no keyspace" in caplog.messages[1]
