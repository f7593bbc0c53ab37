"""Playback sessions, as a device reports them afterwards: late, twice, out of order, contradictory.

What is kept of a session is when it began, whether it plays, and its latest news. So whatever order
the reports come in, and however often, a session is one play.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

import msgspec

SessionKind = Literal["start", "pause", "resume", "keep-alive", "stop"]
SessionState = Literal["playing", "paused", "stopped"]

SESSION_EVENTS_MAX = 200
"""Events in one report of a session."""

KEPT_ALIVE_EVERY = timedelta(minutes=15)
"""News that a session goes on as it did are recorded when they are this much later."""

# Of events at the same moment: what begins comes first, what ends last.
_ORDER: dict[SessionKind, int] = {
    "start": 0,
    "resume": 1,
    "keep-alive": 2,
    "pause": 3,
    "stop": 4,
}
_STATES: dict[SessionKind, SessionState] = {
    "start": "playing",
    "resume": "playing",
    "pause": "paused",
    "stop": "stopped",
}


class SessionEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What happened in a session.

    Attributes:
        kind: start, pause, resume, keep-alive or stop.
        at: when.
    """

    kind: SessionKind
    at: datetime


class Session(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A session as far as it is known.

    Attributes:
        started_at: as counted: of its earliest event in the first report that came.
        state: stopped for good once a stop was told, whenever that was.
        last_at: as counted: of its latest event.
    """

    started_at: datetime
    state: SessionState
    last_at: datetime

    def says_more_than(self, known: Session | None) -> bool:
        """Whether this is news worth recording."""
        return (
            known is None
            or self.state != known.state
            or self.last_at - known.last_at >= KEPT_ALIVE_EVERY
        )


def session_after(known: Session | None, events: Iterable[SessionEvent]) -> Session:
    """The session after a report.

    Args:
        known: as it was before; None: this is the first that is heard of it.
        events: of the report, at least one, with times as counted, in any order. Those older than
            the latest known one tell nothing new, but for a stop; after a stop nothing counts.
    """
    ordered = sorted(events, key=lambda event: (event.at, _ORDER[event.kind]))
    first = ordered[0]
    session = known or Session(first.at, "playing", first.at)
    for event in ordered:
        if session.state == "stopped":
            break
        session = _after(session, event)
    return session


def _after(session: Session, event: SessionEvent) -> Session:
    if event.kind == "stop":
        return Session(session.started_at, "stopped", max(session.last_at, event.at))
    if event.at < session.last_at:
        return session
    return Session(session.started_at, _STATES.get(event.kind, session.state), event.at)
