"""``python -m bench.memory_worker TASK PATH SIZE``: one task, telling its resident memory."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec

from bench.ours import BankAccount, deposit
from bench.proc_status import told_by_linux
from helenus import AggregateRepository, RepositorySettings
from helenus.stores.sqlite import SqliteStore
from helenus.transfer import export_streams
from helenus.verification import verify_streams

CACHE_BYTES = 64 * 1024 * 1024
_STREAM = "account/long"
_IN_FLIGHT = 64
_SAMPLES = 10
# The bound in bytes is what is to be seen, not that in streams.
_SETTINGS = RepositorySettings(cache_bytes_max=CACHE_BYTES, cache_streams_max=10_000_000)
_WITHOUT_SNAPSHOTS = RepositorySettings(snapshot_events=0, snapshot_bytes=2**40)


class Sample(msgspec.Struct, frozen=True):
    """What the process holds at one moment.

    Attributes:
        done: streams or events so far.
        seconds: since the work began.
        resident_bytes: of the process, now.
        peak_bytes: the most it has held so far.
        cached_streams: states that the repository keeps.
        cached_bytes: what it takes them to weigh.
    """

    done: int
    seconds: float
    resident_bytes: int
    peak_bytes: int
    cached_streams: int = 0
    cached_bytes: int = 0


class Teller:
    """Prints a sample now and then."""

    def __init__(self, size: int) -> None:
        self._every = max(size // _SAMPLES, 1)
        self._next = 0
        self._started = time.perf_counter()

    def tell(self, done: int, repository: AggregateRepository | None = None) -> None:
        """Print one if it is time; the first at once."""
        if done >= self._next:
            self._next = done + self._every
            self.print(done, repository)

    def print(self, done: int, repository: AggregateRepository | None = None) -> None:
        """Print one."""
        statistics = repository.statistics() if repository else None
        sample = Sample(
            done,
            time.perf_counter() - self._started,
            resident_bytes(),
            peak_bytes(),
            statistics.cached_streams if statistics else 0,
            statistics.cached_bytes if statistics else 0,
        )
        sys.stdout.write(msgspec.json.encode(sample).decode() + "\n")
        sys.stdout.flush()


def resident_bytes() -> int:
    """What the process holds; where the system does not tell, the most it ever held."""
    return told_by_linux("VmRSS") or peak_bytes()


def peak_bytes() -> int:
    """The most the process ever held."""
    # What getrusage tells on Linux may be that of the process which started this one.
    if told := told_by_linux("VmHWM"):
        return told
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


async def touch(path: Path, size: int) -> None:
    """One command on each of many streams."""
    teller = Teller(size)
    async with (
        SqliteStore(path) as store,
        AggregateRepository(store, [BankAccount], settings=_SETTINGS) as repository,
    ):
        await _at_once(
            size, lambda n: repository.transact(f"account/{n}", deposit), teller, repository
        )


async def fill(path: Path, size: int) -> None:
    """Many events on one stream, each in a commit of its own."""
    teller = Teller(size)
    async with (
        SqliteStore(path) as store,
        AggregateRepository(store, [BankAccount], settings=_WITHOUT_SNAPSHOTS) as repository,
    ):
        await _at_once(size, lambda _: repository.transact(_STREAM, deposit), teller, repository)


async def _at_once(
    size: int,
    operate: Callable[[int], Awaitable[object]],
    teller: Teller,
    repository: AggregateRepository,
) -> None:
    numbers = iter(range(size))

    async def work() -> None:
        for number in numbers:
            teller.tell(number, repository)
            await operate(number)

    await asyncio.gather(*(work() for _ in range(_IN_FLIGHT)))
    teller.print(size, repository)


async def read(path: Path, size: int) -> None:
    """The pages of the long stream."""
    async with SqliteStore(path) as store:
        await _through(size, _positions(store))


async def _positions(store: SqliteStore) -> AsyncIterator[int]:
    async for page in store.read(_STREAM):
        yield page.head.position if not page.commits else page.commits[-1].last


async def history(path: Path, size: int) -> None:
    """The typed events of the long stream."""
    async with (
        SqliteStore(path) as store,
        AggregateRepository(store, [BankAccount], settings=_WITHOUT_SNAPSHOTS) as repository,
    ):
        await _through(size, (event.position async for event in repository.history(_STREAM)))


async def replay(path: Path, size: int) -> None:
    """The state of the long stream, from its events alone."""
    teller = Teller(size)
    teller.tell(0)
    async with (
        SqliteStore(path) as store,
        AggregateRepository(store, [BankAccount], settings=_WITHOUT_SNAPSHOTS) as repository,
    ):
        view = await repository.load(_STREAM)
        assert view.get(BankAccount, "account").balance == size
        teller.print(size, repository)


async def export(path: Path, size: int) -> None:
    """The whole store into a file."""
    teller = Teller(size)
    teller.tell(0)
    async with SqliteStore(path) as store:
        target = path.with_name("export.zst")
        exported = await export_streams(
            store, target, progress=lambda totals: teller.tell(totals.events)
        )
        assert exported.events == size
        target.unlink()
        teller.print(size)


async def verify(path: Path, size: int) -> None:
    """All that must hold for the stream, the state that follows from it included."""
    teller = Teller(size)
    teller.tell(0)
    async with SqliteStore(path) as store:
        async for verified in verify_streams(store, aggregates=[BankAccount]):
            assert not verified.findings, verified.findings
            teller.print(verified.events)


async def _through(size: int, positions: AsyncIterator[int]) -> None:
    teller, position = Teller(size), 0
    teller.tell(0)
    async for position in positions:
        teller.tell(position)
    assert position == size
    teller.print(size)


TASKS = {one.__name__: one for one in (touch, fill, read, history, replay, export, verify)}

if __name__ == "__main__":
    asyncio.run(TASKS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3])))
