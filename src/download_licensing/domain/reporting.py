"""What a report of a device records: a first play, or news of a playback session.

A report tells what happened already, so nothing refuses it. What it says about time is held between
the moments that it can have happened at.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from download_licensing.domain.device import Device
from download_licensing.domain.downloaded_title import DownloadedTitle
from download_licensing.domain.license import License
from download_licensing.domain.sessions import Session, SessionEvent, session_after
from download_licensing.domain.situation import Aggregates
from download_licensing.domain.times import counted_time

IN_STEP = timedelta(0)
"""The clock of a device that did not tell its time."""


def report_first_play(
    aggregates: Aggregates, license: License, told: datetime, *, at: datetime, ahead: timedelta
) -> None:
    """Start the playback window, and count the play, unless that was done or the licence ended.

    Args:
        aggregates: of the customer, in a unit of work.
        license: issued.
        told: when it was played, by the clock of the device.
        at: the time of the report.
        ahead: by how much the clock of the device is ahead of ours.
    """
    if license.ended_at is None and license.first_played_at is None:
        played_at = _played_at(license, told, at=at, ahead=ahead)
        title = aggregates.get(DownloadedTitle, license.title_id)
        title.count_play(license.id, "", played_at, at)
        _start_window(aggregates, license, played_at, told, at)


def report_session(
    aggregates: Aggregates,
    license: License,
    session_id: str,
    events: Sequence[SessionEvent],
    *,
    at: datetime,
    ahead: timedelta,
) -> Session | None:
    """Take in news of a session. The first news count a play, and start the playback window.

    A session of a licence that was released or revoked counts too: it was played before that.

    Args:
        aggregates: of the customer, in a unit of work.
        license: issued.
        session_id: the device's; what is told of it in several reports is one session.
        events: at least one, with times by the clock of the device.
        at: the time of the report.
        ahead: by how much the clock of the device is ahead of ours.

    Returns:
        What is known of it now; None: it is so old that it may be one of those forgotten, so
        nothing was taken in.
    """
    assert license.issued_at is not None
    latest = min(at, license.ended_at or at)
    counted = [
        SessionEvent(
            kind=event.kind,
            at=counted_time(event.at, earliest=license.issued_at, latest=latest, ahead=ahead),
        )
        for event in events
    ]
    known = license.sessions.get(session_id)
    session = session_after(known, counted)
    if known is None and license.forgot(session.started_at):
        return None
    if not session.says_more_than(known):
        return known
    told = min(event.at for event in events)
    license.report_session(session_id, session, told, at)
    if known is None:
        title = aggregates.get(DownloadedTitle, license.title_id)
        title.count_play(license.id, session_id, session.started_at, at)
        if license.ended_at is None and license.first_played_at is None:
            played_at = _played_at(license, told, at=at, ahead=ahead)
            _start_window(aggregates, license, played_at, told, at)
    return session


def _played_at(license: License, told: datetime, *, at: datetime, ahead: timedelta) -> datetime:
    """When a first play counts: not before the licence was issued or last renewed."""
    assert license.extended_at is not None
    return counted_time(told, earliest=license.extended_at, latest=at, ahead=ahead)


def _start_window(
    aggregates: Aggregates, license: License, played_at: datetime, told: datetime, at: datetime
) -> None:
    expires_at = license.effective_expires_at
    license.play(played_at, told, at)
    if license.effective_expires_at != expires_at:
        device = aggregates.get(Device, license.device_id)
        device.shorten(license.id, license.effective_expires_at, at)
