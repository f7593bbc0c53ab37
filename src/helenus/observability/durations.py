"""How long operations took: counts by duration, from which a histogram is shown."""

from __future__ import annotations

from bisect import bisect_left

import msgspec

BOUNDS_S = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    *(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""Upper bounds, in seconds: a call that took just so long is below its bound."""


class Durations(msgspec.Struct, frozen=True):
    """Calls by how long they took.

    Attributes:
        counts: calls up to each of `BOUNDS_S` and above the one before; last, those above all.
        seconds: time they took together.
    """

    counts: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    seconds: float = 0.0

    def cumulative(self) -> list[tuple[str, int]]:
        """The upper bounds as Prometheus writes them, with the calls up to each."""
        total, shown = 0, []
        for bound, count in zip((*BOUNDS_S, float("inf")), self.counts, strict=True):
            total += count
            shown.append(("+Inf" if bound == float("inf") else repr(bound), total))
        return shown


class DurationTally:
    """Adds them up."""

    __slots__ = ("_counts", "seconds")

    def __init__(self) -> None:
        self._counts = [0] * (len(BOUNDS_S) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        """Count a call."""
        self._counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.seconds += seconds

    def taken(self) -> Durations:
        """All that was added so far."""
        return Durations(tuple(self._counts), self.seconds)
