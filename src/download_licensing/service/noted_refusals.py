"""Refusals that were noted: what was asked for in vain, beside a customer's history.

A refusal took no effect, so it is no event of the customer's stream. It is noted, best effort and
bounded, on a stream of its own, for the questions why and what if.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from helenus.aggregates import Aggregate, applies
from helenus.events import Event

REFUSALS_ID = "refusals"
"""The id of the one aggregate of a stream of refusals."""

RECENT_MAX = 64
"""Refusals that a repetition is recognised among: the latest."""


def refusals_stream_of(customer_id: str) -> str:
    """The stream that a customer's refusals are noted on."""
    return f"refusals/{customer_id}"


class RefusalNoted(Event, name="refusal-noted"):
    """Refusals: rules were not met, or the title was withdrawn.

    Attributes:
        position: of the last event of the customer's stream that it was decided on.
        at: the time it was decided as of.
        device_id: where a new download was to lie; "": it was an extension.
        title_id: what a new download was to be of; "": it was an extension.
        license_id: what was to be extended; "": it was a new download.
        policy_version: of the policy that it was decided by; "": no rule was asked.
        reasons: of all rules that were not met, in the order of the refusal; or that it was
            withdrawn.
        times: how often it was asked for, within the seconds before it was noted.
    """

    position: int
    at: datetime
    device_id: str = ""
    title_id: str = ""
    license_id: str = ""
    policy_version: str = ""
    reasons: tuple[str, ...] = ()
    times: int = 1


class Refusals(Aggregate, name="refusals"):
    """What was noted of one customer, as far as it takes to note no more than is needed.

    Attributes:
        recent: the latest ones, each by all that makes it the same.
        day: the latest day on which any was noted, as the number of days in the calendar.
        noted: how many on that day.
    """

    recent: list[str] = msgspec.field(default_factory=list)
    day: int = 0
    noted: int = 0

    def note(self, refusal: RefusalNoted, *, per_day_max: int) -> bool:
        """Note a refusal, unless it says nothing new or the day has had its share.

        The same question on the same history under the same policy, with the same reasons, says
        nothing new.

        Args:
            refusal: what was refused.
            per_day_max: most that are noted of one day.
        """
        if sameness(refusal) in self.recent:
            return False
        if refusal.at.toordinal() == self.day and self.noted >= per_day_max:
            return False
        self.record(refusal)
        return True

    @applies
    def _noted(self, event: RefusalNoted) -> None:
        self.recent = [*self.recent, sameness(event)][-RECENT_MAX:]
        day = event.at.toordinal()
        self.noted = self.noted + 1 if day == self.day else 1
        self.day = day


def sameness(refusal: RefusalNoted) -> str:
    """What two refusals share that say the same."""
    parts = (
        *(str(refusal.position), refusal.device_id, refusal.title_id, refusal.license_id),
        *(refusal.policy_version, *refusal.reasons),
    )
    return " ".join(parts)
