"""Random commands through several repositories on a failing store: the history stays sound.

Each command adds its own number to an account, so the account's events tell which commands took
effect. A failed test prints its seed; `HELENUS_SEED` runs that one alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from helenus import (
    AggregateRepository,
    EventStore,
    HelenusError,
    Outcome,
    OutcomeUnknown,
    RepositorySettings,
    StoreUnavailable,
    UnitOfWork,
)
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from helenus.testing import (
    ByChance,
    FailAfter,
    FailBefore,
    FailLate,
    FailUnknownBefore,
    Fault,
    FaultyStore,
    History,
    MockClock,
    Operation,
    RecordingStore,
    violations,
)
from tests.unit.helenus.bank import AGGREGATES, Account, Closed, Deposited

STREAMS = ("s/1", "s/2", "s/3")
CLIENTS = 3
COMMANDS = 80
SEEDS = [int(os.environ["HELENUS_SEED"])] if "HELENUS_SEED" in os.environ else list(range(12))

Open = Callable[[], AbstractAsyncContextManager[EventStore]]


def faults(late: FailLate) -> dict[Operation, list[Fault]]:
    return {
        "append": [FailBefore(), FailAfter(), FailUnknownBefore(), late],
        "read": [FailBefore()],
        "head": [FailBefore()],
        "load_snapshot": [FailBefore()],
        "save_snapshot": [FailBefore()],
    }


class Outcomes:
    """What became of each command, as far as its caller knows."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, int], set[object]] = {}
        self.possible: set[tuple[str, int]] = set()

    def sent(self, stream: str, number: int) -> None:
        self.answers.setdefault((stream, number), set())

    def answered(self, stream: str, number: int, answer: object) -> None:
        self.answers[stream, number].add(answer)

    def may_have(self, stream: str, number: int) -> None:
        self.possible.add((stream, number))


async def work(
    repository: AggregateRepository,
    clock: MockClock,
    chance: random.Random,
    outcomes: Outcomes,
    late: FailLate,
) -> None:
    for _ in range(COMMANDS):
        if chance.random() < 0.05:
            await late.release()
        stream, number = chance.choice(STREAMS), chance.randrange(1, 60)
        clock.advance(chance.uniform(-5, 10))
        if chance.random() < 0.2:
            with contextlib.suppress(StoreUnavailable, OutcomeUnknown):
                view = await repository.load(stream)
                assert view.get(Account, "sum").balance >= 0
            continue

        def decide(unit: UnitOfWork, number: int = number) -> int:
            if number % 7 == 0:
                unit.get(Account, "spare").record(Deposited(amount=1))
                unit.get(Account, "spare").record(Closed())
            unit.get(Account, "sum").record(Deposited(amount=number))
            return unit.get(Account, "sum").balance

        outcomes.sent(stream, number)
        try:
            answer = await repository.transact(stream, decide, command_id=f"c{number}")
        except HelenusError as error:
            if error.outcome is Outcome.MAY_HAVE_HAPPENED:
                outcomes.may_have(stream, number)
        else:
            outcomes.answered(stream, number, answer)


async def run(open_store: Open, seed: int) -> None:
    chance = random.Random(seed)
    history, outcomes = History(), Outcomes()
    async with open_store() as store:
        repositories, tasks, delayed = [], [], []
        for client in range(CLIENTS):
            late = FailLate()
            by_chance = ByChance(f"{seed}/{client}", probability=0.15, faults=faults(late))
            faulty = FaultyStore(store, choose=by_chance)
            delayed.append(late)
            clock = MockClock()
            settings = RepositorySettings(
                snapshot_events=chance.choice([0, 1, 7]),
                group_commands_max=chance.choice([1, 3, 100]),
                cache_streams_max=chance.choice([1, 100]),
                page_bytes=chance.choice([1, 500, 2**20]),
                command_window_max=10_000,
            )
            recording = RecordingStore(faulty, history)
            repository = AggregateRepository(recording, AGGREGATES, settings=settings, clock=clock)
            repositories.append(repository)
            tasks += [
                work(repository, clock, random.Random(f"{seed}/{client}/{n}"), outcomes, late)
                for n in range(4)
            ]
        await asyncio.wait_for(asyncio.gather(*tasks), 60)
        for repository in repositories:
            await repository.close()
        for late in delayed:
            await late.release()
        await judge(store, history, outcomes)


async def judge(store: EventStore, history: History, outcomes: Outcomes) -> None:
    final = {s: [c async for page in store.read(s) for c in page.commits] for s in STREAMS}
    assert violations(history, final) == []
    reader = AggregateRepository(store, AGGREGATES)
    for stream in STREAMS:
        sums: dict[int, int] = {}
        balance = 0
        async for recorded in reader.history(stream):
            event: Any = recorded.event
            if recorded.aggregate_id == "sum":
                balance += event.amount
                assert event.amount not in sums, f"Command {event.amount} took effect twice."
                sums[event.amount] = balance
        assert (await reader.load(stream)).get(Account, "sum").balance == balance
        for (of, number), answers in outcomes.answers.items():
            if of != stream:
                continue
            assert len(answers) <= 1, f"Command {number} was given different answers."
            if answers:
                assert answers == {sums.get(number)}, f"Command {number} was acknowledged."
            elif (of, number) not in outcomes.possible:
                assert number not in sums, f"Command {number} happened, and nobody was told."
        times = [commit.recorded_at_us for commit in final[stream]]
        assert times == sorted(times)
    assert sum(map(len, final.values())) > 50
    verdicts = Counter(seen.verdict for seen in history.appends)
    assert len(verdicts) == 4, f"Not everything was tried: {verdicts}"


@pytest.mark.parametrize("seed", SEEDS)
async def test_random_histories_on_the_memory_store_are_sound(seed: int) -> None:
    await run(MemoryStore, seed)


@pytest.mark.parametrize("seed", SEEDS[:4])
async def test_random_histories_on_the_sqlite_store_are_sound(seed: int, tmp_path: Path) -> None:
    await run(lambda: SqliteStore(tmp_path / "events.db"), seed)
