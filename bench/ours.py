"""helenus on SQLite, durable (WAL, synchronous=FULL), doing what the peer does."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from helenus import Aggregate, AggregateRepository, Event, RepositorySettings, UnitOfWork, applies
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore


class Deposited(Event, name="bench-deposited"):
    """Money came in."""

    amount: int


class BankAccount(Aggregate, name="bench-account"):
    """A balance."""

    balance: int = 0

    @applies
    def deposited(self, event: Deposited) -> None:
        """Add it up."""
        self.balance += event.amount


def deposit(unit: UnitOfWork) -> None:
    """The one-event command."""
    unit.get(BankAccount, "account").record(Deposited(amount=1))


def deposit_many(events: int) -> Callable[[UnitOfWork], None]:
    """A command of several events."""

    def decide(unit: UnitOfWork) -> None:
        account = unit.get(BankAccount, "account")
        for _ in range(events):
            account.record(Deposited(amount=1))

    return decide


async def commands(
    path: Path, *, streams: int, in_flight: int, total: int, events: int = 1, cached: bool = True
) -> float:
    """Commands per second, each loading its stream, recording events and committing them."""
    decide = deposit if events == 1 else deposit_many(events)
    settings = RepositorySettings(cache_streams_max=100_000 if cached else 1)
    async with (
        SqliteStore(path) as store,
        AggregateRepository(store, [BankAccount], settings=settings) as repository,
    ):
        names = [f"account/{number}" for number in range(streams)]
        await asyncio.gather(*(repository.transact(name, decide) for name in names))

        async def work(worker: int) -> None:
            for turn in range(total // in_flight):
                stream = names[(worker + turn * in_flight) % streams]
                await repository.transact(stream, decide)

        started = time.perf_counter()
        await asyncio.gather(*(work(worker) for worker in range(in_flight)))
        return total / (time.perf_counter() - started)


async def fill(path: Path, stream: str, events: int, *, snapshots: bool, per_commit: int) -> None:
    """Give a stream a history."""
    settings = RepositorySettings(snapshot_events=100 if snapshots else 0)
    async with (
        SqliteStore(path) as store,
        AggregateRepository(store, [BankAccount], settings=settings) as repository,
    ):
        for _ in range(events // per_commit):
            await repository.transact(stream, deposit_many(per_commit))
        await repository.settle()


async def loads(path: Path, stream: str, *, times: int, snapshots: bool, warm: bool) -> float:
    """Milliseconds of one load, the median of several; cold ones by a repository of their own."""
    settings = RepositorySettings(snapshot_events=100 if snapshots else 0)
    taken = []
    async with SqliteStore(path) as store:
        repository = AggregateRepository(store, [BankAccount], settings=settings)
        await repository.load(stream)
        for _ in range(times):
            if not warm:
                repository = AggregateRepository(store, [BankAccount], settings=settings)
            started = time.perf_counter()
            await repository.load(stream)
            taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)[times // 2]


async def from_memory(events: int, *, per_commit: int) -> float:
    """Events per second decoded and applied of a stream in memory, the best of several loads."""
    settings = RepositorySettings(snapshot_events=0, snapshot_bytes=2**40)
    async with MemoryStore() as store:
        async with AggregateRepository(store, [BankAccount], settings=settings) as repository:
            for _ in range(events // per_commit):
                await repository.transact("account/1", deposit_many(per_commit))
        taken = []
        for _ in range(5):
            repository = AggregateRepository(store, [BankAccount], settings=settings)
            started = time.perf_counter()
            view = await repository.load("account/1")
            taken.append(time.perf_counter() - started)
            assert view.get(BankAccount, "account").balance == events
        return events / min(taken)
