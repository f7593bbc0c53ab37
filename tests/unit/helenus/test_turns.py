"""Several processes that all write one stream, in simulated time."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest

from helenus import (
    Aggregate,
    AggregateRepository,
    Event,
    RepositorySettings,
    UnitOfWork,
    applies,
)
from helenus.repository import Statistics
from helenus.store import Commit, Head, Page
from helenus.stores.memory import MemoryStore
from helenus.turns import (
    APPEND_MAX_S,
    APPENDS_ALONE,
    APPENDS_SHARED,
    REST_ALONE,
    REST_SHARED,
    RESTS_UNUSED_MAX,
    STREAMS_MAX,
    WAIT_FIRST,
    WAIT_ONCE,
    WAITS_SHORTER,
    Turns,
)

APPEND_S = 0.0015
READ_S = 0.001
SECONDS = 1.5
WITHOUT_SNAPSHOTS = RepositorySettings(snapshot_events=0)


@pytest.fixture(autouse=True)
def the_same_chances() -> Iterator[None]:
    """Waits are random: here each test has the same ones every time."""
    state = random.getstate()
    random.seed(1)
    yield
    random.setstate(state)


class Counted(Event, name="turns-counted"):
    """One more."""


class Counter(Aggregate, name="turns-counter"):
    """Counts."""

    total: int = 0

    @applies
    def counted(self, event: Counted) -> None:
        self.total += 1


def count(unit: UnitOfWork) -> None:
    unit.get(Counter, "counter").record(Counted())


class _Selector(selectors.DefaultSelector):
    """Does not wait: it says that the time has passed."""

    waited_s = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.waited_s += timeout or 0.0
        return super().select(0)


class SimulatedTime(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while nothing is to be done."""

    def __init__(self) -> None:
        self._passes = _Selector()
        super().__init__(self._passes)

    def time(self) -> float:
        return self._passes.waited_s


class Partition:
    """Where a stream lies: it does one thing after another, and each takes its time."""

    def __init__(self) -> None:
        self.stored = MemoryStore()
        self._free_at = 0.0
        self._chance = random.Random(3)

    async def take(self, seconds: float) -> None:
        now = asyncio.get_running_loop().time()
        self._free_at = max(self._free_at, now) + seconds * self._chance.uniform(0.7, 1.3)
        await asyncio.sleep(self._free_at - now)


class Remote(MemoryStore):
    """A store far away, on which a stream is one partition."""

    def __init__(self, partition: Partition) -> None:
        super().__init__()
        self._partition = partition

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        await self._partition.take(APPEND_S)
        return await self._partition.stored.append(stream, commits, expected)

    async def read(self, stream: str, **range_: Any) -> AsyncIterator[Page]:
        await self._partition.take(READ_S)
        async for page in self._partition.stored.read(stream, **range_):
            yield page

    async def head(self, stream: str, *, token: bytes = b"") -> Head:
        await self._partition.take(READ_S)
        return await self._partition.stored.head(stream, token=token)


class Race(msgspec.Struct):
    """What came of a race: commands carried out by each process, and what each counted."""

    commands: list[int]
    statistics: list[Statistics]

    @property
    def per_s(self) -> float:
        return sum(self.commands) / SECONDS


def simulate(work: Callable[[list[AggregateRepository]], Awaitable[None]], processes: int) -> None:
    """Let the processes of some repositories work on one partition, in simulated time."""

    async def run() -> None:
        partition = Partition()
        async with partition.stored:
            await work(
                [
                    AggregateRepository(Remote(partition), [Counter], settings=WITHOUT_SNAPSHOTS)
                    for _ in range(processes)
                ]
            )

    with asyncio.Runner(loop_factory=SimulatedTime) as runner:
        runner.run(run())


async def took_s(repository: AggregateRepository) -> float:
    """How long one command takes."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await repository.transact("hot", count)
    return loop.time() - began


def race(processes: int, in_flight: int) -> Race:
    """Let processes send commands to one stream, so many at once each."""
    raced = Race([0] * processes, [])

    async def work(repositories: list[AggregateRepository]) -> None:
        loop = asyncio.get_running_loop()

        async def client(process: int) -> None:
            while loop.time() < SECONDS:
                await repositories[process].transact("hot", count)
                raced.commands[process] += 1

        await asyncio.gather(
            *(client(process) for process in range(processes) for _ in range(in_flight))
        )
        (counter,) = (await repositories[0].load("hot")).all(Counter)
        assert counter.total == sum(raced.commands)
        raced.statistics = [each.statistics() for each in repositories]

    simulate(work, processes)
    return raced


@pytest.mark.parametrize(("processes", "in_flight"), [(2, 1), (4, 1), (2, 16), (4, 16)])
def test_nobody_starves_where_several_processes_write_one_stream(
    processes: int, in_flight: int
) -> None:
    raced = race(processes, in_flight)
    assert min(raced.commands) > sum(raced.commands) / processes / 3


@pytest.mark.parametrize(("processes", "share"), [(2, 0.6), (4, 0.6), (8, 0.5), (16, 0.4)])
def test_several_processes_on_one_stream_get_most_of_what_one_gets(
    processes: int, share: float
) -> None:
    assert race(processes, 4).per_s > share * race(1, 4).per_s


def test_conflicts_stay_rare_among_processes_that_take_turns() -> None:
    statistics = race(4, 16).statistics
    assert sum(s.conflicts for s in statistics) < sum(s.appends for s in statistics) / 5


def test_a_process_alone_loses_little_by_its_rests() -> None:
    assert race(1, 16).per_s > 0.9 * 16 / APPEND_S


def test_a_newcomer_gets_in_where_one_process_is_always_busy() -> None:
    waits: list[float] = []

    async def work(repositories: list[AggregateRepository]) -> None:
        busy, newcomer = repositories

        async def always() -> None:
            while len(waits) < 10:
                await busy.transact("hot", count)

        async def now_and_then() -> None:
            for _ in range(10):
                await asyncio.sleep(0.5)
                waits.append(await took_s(newcomer))

        await asyncio.gather(now_and_then(), *(always() for _ in range(8)))

    simulate(work, 2)
    assert sorted(waits)[5] < 300 * APPEND_S
    assert max(waits) < 1_500 * APPEND_S


def test_processes_that_write_one_stream_by_turns_do_not_wait() -> None:
    waits: list[float] = []

    async def work(repositories: list[AggregateRepository]) -> None:
        pauses = random.Random(5)
        for _ in range(300):
            for each in repositories:
                waits.append(await took_s(each))
                await asyncio.sleep(pauses.uniform(0, 20 * APPEND_S))

    simulate(work, 2)
    assert sorted(waits)[300] < 2 * (APPEND_S + READ_S)
    assert max(waits) < 10 * APPEND_S


def test_of_two_commands_at_once_none_waits_long() -> None:
    waits: list[float] = []

    async def work(repositories: list[AggregateRepository]) -> None:
        pauses = random.Random(5)
        for _ in range(300):
            waits.extend(await asyncio.gather(*(took_s(each) for each in repositories)))
            await asyncio.sleep(pauses.uniform(0, 20 * APPEND_S))

    simulate(work, 2)
    assert max(waits) < 20 * APPEND_S


class Watch:
    """Tells the time it was set to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def turns(watch: Watch) -> Turns:
    return Turns(0.002, watch)


def win(turns: Turns, watch: Watch, times: int = 1, seconds: float = 0.01) -> None:
    for _ in range(times):
        assert turns.rest_s("s") == 0
        began = watch.now
        watch.now += seconds
        turns.won("s", began)


def rest(turns: Turns) -> float:
    rest_s = turns.rest_s("s")
    assert rest_s > 0
    return rest_s


def lose(turns: Turns, watch: Watch, seconds: float = 0.01) -> None:
    began = watch.now
    watch.now += seconds
    turns.lost("s", began)


def test_a_turn_is_longer_where_no_other_writer_was_met(turns: Turns, watch: Watch) -> None:
    win(turns, watch, APPENDS_ALONE)
    assert turns.rest_s("s") == pytest.approx(REST_ALONE * 0.01, rel=0.25)
    assert not turns.passed_on("s")
    lose(turns, watch)
    win(turns, watch, APPENDS_SHARED)
    assert turns.rest_s("s") == pytest.approx(REST_SHARED * 0.01, rel=0.25)


def test_after_a_rest_the_head_is_read_where_others_write_too(turns: Turns, watch: Watch) -> None:
    lose(turns, watch)
    assert not turns.passed_on("s")
    win(turns, watch, APPENDS_SHARED)
    assert turns.rest_s("s")
    assert turns.passed_on("s")
    win(turns, watch)
    assert not turns.passed_on("s")


def test_a_process_that_the_others_have_left_alone_has_long_turns_again(
    turns: Turns, watch: Watch
) -> None:
    lose(turns, watch)
    for _ in range(RESTS_UNUSED_MAX):
        win(turns, watch, APPENDS_SHARED)
        watch.now += rest(turns)
    win(turns, watch, APPENDS_ALONE)
    assert turns.rest_s("s") == pytest.approx(REST_ALONE * 0.01, rel=0.25)


def test_a_process_whose_rest_another_used_gives_way_to_it(turns: Turns, watch: Watch) -> None:
    lose(turns, watch)
    win(turns, watch, APPENDS_SHARED)
    assert turns.rest_s("s")
    assert turns.gives_way("s")
    assert turns.wait_s("s") >= WAIT_FIRST * 0.01 / 2
    assert not turns.gives_way("s")


def test_a_process_that_had_nothing_to_append_gives_way_to_nobody(
    turns: Turns, watch: Watch
) -> None:
    assert not turns.gives_way("s")
    lose(turns, watch)
    win(turns, watch)
    watch.now += 1
    assert not turns.rest_s("s")
    assert turns.passed_on("s")
    assert not turns.gives_way("s")


def test_a_time_without_appends_is_a_rest(turns: Turns, watch: Watch) -> None:
    win(turns, watch, APPENDS_ALONE)
    watch.now += 1
    win(turns, watch, APPENDS_ALONE)
    assert turns.rest_s("s")


def test_no_rest_is_too_short_for_a_timer(turns: Turns, watch: Watch) -> None:
    win(turns, watch, APPENDS_ALONE * 4, seconds=0.000_01)


def test_the_wait_after_a_conflict_is_short_then_long_and_then_shorter_each_time(
    turns: Turns, watch: Watch
) -> None:
    def longest() -> float:
        waits = [turns.wait_s("s") for _ in range(1_000)]
        assert min(waits) == pytest.approx(max(waits) / 2, rel=0.1)
        return max(waits)

    assert longest() == pytest.approx(0.002, rel=0.1)
    lose(turns, watch)
    assert longest() == pytest.approx(WAIT_ONCE * 0.01, rel=0.1)
    for divisor in (*range(1, WAITS_SHORTER + 1), WAITS_SHORTER):
        lose(turns, watch)
        assert longest() == pytest.approx(WAIT_FIRST / divisor * 0.01, rel=0.1)
    win(turns, watch)
    assert longest() == pytest.approx(WAIT_ONCE * 0.01, rel=0.1)


def test_an_append_that_took_minutes_stretches_no_wait(turns: Turns, watch: Watch) -> None:
    for _ in range(3):
        lose(turns, watch, seconds=100)
    assert turns.wait_s("s") <= WAIT_FIRST * APPEND_MAX_S
    win(turns, watch, APPENDS_SHARED, seconds=100)
    assert turns.rest_s("s") <= 1.25 * REST_SHARED * APPEND_MAX_S


def test_a_first_append_that_is_slow_is_soon_forgotten(turns: Turns, watch: Watch) -> None:
    win(turns, watch, seconds=0.02)
    win(turns, watch, times=20, seconds=0.002)
    lose(turns, watch, seconds=0.002)
    lose(turns, watch, seconds=0.002)
    assert turns.wait_s("s") < 1.1 * WAIT_FIRST * 0.002


def test_the_streams_written_longest_ago_are_forgotten(turns: Turns, watch: Watch) -> None:
    win(turns, watch, APPENDS_ALONE)
    for number in range(STREAMS_MAX - 1):
        turns.won(f"other/{number}", watch.now)
    assert turns.rest_s("s")
    win(turns, watch, APPENDS_ALONE - 1)
    for number in range(STREAMS_MAX):
        turns.won(f"another/{number}", watch.now)
    win(turns, watch, APPENDS_ALONE)
