"""Latency under a constant arrival rate: requests come when they come, whether or not others wait.

A closed loop sends its next request when the one before is answered, so a pause of the system slows
the clients down and is counted once. Here each request has its time of arrival beforehand, and its
latency runs from then: a pause is counted for everyone who would have come meanwhile.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import perf_counter

import aiohttp
import msgspec
import uvloop

from bench import http
from bench.harness import Row
from bench.ours import BankAccount, deposit
from helenus import AggregateRepository
from helenus.stores.sqlite import SqliteStore

_REPOSITORY_RATES = (500, 2_000, 5_000, 10_000)
_HTTP_RATES = (200, 500, 1_000, 1_500)
_SECONDS = 5.0
_WARM_UP_SECONDS = 1.0
_STREAMS = 1_024
_CUSTOMERS = 2_000
_WAITING_MAX = 20_000


class Arrivals(msgspec.Struct, frozen=True):
    """What became of a run.

    Attributes:
        latencies_s: of the requests that count, from their arrival to the answer, sorted.
        rate: answers per second; below the rate of arrivals the system does not keep up.
        given_up: whether so many waited that the rest was not sent.
    """

    latencies_s: list[float]
    rate: float
    given_up: bool

    def at(self, share: float) -> float:
        """The latency in milliseconds below which this share of them stays."""
        return (
            self.latencies_s[min(len(self.latencies_s) - 1, int(len(self.latencies_s) * share))]
            * 1e3
        )


async def arrive(
    operate: Callable[[int], Awaitable[object]],
    per_second: float,
    *,
    seconds: float = _SECONDS,
    warm_up_seconds: float = _WARM_UP_SECONDS,
    waiting_max: int = _WAITING_MAX,
) -> Arrivals:
    """Let requests arrive at a constant rate, and wait for all their answers.

    Args:
        operate: carries out the request with this number.
        per_second: arrivals.
        seconds: of arrivals that count.
        warm_up_seconds: of arrivals before them that do not.
        waiting_max: requests without an answer at which no further one is sent.
    """
    taken: list[float] = []
    under_way: set[asyncio.Task[None]] = set()
    total = int((seconds + warm_up_seconds) * per_second)
    counts_from = int(warm_up_seconds * per_second)
    started = perf_counter()

    async def one(number: int) -> None:
        await operate(number)
        if number >= counts_from:
            taken.append(perf_counter() - (started + number / per_second))

    sent = 0
    while sent < total and len(under_way) < waiting_max:
        due = min(total, int((perf_counter() - started) * per_second) + 1)
        for number in range(sent, due):
            task = asyncio.create_task(one(number))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        sent = max(sent, due)
        # If this wakes late, those who arrived meanwhile have waited for it, and that counts.
        await asyncio.sleep(max(0.0, started + sent / per_second - perf_counter()))
    if under_way:
        await asyncio.gather(*under_way)
    counted = max(perf_counter() - started - warm_up_seconds, 1e-9)
    return Arrivals(sorted(taken), len(taken) / counted, sent < total)


def run(directory: Path, runs: int) -> list[Row]:
    """The repository on SQLite, then permission requests over HTTP, each at several rates."""
    rows: list[Row] = []
    for rate in _REPOSITORY_RATES:
        case = f"one-event commands on {_STREAMS:,} streams, SQLite, {rate:,} arrive a second"
        rows += _rows(case, [_of_repository(directory, rate) for _ in range(runs)], "")
    for rate in _HTTP_RATES:
        case = f"permission requests over HTTP, {rate:,} arrive a second"
        rows += _rows(case, [_over_http(directory, rate) for _ in range(runs)], "≤ 60")
    return rows


def _rows(case: str, runs: list[Arrivals], wanted_p99: str) -> Iterator[Row]:
    kept_up = not any(one.given_up for one in runs)
    yield Row(
        case, "answered" if kept_up else "answered; given up", "per s", [one.rate for one in runs]
    )
    for name, share, wanted in (
        ("p50", 0.5, ""),
        ("p99", 0.99, wanted_p99),
        ("p99.9", 0.999, ""),
        ("longest", 1.0, ""),
    ):
        yield Row(case, name, "ms", [one.at(share) for one in runs], wanted)


def _of_repository(directory: Path, rate: float) -> Arrivals:
    async def measure(path: Path) -> Arrivals:
        async with (
            SqliteStore(path) as store,
            AggregateRepository(store, [BankAccount]) as accounts,
        ):
            names = [f"account/{number}" for number in range(_STREAMS)]
            await asyncio.gather(*(accounts.transact(name, deposit) for name in names))
            return await arrive(
                lambda number: accounts.transact(names[number % _STREAMS], deposit), rate
            )

    with tempfile.TemporaryDirectory(dir=directory) as folder:
        return asyncio.run(measure(Path(folder) / "bench.sqlite3"))


def _over_http(directory: Path, rate: float) -> Arrivals:
    async def measure(url: str) -> Arrivals:
        titles = http.titles()
        # As many connections as it takes: none waits for another one's answer.
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(url, connector=connector) as session:
            await http.open_accounts(session, _CUSTOMERS)
            return await arrive(lambda number: http.ask(session, number, titles), rate)

    with tempfile.TemporaryDirectory(dir=directory) as folder, http.server(Path(folder)) as url:
        return uvloop.run(measure(url))
