"""Real-time order: on which states may a request have been decided?

A command that was acknowledged before a request began is on every state that the request may have
met; one that began after the request's answer had arrived is on none. What lies between may have
been, or not.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import accumulate

from download_licensing.simulate.oracle.journal import Entry
from download_licensing.simulate.oracle.records import Deed


class RealTimeOrder:
    """The order in time of the deeds of one stream that the journal knows of.

    Args:
        deeds: of the stream, in order.
        asked: the requests under each key, of the command that the key was first used for.
    """

    def __init__(self, deeds: Sequence[Deed], asked: Mapping[str, Sequence[Entry]]) -> None:
        known = [(deed, asked[deed.command_id]) for deed in deeds if deed.command_id in asked]
        acknowledged = sorted(
            (ended_ns, deed.last)
            for deed, entries in known
            if (ended_ns := acknowledged_ns(entries)) is not None
        )
        began = sorted((began_ns(entries), deed.first) for deed, entries in known)
        self._head = deeds[-1].last if deeds else 0
        self._ended_ns = [at_ns for at_ns, _ in acknowledged]
        self._surely = list(accumulate((last for _, last in acknowledged), max))
        self._began_ns = [at_ns for at_ns, _ in began]
        self._not_yet = list(accumulate((first for _, first in reversed(began)), min))[::-1]

    def earliest(self, began: int) -> int:
        """The lowest position that a request which began then (in nanoseconds) may have met."""
        index = bisect_left(self._ended_ns, began)
        return self._surely[index - 1] if index else 0

    def latest(self, ended: int) -> int:
        """The highest position that a request answered then (in nanoseconds) may have met."""
        index = bisect_right(self._began_ns, ended)
        return self._not_yet[index] - 1 if index < len(self._not_yet) else self._head


def began_ns(entries: Sequence[Entry]) -> int:
    """When the command was first sent."""
    return min(entry.began_ns for entry in entries)


def acknowledged_ns(entries: Sequence[Entry]) -> int | None:
    """When the command had surely taken effect; None: nobody was told.

    A grant or renewal is acknowledged by its effect only, so the first answer tells. A play or
    release is acknowledged without effect too where there is nothing to do: then only the last
    answer tells.
    """
    ended = [entry.ended_ns for entry in entries if 200 <= entry.status < 300]
    if not ended:
        return None
    return min(ended) if entries[0].call in {"request", "renew"} else max(ended)
