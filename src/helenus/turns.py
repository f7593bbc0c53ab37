"""Turns: how several processes that all write one stream take it in turn.

Whoever has just appended knows the head, and can append again before anybody else has read it: left
alone, one process goes on winning and the others starve, or meet conflicts that slow down all. So a
process that has appended to a stream so many times in a row stands back for about as long as
another needs to read the head and to append; and one that met a conflict waits longer than a rest
before it tries again, so that it disturbs the one whose turn it is little.

All lengths are counted in appends to the stream, whose duration is measured: they suit a store in
the process as well as one behind a network.
"""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Callable

APPENDS_ALONE = 64
"""Appends in a row where no other writer was met. A rest that nobody used costs 6 % of them."""

APPENDS_SHARED = 16
"""Appends in a row after another writer was met. It doubles with each rest without a conflict."""

REST_ALONE = 4.0
REST_SHARED = 8.0
WAIT_MAX = 8.0
"""Rests and, at most, the wait of a process that met a conflict; in durations of an append."""

REST_MIN_S = 0.001
"""A shorter rest is none: no timer is so fine, and no other process either."""

STREAMS_MAX = 10_000
_WEIGHT = 0.1  # of the newest duration in the moving mean


class _Turn:
    __slots__ = ("allowed", "append_s", "appends", "ended", "rested", "shared")

    def __init__(self) -> None:
        self.ended = 0.0
        self.appends = 0
        self.allowed = APPENDS_ALONE
        self.append_s = 0.0
        self.rested = False
        self.shared = False


class Turns:
    """The turns of one process on the streams it appends to, as far as they are remembered.

    Args:
        wait_s: the wait after a conflict is chosen below this, or below `WAIT_MAX` appends if that
            is longer.
        time: tells the time, in seconds; it never goes backwards.
    """

    def __init__(self, wait_s: float, time: Callable[[], float] = time.monotonic) -> None:
        self._wait_s = wait_s
        self._time = time
        self._turns: OrderedDict[str, _Turn] = OrderedDict()

    def rest_s(self, stream: str) -> float:
        """How long to stand back before the next append, in seconds; 0 while the turn lasts.

        A time without appends is a rest, too.
        """
        turn = self._turns.get(stream)
        if turn is None:
            return 0.0
        rest_s = turn.append_s * (REST_SHARED if turn.shared else REST_ALONE)
        idle_s = self._time() - turn.ended
        if turn.appends < turn.allowed and idle_s < rest_s:
            return 0.0
        turn.appends = 0
        turn.rested = True
        left_s = rest_s * random.uniform(0.75, 1.25) - idle_s  # jitter, not a secret
        return left_s if left_s >= REST_MIN_S else 0.0

    def passed_on(self, stream: str) -> bool:
        """Whether others have had the stream since, in all likelihood: the head is to be read."""
        turn = self._turns.get(stream)
        return turn is not None and turn.rested and turn.shared

    def won(self, stream: str, began: float) -> None:
        """An append succeeded that began at this time."""
        turn = self._of(stream, began)
        if turn.rested and turn.appends == 0:
            # No conflict since the rest. Where the head was read first, others may have had it.
            turn.allowed = min(turn.allowed * 2, APPENDS_ALONE)
            turn.shared = turn.allowed < APPENDS_ALONE
        turn.rested = False
        turn.appends += 1

    def lost(self, stream: str, began: float) -> None:
        """An append that began at this time met another writer's."""
        turn = self._of(stream, began)
        turn.appends = 0
        turn.allowed = APPENDS_SHARED
        turn.rested = False
        turn.shared = True

    def wait_s(self, stream: str) -> float:
        """How long to wait after a conflict, in seconds."""
        turn = self._turns.get(stream)
        longest = max(self._wait_s, WAIT_MAX * turn.append_s if turn is not None else 0.0)
        return random.uniform(0, longest)  # jitter, not a secret

    def _of(self, stream: str, began: float) -> _Turn:
        now = self._time()
        turn = self._turns.get(stream)
        if turn is None:
            turn = self._turns[stream] = _Turn()
            turn.append_s = now - began
            if len(self._turns) > STREAMS_MAX:
                self._turns.popitem(last=False)
        else:
            self._turns.move_to_end(stream)
            turn.append_s += _WEIGHT * (now - began - turn.append_s)
        turn.ended = now
        return turn
