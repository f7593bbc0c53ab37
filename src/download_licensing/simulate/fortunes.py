"""What befalls an account from outside: billing, operators, and the customer's own moves."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from download_licensing.simulate.agenda import Agenda, Intent
from download_licensing.simulate.calls import Life
from download_licensing.simulate.household import REGIONS, Download
from download_licensing.simulate.speech import Speech

_TWICE_ODDS = 0.2
_REASONS = ("misuse", "a court order", "shared with the whole street")


class Fortunes:
    """Draws what befalls a member's account.

    Args:
        rng: draws it.
        agenda: takes what comes later.
        speech: says it to the service.
        plans: that there are.
        downloads: the member's, as they grow; some are revoked.
    """

    def __init__(
        self,
        rng: random.Random,
        agenda: Agenda,
        speech: Speech,
        *,
        plans: Iterable[str],
        downloads: Mapping[str, Download],
    ) -> None:
        self._rng = rng
        self._agenda = agenda
        self._speech = speech
        self._plans = sorted(plans)
        self._downloads = downloads

    def draw(self, number: int, begins_at: datetime, ends_at: datetime) -> None:
        """Plan so many troubles, at any time between."""
        for _ in range(number):
            at = begins_at + self._rng.random() * (ends_at - begins_at)
            troubles = (self._unpaid, self._blocked, self._moved, self._revoked, self._replanned)
            self._agenda.add(at.replace(microsecond=0), self._rng.choice(troubles))

    def _unpaid(self, at: datetime) -> Life:
        """A bill is not paid, or the customer cancels, and comes back after a while."""
        standing = self._rng.choice(("past-due", "cancelled"))
        yield from self._told(at, kind="standing", standing=standing)
        self._agenda.add(self._later(at), self._telling(kind="standing", standing="good"))

    def _replanned(self, at: datetime) -> Life:
        """Another plan, which may be too small for the devices in use."""
        yield from self._told(at, kind="plan", plan=self._rng.choice(self._plans))

    def _blocked(self, at: datetime) -> Life:
        yield from self._told(at, kind="block", reason=self._rng.choice(_REASONS))
        self._agenda.add(self._later(at), self._telling(kind="unblock"))

    def _moved(self, at: datetime) -> Life:
        country, time_zone = self._rng.choice(REGIONS[1:])
        yield from self._told(at, kind="region", country=country, time_zone=time_zone)

    def _revoked(self, at: datetime) -> Life:
        if self._downloads:
            license_id = self._rng.choice(list(self._downloads))
            reason = self._rng.choice(_REASONS)
            yield from self._told(at, kind="revoke", license_id=license_id, reason=reason)

    def _telling(self, **what: object) -> Intent:
        def intent(at: datetime) -> Life:
            yield from self._told(at, **what)

        return intent

    def _told(self, at: datetime, **what: object) -> Life:
        """Said once, or twice under different keys: the other side forgot."""
        for _ in range(2 if self._rng.random() < _TWICE_ODDS else 1):
            yield from self._speech.say(self._speech.call(at, **what))

    def _later(self, at: datetime) -> datetime:
        return at + timedelta(hours=self._rng.randint(1, 24 * 40))
