"""What devices report of plays, sessions and releases: late, twice, out of order, clocks wrong."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from download_licensing.simulate.agenda import Agenda, Intent
from download_licensing.simulate.calls import Call, Life
from download_licensing.simulate.household import Device, Download, Report
from download_licensing.simulate.oracle.journal import Item
from download_licensing.simulate.speech import Speech, repeated

_TWICE_ODDS = 0.15
_REPLAY_ODDS = 0.3
_SESSION_ODDS = 0.6
_SYNC_ODDS = 0.5
_RENEWED_WITH_IT_ODDS = 0.5
_AT_ONCE_MAX = 4


class Reporting:
    """Reports what happened on a member's devices.

    Args:
        rng: draws what goes wrong on the way.
        agenda: takes what comes later.
        speech: sends the reports.
    """

    def __init__(self, rng: random.Random, agenda: Agenda, speech: Speech) -> None:
        self._rng = rng
        self._agenda = agenda
        self._speech = speech
        self._sessions = 0

    def playing(self, download: Download) -> Intent:
        """Play a download, and perhaps again."""

        def intent(at: datetime) -> Life:
            if self._rng.random() < _REPLAY_ODDS:
                hours = self._rng.choice((1, 20, 90))
                self._agenda.add(at + timedelta(hours=hours), intent)
            if self._rng.random() < _SESSION_ODDS:
                yield from self._report(at, download, self._session(at, download))
            else:
                yield from self._happened(at, "play", download)

        return intent

    def deleting(self, download: Download) -> Intent:
        """Delete a download."""

        def intent(at: datetime) -> Life:
            yield from self._happened(at, "release", download)

        return intent

    def coming_back(self, device: Device) -> Intent:
        """A device is online again and reports: shuffled, some twice, several at once."""

        def intent(at: datetime) -> Life:
            device.online = True
            pending, device.pending = device.pending, []
            self._rng.shuffle(pending)
            if pending and self._rng.random() < _SYNC_ODDS:
                yield from self._syncing(at, device, pending)
                return
            calls = [self._call(at, report) for report in pending]
            calls += [self._repeated(call) for call in calls if self._rng.random() < _TWICE_ODDS]
            while calls:
                number = self._rng.randint(1, _AT_ONCE_MAX)
                yield from self._speech.say_at_once(calls[:number])
                calls = calls[number:]

        return intent

    def _syncing(self, at: datetime, device: Device, pending: list[Report]) -> Life:
        """All at once, with renewals; perhaps again, in part or under another key."""
        items = [
            Item(
                kind=report.kind,
                item_id=f"item-{number}",
                license_id=report.license_id,
                device_time=report.device_time,
                session_id=report.session_id,
                events=report.events,
            )
            for number, report in enumerate(pending)
        ]
        for license_id in sorted({report.license_id for report in pending}):
            if self._rng.random() < _RENEWED_WITH_IT_ODDS:
                self._sessions += 1
                item_id = f"renewal-{self._sessions}"
                items.append(Item(kind="renew", item_id=item_id, license_id=license_id))
        for told in (items, items[self._rng.randint(0, len(items)) :]):
            if told:
                call = self._speech.call(
                    at, kind="sync", device_id=device.device_id, items=tuple(told)
                )
                yield from self._speech.say(call)
            if self._rng.random() > _TWICE_ODDS:
                return

    def _happened(self, at: datetime, kind: Literal["play", "release"], download: Download) -> Life:
        told = Report(kind, download.license_id, at + download.device.skew)
        yield from self._report(at, download, told)

    def _session(self, at: datetime, download: Download) -> Report:
        """An evening's session that has just ended, or goes on; its events in any order."""
        self._sessions += 1
        moment = at - timedelta(minutes=self._rng.randint(5, 180)) + download.device.skew
        events = [("start", moment)]
        for _ in range(self._rng.randint(0, 3)):
            moment += timedelta(minutes=self._rng.randint(1, 40))
            events.append((self._rng.choice(("pause", "resume", "keep-alive", "stop")), moment))
        self._rng.shuffle(events)
        session_id = f"session-{self._sessions}"
        return Report("session", download.license_id, session_id=session_id, events=tuple(events))

    def _report(self, at: datetime, download: Download, report: Report) -> Life:
        """Tell it, or keep it for later; of a session now and then one part before the whole."""
        told = [report]
        if len(report.events) > 1 and self._rng.random() < _TWICE_ODDS:
            told.insert(self._rng.randint(0, 1), replace(report, events=report.events[:1]))
        if not download.device.online:
            download.device.pending.extend(told)
            return
        for part in told:
            call = self._call(at, part)
            yield from self._speech.say(call)
            if self._rng.random() < _TWICE_ODDS:
                yield from self._speech.say(self._repeated(call))

    def _call(self, at: datetime, report: Report) -> Call:
        return self._speech.call(
            at,
            kind=report.kind,
            license_id=report.license_id,
            device_time=report.device_time,
            session_id=report.session_id,
            events=report.events,
        )

    def _repeated(self, call: Call) -> Call:
        """The same report again: under its key, or under a new one by a device that forgot."""
        if self._rng.random() < 0.5:
            return repeated(call)
        return self._speech.call(
            call.at,
            kind=call.kind,
            license_id=call.license_id,
            device_time=call.device_time,
            session_id=call.session_id,
            events=call.events,
        )
