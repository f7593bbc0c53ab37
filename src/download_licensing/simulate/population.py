"""A population: members drawn from a seed, each with habits, a household and a taste of its own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from download_licensing.simulate.calls import Life
from download_licensing.simulate.household import Popularity, draw_habits
from download_licensing.simulate.member import Member
from download_licensing.simulate.operators import Operators
from download_licensing.simulate.oracle.terms import Terms

BEGINS_AT = datetime(2026, 1, 1, tzinfo=UTC)
_HOARDERS_EVERY = 50
"""One member of so many piles up downloads on a device."""


class PopulationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are, and for how long.

    Attributes:
        run: a name that customer ids begin with, so that two runs never share a customer.
        seed: of everything that is drawn.
        members: how many.
        actions_per_member: mean number of requests of one member.
        days: length of the simulated calendar; more than 365 lets yearly caps roll.
        zipf_exponent: how strongly a few titles are preferred; 0: not at all.
        withdrawals: titles that operators withdraw from all for some weeks.
        spared: titles that they do not.
        processes: of the service, each of which they tell.
    """

    run: str
    seed: int
    members: int
    actions_per_member: int
    days: int
    zipf_exponent: float
    withdrawals: int = 0
    spared: frozenset[str] = frozenset()
    processes: int = 1


class Population:
    """The members of a simulation.

    Args:
        settings: see `PopulationSettings`.
        terms: the plans and titles of the service.
    """

    def __init__(self, settings: PopulationSettings, terms: Terms) -> None:
        self._settings = settings
        self._terms = terms
        rng = random.Random(f"{settings.seed}/titles")
        self._popularity = Popularity(sorted(terms.titles), settings.zipf_exponent, rng)
        self.begins_at = BEGINS_AT
        self.ends_at = BEGINS_AT + timedelta(days=settings.days)

    def __len__(self) -> int:
        return self._settings.members

    def lives(self) -> Iterator[Life]:
        """The lives of all members, one after another; then the operators', if there is one."""
        yield from (self.member(index).live() for index in range(self._settings.members))
        if self._settings.withdrawals:
            yield self.operators().live()

    def operators(self) -> Operators:
        """Those who withdraw titles."""
        settings = self._settings
        return Operators(
            settings.run,
            random.Random(f"{settings.seed}/operators"),
            self._popularity,
            withdrawals=settings.withdrawals,
            spared=settings.spared,
            processes=settings.processes,
            begins_at=self.begins_at,
            ends_at=self.ends_at,
        )

    def member(self, index: int) -> Member:
        """Draw one member; the same index gives the same member."""
        settings = self._settings
        rng = random.Random(f"{settings.seed}/{index}")
        span = self.ends_at - self.begins_at
        habits = draw_habits(
            rng,
            self._terms,
            self._popularity,
            span,
            begins_at=self.begins_at,
            requests_mean=settings.actions_per_member,
            hoards=index % _HOARDERS_EVERY == _HOARDERS_EVERY - 1,
        )
        joins_s = rng.randint(0, int(span.total_seconds() / 20))
        return Member(
            f"{settings.run}-{index:06d}",
            rng=rng,
            habits=habits,
            terms=self._terms,
            popularity=self._popularity,
            begins_at=self.begins_at + timedelta(seconds=joins_s),
            ends_at=self.ends_at,
        )
