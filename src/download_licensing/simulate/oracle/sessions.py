"""Playback sessions: what a report must make of what was known before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from download_licensing.simulate.oracle.ledger import LicenseKept
from download_licensing.simulate.oracle.records import SessionReported, SessionState

_NEWS_AFTER = timedelta(minutes=15)
_STATES: dict[str, SessionState] = {"start": "playing", "resume": "playing", "pause": "paused"}
_RANKS = {"start": 0, "resume": 1, "keep-alive": 2, "pause": 3, "stop": 4}


def between(told: datetime, earliest: datetime, latest: datetime) -> datetime:
    """When something counts as having happened that a device tells of."""
    return min(max(told, earliest), latest)


def session_expected(
    kept: LicenseKept, session_id: str, told: Sequence[tuple[str, datetime]], at: datetime
) -> SessionReported | None:
    """What a report has to record; None: it tells nothing that is worth it."""
    latest = min(at, kept.ended_at or at)
    events = [(kind, between(moment, kept.issued_at, latest)) for kind, moment in told]
    known = kept.sessions.get(session_id)
    if known is not None and known.state == "stopped":
        return None
    started_at = known.started_at if known else min(moment for _, moment in events)
    last_at = known.last_at if known else started_at
    state: SessionState = known.state if known else "playing"
    stops = [moment for kind, moment in events if kind == "stop"]
    if stops:
        state, last_at = "stopped", max(last_at, min(stops))
    else:
        news = sorted((m, _RANKS[kind], kind) for kind, m in events if m >= last_at)
        states = [_STATES[kind] for _, _, kind in news if kind in _STATES]
        state = states[-1] if states else state
        last_at = max([last_at, *(moment for moment, _, _ in news)])
    if known and state == known.state and last_at - known.last_at < _NEWS_AFTER:
        return None
    reported = min(moment for _, moment in told)
    return SessionReported(session_id, started_at, state, last_at, reported, at)
