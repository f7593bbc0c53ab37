"""Lets a population live: the earliest step of all members goes first, a bounded number at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

from download_licensing.simulate.calls import Answer, Life, Step
from download_licensing.simulate.exchange import Exchange, Sleep
from download_licensing.simulate.journal import Recorder
from download_licensing.simulate.population import Population
from download_licensing.simulate.report import Report
from download_licensing.simulate.transport import Transport

_FIRST = datetime.min.replace(tzinfo=UTC)
_TICK_S = 0.2

Due = tuple[datetime, int, Life | None, Step]
Watch = Callable[[datetime, Report], None]


class Driver:
    """Drives one simulation.

    Args:
        population: who lives.
        transport: carries their calls.
        journal: takes a line for every call.
        report: is filled.
        connections: steps, and requests, carried out at once.
        patience_s: how long an unanswered request is repeated.
        duration_max_s: after which no new step is begun.
        watch: told now and then how far the calendar is.
        sleep: waits before an unanswered request is repeated.
    """

    def __init__(
        self,
        population: Population,
        transport: Transport,
        journal: Recorder,
        report: Report,
        *,
        connections: int,
        patience_s: float,
        duration_max_s: float,
        watch: Watch | None = None,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._population = population
        self._journal = journal
        self._report = report
        self._workers = connections
        self._duration_max_s = duration_max_s
        self._watch = watch
        self._exchange = Exchange(
            transport,
            journal,
            report,
            self,
            connections=connections,
            patience_s=patience_s,
            sleep=sleep,
        )
        self._due: asyncio.PriorityQueue[Due] = asyncio.PriorityQueue()
        self._alive = 0
        self._now = population.begins_at
        self._ending = False

    @property
    def halted(self) -> bool:
        """Whether no new step is to be begun."""
        return self._ending

    def halt(self, reason: str) -> None:
        """Begin no new step; those under way are finished. The first reason stays."""
        if not self._ending:
            self._report.stopped = reason
            self._end()

    async def run(self) -> None:
        """Live until the calendar ends, or until halted."""
        started = time.perf_counter()
        for index, life in enumerate(self._population.lives()):
            self._go_on(index, life, None)
        if not self._alive:
            self._end()
        ticking = asyncio.ensure_future(self._tick(started))
        try:
            await asyncio.gather(*(self._work() for _ in range(self._workers)))
        finally:
            ticking.cancel()
            self._report.duration_s = time.perf_counter() - started
            self._tell()

    async def _work(self) -> None:
        while True:
            at, index, life, step = await self._due.get()
            if life is None:
                return
            self._now = max(self._now, at)
            answers = await self._perform(step)
            self._go_on(index, life, answers)

    async def _perform(self, step: Step) -> list[Answer]:
        ask = self._exchange.ask
        if len(step.calls) == 1:
            return [await ask(step.calls[0])]
        return await asyncio.gather(*(ask(call) for call in step.calls))

    def _go_on(self, index: int, life: Life, answers: list[Answer] | None) -> None:
        """Give a member the answers, and put its next step in line."""
        try:
            step = next(life) if answers is None else life.send(answers)
        except StopIteration:
            self._alive -= answers is not None
            if not self._alive and answers is not None:
                self._end()
            return
        self._alive += answers is None
        self._due.put_nowait((step.at, index, life, step))

    def _end(self) -> None:
        """Send the workers home, before any step that is due."""
        if not self._ending:
            self._ending = True
            for number in range(self._workers):
                self._due.put_nowait((_FIRST, -1 - number, None, Step(_FIRST, ())))

    async def _tick(self, started: float) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            self._journal.flush()
            self._report.duration_s = time.perf_counter() - started
            self._tell()
            if self._report.duration_s > self._duration_max_s:
                self.halt(f"the longest duration, {self._duration_max_s:g} s, was reached")

    def _tell(self) -> None:
        if self._watch is not None:
            self._watch(self._now, self._report)
