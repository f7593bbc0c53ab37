"""Operators who withdraw titles from all members in the middle of the year, and reinstate them."""

from __future__ import annotations

import random
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from download_licensing.simulate.agenda import Agenda, Intent
from download_licensing.simulate.calls import Call, Life, Step
from download_licensing.simulate.household import Popularity

Kind = Literal["withdraw", "reinstate"]

_REASONS = ("a studio's claim", "the licence ended early", "a court order")
_AGAIN_ODDS = 0.5
_DAYS_MAX = 45
_DRAWS_MAX = 1_000


class Operators:
    """Those who run the service.

    Every process is told of a withdrawal, at the same instant and under the same key: what all of
    them have acknowledged is known to each.

    Args:
        run: their keys begin with it.
        rng: draws which titles, when and for how long.
        popularity: titles that are liked are withdrawn rather than others.
        withdrawals: how many titles, at most half of those there are.
        spared: titles that are let alone.
        processes: of the service.
        begins_at: when the simulation begins.
        ends_at: when it ends; by then all are reinstated.
    """

    def __init__(
        self,
        run: str,
        rng: random.Random,
        popularity: Popularity,
        *,
        withdrawals: int,
        spared: Collection[str],
        processes: int,
        begins_at: datetime,
        ends_at: datetime,
    ) -> None:
        self._run = run
        self._rng = rng
        self._processes = processes
        self._agenda = Agenda(ends_at)
        self._told = 0
        titles = self._draw(popularity, withdrawals, spared)
        share = (ends_at - begins_at) / max(1, len(titles))
        for place, title_id in enumerate(titles):
            at = begins_at + share * (place + rng.uniform(0.1, 0.5))
            days = timedelta(days=rng.uniform(2, _DAYS_MAX))
            until = min(at + days, ends_at - timedelta(hours=1))
            self._agenda.add(at.replace(microsecond=0), self._withdrawing(title_id))
            self._agenda.add(until.replace(microsecond=0), self._reinstating(title_id))

    def live(self) -> Life:
        """All that they do, in the order of the calendar."""
        while due := self._agenda.next():
            at, intent = due
            yield from intent(at)

    def _draw(self, popularity: Popularity, number: int, spared: Collection[str]) -> list[str]:
        most = min(number, len(popularity.title_ids) // 2)
        drawn: list[str] = []
        for _ in range(_DRAWS_MAX if most else 0):
            title_id = popularity.pick(self._rng)
            if title_id not in spared and title_id not in drawn:
                drawn.append(title_id)
            if len(drawn) == most:
                break
        return drawn

    def _withdrawing(self, title_id: str) -> Intent:
        """Withdraw it; now and then another one does so too, for another reason."""

        def intent(at: datetime) -> Life:
            reason = self._rng.choice(_REASONS)
            yield self._step(at, kind="withdraw", title_id=title_id, reason=reason)
            if self._rng.random() < _AGAIN_ODDS:
                yield self._step(at, kind="withdraw", title_id=title_id, reason="as was asked")

        return intent

    def _reinstating(self, title_id: str) -> Intent:
        def intent(at: datetime) -> Life:
            for _ in range(2 if self._rng.random() < _AGAIN_ODDS else 1):
                yield self._step(at, kind="reinstate", title_id=title_id)

        return intent

    def _step(self, at: datetime, *, kind: Kind, title_id: str, reason: str = "") -> Step:
        """The same to each process at once."""
        self._told += 1
        key = f"{self._run}-operator-{self._told}"
        call = Call(
            kind=kind,
            customer_id="",
            at=at,
            key=key,
            title_id=title_id,
            reason=reason,
        )
        return Step(at, tuple([_to(call, process) for process in range(self._processes)]))


def _to(call: Call, process: int) -> Call:
    return msgspec.structs.replace(call, process=process, repeats=process > 0)
