"""Reports: what a device tells afterwards, late, twice and out of order."""

from __future__ import annotations

from datetime import datetime, timedelta

from download_licensing.domain.reporting import IN_STEP, report_first_play, report_session
from download_licensing.domain.sessions import SessionEvent
from download_licensing.domain.times import utc
from download_licensing.service import answers, present
from download_licensing.service.base import Licensing
from download_licensing.service.commands import ReportFirstPlay, ReportSession
from helenus.service import CommandContext, handles
from helenus.unit_of_work import UnitOfWork


class Reports(Licensing):
    """The commands that tell what happened already; no rule refuses them."""

    @handles
    def report_first_play(
        self, unit: UnitOfWork, command: ReportFirstPlay, context: CommandContext
    ) -> answers.License:
        """Start the playback window with the first report that arrives; others change nothing.

        A report that names its session is one of that session's start.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        at = utc(context.at, "at")
        license = self._asked_about(unit, command, at)
        told = utc(command.played_at, "played_at")
        ahead = ahead_of(at, command.sent_at)
        if command.session_id is None:
            report_first_play(unit, license, told, at=at, ahead=ahead)
        else:
            start = [SessionEvent(kind="start", at=told)]
            report_session(unit, license, command.session_id, start, at=at, ahead=ahead)
        return present.license(command.customer_id, license, at)

    @handles
    def report_session(
        self, unit: UnitOfWork, command: ReportSession, context: CommandContext
    ) -> answers.SessionReported:
        """Take in what happened in a session. In whatever order and how often it is told.

        Raises:
            LicenseNotFound: the customer has no such licence.
        """
        at = utc(context.at, "at")
        license = self._asked_about(unit, command, at)
        events = [
            SessionEvent(kind=event.kind, at=utc(event.at, f"events[{place}].at"))
            for place, event in enumerate(command.events)
        ]
        before = license.sessions.get(command.session_id)
        session = report_session(
            unit,
            license,
            command.session_id,
            events,
            at=at,
            ahead=ahead_of(at, command.sent_at),
        )
        return answers.SessionReported(
            license=present.license(command.customer_id, license, at),
            session=present.session(command.session_id, session),
            news=session not in {None, before},
        )


def ahead_of(at: datetime, sent_at: datetime | None) -> timedelta:
    """By how much the clock of a device is ahead of ours.

    Args:
        at: the time of the report.
        sent_at: the same by the clock of the device; None: not told.
    """
    return IN_STEP if sent_at is None else utc(sent_at, "sent_at") - at
