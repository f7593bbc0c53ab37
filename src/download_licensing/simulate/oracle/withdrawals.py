"""Withdrawals of titles: what a decision may have known of them, and what they end.

They lie on a stream of their own and hold for all customers, so a customer's stream alone does not
tell what a decision knew. What was acknowledged by every process before a request began was known
to it; what began after its answer had arrived was not. Between, either may be: then the judgement
is that nothing may speak against it on *some* of what may have been known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import inf
from typing import TypeAlias, TypeVar

import msgspec

from download_licensing.simulate.oracle.ledger import Ledger, LicenseKept

T = TypeVar("T")
Spans: TypeAlias = tuple[tuple[datetime, datetime | None], ...]
Withdrawn: TypeAlias = Mapping[str, Spans]
"""When each title was withdrawn, from its moment on and until it was reinstated; None: not yet."""

_FORGOTTEN_AFTER = timedelta(days=31)
"""A device need not say that something ended early that had ended anyway so long ago."""


class Known:
    """What a decision may have known; each judgement leaves what agrees with it.

    Args:
        candidates: from the least to the most that it may have known; at least one.
    """

    def __init__(self, candidates: Sequence[Withdrawn]) -> None:
        self._candidates = list(candidates)

    def copy(self) -> Known:
        """What may have been known by all judgements so far."""
        return Known(self._candidates)

    def judge(self, speaks_against: Callable[[Withdrawn], Iterable[T]]) -> list[T]:
        """What speaks against something, whatever was known; nothing: it is right."""
        found = [list(speaks_against(withdrawn)) for withdrawn in self._candidates]
        fitting = [one for one, against in zip(self._candidates, found, strict=True) if not against]
        if fitting:
            self._candidates = fitting
            return []
        return found[-1]


class Change(msgspec.Struct, frozen=True):
    """A title was withdrawn or reinstated.

    Attributes:
        began_ns: when it was first asked for.
        surely_ns: when every process had acknowledged it; infinite: not all did.
        withdrawn: the titles from then on.
    """

    began_ns: float
    surely_ns: float
    withdrawn: Withdrawn


class Titles:
    """The withdrawals of a run in their order.

    Args:
        changes: all that there were.
    """

    def __init__(self, changes: Sequence[Change] = ()) -> None:
        self._changes = list(changes)

    def known(self, began_ns: float = -inf, ended_ns: float = inf) -> Known:
        """What a request may have known that began and was answered then."""
        surely = [i for i, one in enumerate(self._changes, start=1) if one.surely_ns < began_ns]
        perhaps = [i for i, one in enumerate(self._changes, start=1) if one.began_ns <= ended_ns]
        least = max(surely, default=0)
        most = max([least, *perhaps])
        states: list[Withdrawn] = [{}, *(change.withdrawn for change in self._changes)]
        return Known(states[least : most + 1])


def seen(ledger: Ledger, withdrawn: Withdrawn, at: datetime) -> Ledger:
    """A customer as someone sees it at a time who knows of these withdrawals.

    What holds a withdrawn title has ended, whether the stream says so by now or not.
    """
    if not withdrawn:
        return ledger
    gone = frozenset(title for title, spans in withdrawn.items() if _within(spans, at))
    ends = {
        kept.license_id: end
        for kept in ledger.licenses.values()
        if (end := _end(kept, withdrawn.get(kept.title_id, ()), at)) is not None
    }
    if not ends:
        return replace(ledger, gone=gone)
    licenses = dict(ledger.licenses)
    for license_id, end in ends.items():
        kept = licenses[license_id]
        licenses[license_id] = replace(
            kept, expires_at=end, cut_reason="title-withdrawn", cut_noted=False
        )
    forgotten = {
        license_id
        for license_id in ends
        if (by_itself := ledger.licenses[license_id].ends_at()) is not None
        and by_itself <= at - _FORGOTTEN_AFTER
    }
    return replace(ledger, gone=gone, licenses=licenses, ended=ends, forgotten=forgotten)


def _within(spans: Spans, at: datetime) -> bool:
    return any(since <= at and (until is None or at < until) for since, until in spans)


def _end(kept: LicenseKept, spans: Spans, at: datetime) -> datetime | None:
    """When the withdrawals of its title ended a licence; None: they did not."""
    if kept.ended_at is not None:
        return None
    for since, until in spans:
        if since <= at and (until is None or kept.since < until):
            end, own = max(since, kept.since), kept.ends_at()
            if own is None or end < own:
                return end
    return None
