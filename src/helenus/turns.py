"""Turns: how several processes that all write one stream take it in turn.

Whoever has just appended knows the head, and can append again before anybody else has read it: left
alone, one process goes on winning and the others starve, or meet conflicts that slow down all. So

* a process that has appended to a stream so many times in a row stands back for a while. Where it
  then finds that another has had the stream, it leaves it to that one;
* a process that met a conflict tries again soon, once: most often that is all. After that it waits
  for about two turns, and the more often that was in vain, the less: whoever has waited longest
  comes next, and the one whose turn it is is seldom disturbed. An attempt in vain costs the stream
  about what two appends cost.

All lengths are counted in appends to the stream, whose duration is measured: they suit a store in
the process as well as one behind a network.
"""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Callable

APPENDS_ALONE = 64
REST_ALONE = 4.0
"""A turn where no other writer was met lately, and the rest after it: it costs 6 % of a stream."""

APPENDS_SHARED = 32
REST_SHARED = 16.0
"""A turn where another writer was met, and the rest after it, in durations of an append."""

RESTS_UNUSED_MAX = 4
"""After so many rests in which nobody else appended, a process takes itself to be alone again."""

WAIT_ONCE = 2.0
"""The wait after a conflict, at most, in durations of an append."""

WAIT_FIRST = 64.0
WAITS_SHORTER = 8
"""The wait, at most, after the next one. It gets shorter with each, but not below the eighth part:
many who wait must not crowd out the one who appends."""

APPEND_MAX_S = 0.02
"""An append that took longer counts as this: a node that was away must not stretch the waits."""

REST_MIN_S = 0.001
"""A shorter rest is none: no timer is so fine, and no other process either."""

STREAMS_MAX = 10_000
# Of the newest duration in the moving mean. The first ones are longer: a connection is cold.
_WEIGHT_LONGER, _WEIGHT_SHORTER = 0.1, 0.3


class _Turn:
    """What is known of one stream.

    Attributes:
        append_s: how long an append takes, in seconds: a moving mean.
        ended: when the last append ended.
        appends: of this turn.
        rested: there was time for others to append since the last append.
        stood_back: that time was taken although commands waited.
        meetings: with other writers, in a row.
        unused: rests in a row in which nobody else appended.
    """

    __slots__ = ("append_s", "appends", "ended", "meetings", "rested", "stood_back", "unused")

    def __init__(self) -> None:
        self.append_s = 0.0
        self.ended = 0.0
        self.appends = 0
        self.rested = False
        self.stood_back = False
        self.meetings = 0
        self.unused = RESTS_UNUSED_MAX

    @property
    def shared(self) -> bool:
        """Whether another writer was met lately."""
        return self.unused < RESTS_UNUSED_MAX

    def meet(self) -> None:
        """Another writer has the stream."""
        self.appends = self.unused = 0
        self.rested = self.stood_back = False
        self.meetings += 1


class Turns:
    """The turns of one process on the streams it appends to, as far as they are remembered.

    Args:
        wait_s: the wait after a conflict is at most as long, where an append takes no time.
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
        idle_s = self._time() - turn.ended
        rest_s = turn.append_s * (REST_SHARED if turn.shared else REST_ALONE)
        if turn.appends < (APPENDS_SHARED if turn.shared else APPENDS_ALONE) and idle_s < rest_s:
            turn.rested = idle_s > turn.append_s * REST_ALONE
            return 0.0
        left_s = rest_s * random.uniform(0.75, 1.25) - idle_s  # jitter, not a secret
        turn.stood_back = idle_s < rest_s and left_s >= REST_MIN_S
        turn.rested = True
        turn.appends = 0
        return left_s if turn.stood_back else 0.0

    def passed_on(self, stream: str) -> bool:
        """Whether others have had the stream since, in all likelihood: the head is to be read."""
        turn = self._turns.get(stream)
        return turn is not None and turn.rested and turn.shared

    def gives_way(self, stream: str) -> bool:
        """Commits of others were read. Whether it is their turn: then to wait before an append."""
        turn = self._turns.get(stream)
        if turn is None:
            return False
        if turn.stood_back:
            turn.meet()
            turn.meetings = max(turn.meetings, 2)
            return True
        if turn.rested:
            turn.appends = turn.unused = 0
        return False

    def won(self, stream: str, began: float) -> None:
        """An append succeeded that began at this time."""
        turn = self._of(stream, began)
        if turn.rested:
            turn.unused += 1
        turn.rested = turn.stood_back = False
        turn.meetings = 0
        turn.appends += 1

    def lost(self, stream: str, began: float) -> None:
        """An append that began at this time met another writer's."""
        self._of(stream, began).meet()

    def wait_s(self, stream: str) -> float:
        """How long to wait after another writer was met, in seconds."""
        longest = self._wait_s
        turn = self._turns.get(stream)
        if turn is not None:
            wait = WAIT_ONCE
            if turn.meetings > 1:
                wait = WAIT_FIRST / min(turn.meetings - 1, WAITS_SHORTER)
            longest = max(longest, turn.append_s * wait)
        return longest * random.uniform(0.5, 1)  # jitter, not a secret

    def _of(self, stream: str, began: float) -> _Turn:
        now = self._time()
        took_s = min(now - began, APPEND_MAX_S)
        turn = self._turns.get(stream)
        if turn is None:
            turn = self._turns[stream] = _Turn()
            turn.append_s = took_s
            if len(self._turns) > STREAMS_MAX:
                self._turns.popitem(last=False)
        else:
            self._turns.move_to_end(stream)
            weight = _WEIGHT_LONGER if took_s > turn.append_s else _WEIGHT_SHORTER
            turn.append_s += weight * (took_s - turn.append_s)
        turn.ended = now
        return turn
