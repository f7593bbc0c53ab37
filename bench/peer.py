"""The peer, `eventsourcing`, on SQLite with its own defaults (WAL, synchronous=FULL), one thread a
command in flight."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID


class BankAccount(Aggregate):
    """A balance."""

    @event("Opened")
    def __init__(self) -> None:
        self.balance = 0

    @event("Deposited")
    def deposit(self, amount: int) -> None:
        """Add it up."""
        self.balance += amount


@contextmanager
def _application(path: Path, *, cached: bool = False) -> Iterator[Application[Any]]:
    settings = {
        "PERSISTENCE_MODULE": "eventsourcing.sqlite",
        "SQLITE_DBNAME": str(path),
        "IS_SNAPSHOTTING_ENABLED": "yes",
    }
    if cached:
        settings |= {"AGGREGATE_CACHE_MAXSIZE": "100000"}
    application: Application[Any] = Application(settings)
    try:
        yield application
    finally:
        application.close()


def commands(
    path: Path, *, streams: int, in_flight: int, total: int, events: int = 1, cached: bool = False
) -> float:
    """Commands per second, each loading an aggregate, triggering events and saving it."""
    with _application(path, cached=cached) as application:
        accounts = [BankAccount() for _ in range(streams)]
        for account in accounts:
            application.save(account)
        ids = [account.id for account in accounts]

        def work(worker: int) -> None:
            for turn in range(total // in_flight):
                number = (worker + turn * in_flight) % streams
                account = application.repository.get(ids[number])
                for _ in range(events):
                    account.deposit(1)
                application.save(account)

        started = time.perf_counter()
        with ThreadPoolExecutor(in_flight) as pool:
            list(pool.map(work, range(in_flight)))
        return total / (time.perf_counter() - started)


def fill(path: Path, events: int, *, snapshot: bool) -> UUID:
    """Give an aggregate a history and, at its end, a snapshot."""
    with _application(path) as application:
        account = BankAccount()
        for number in range(1, events):
            account.deposit(1)
            if number % 1_000 == 0:
                application.save(account)
        application.save(account)
        if snapshot:
            application.take_snapshot(account.id)
        found: UUID = account.id
        return found


def loads(path: Path, account_id: UUID, *, times: int) -> float:
    """Milliseconds of one load, the median of several."""
    taken = []
    with _application(path) as application:
        for _ in range(times):
            started = time.perf_counter()
            application.repository.get(account_id)
            taken.append((time.perf_counter() - started) * 1000)
    return sorted(taken)[times // 2]
