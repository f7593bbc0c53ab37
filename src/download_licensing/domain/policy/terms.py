"""Terms: what holds for one plan, title and country, all layers of a policy combined."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from download_licensing.domain.rule import Clause, Decision, Duration, Rule
from download_licensing.domain.rules import RULES
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.playback_window import PlaybackWindow
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.title_availability import TitleAvailability
from download_licensing.domain.times import after, earlier

C = TypeVar("C", bound=Clause)


class Terms:
    """What a decision checks, and what a grant is worth. Immutable, and shared by many decisions.

    Args:
        policy_version: of the policy that they are of.
        clauses: those that hold, by name.
        sources: the layer that set each, by the clause's name.

    Attributes:
        license_duration_s: seconds from the grant or renewal on; 0: unlimited.
        playback_window_s: seconds from the first play on; 0: unlimited.
        available_until: when the title leaves, and every licence for it ends; None: no end.
        renewals_max: of a licence issued on these terms; None: no cap.
        rules: all that can refuse, in the order of refusals.
    """

    __slots__ = (
        "_checked",
        "available_until",
        "clauses",
        "license_duration_s",
        "playback_window_s",
        "policy_version",
        "renewals_max",
        "rules",
        "sources",
    )

    def __init__(
        self, policy_version: str, clauses: Mapping[str, Clause], sources: Mapping[str, str]
    ) -> None:
        self.policy_version = policy_version
        self.clauses = clauses
        self.sources = sources
        self.license_duration_s = self._seconds(LicenseDuration)
        self.playback_window_s = self._seconds(PlaybackWindow)
        available = self.get(TitleAvailability)
        self.available_until = None if available is None else available.available_until
        renewals = self.get(RenewalsPerLicense)
        self.renewals_max = None if renewals is None else renewals.renewals_max
        held = (clauses.get(rule.name) for rule in RULES)
        self.rules = tuple([rule for rule in held if isinstance(rule, Rule)])
        self._checked: dict[tuple[Decision, int | None], tuple[Rule, ...]] = {}

    def get(self, clause: type[C]) -> C | None:
        """What holds of one kind of clause; None: it is not set."""
        held = self.clauses.get(clause.name)
        return held if isinstance(held, clause) else None

    def license_ends_at(self, now: datetime) -> datetime | None:
        """The end of a licence that is granted or renewed now; None: unlimited."""
        return earlier(after(now, self.license_duration_s), self.available_until)

    def checked_at(self, decision: Decision, renewals_max: int | None) -> tuple[Rule, ...]:
        """The rules to check, in the order of refusals.

        Args:
            decision: what is decided.
            renewals_max: of the licence that is extended, which keeps the number it was issued
                with; None: no cap. It plays no part in a new download.
        """
        key = (decision, renewals_max)
        checked = self._checked.get(key)
        if checked is None:
            checked = self._checked[key] = self._select(decision, renewals_max)
        return checked

    def _select(self, decision: Decision, renewals_max: int | None) -> tuple[Rule, ...]:
        rules = [rule for rule in self.rules if not isinstance(rule, RenewalsPerLicense)]
        if renewals_max is not None:
            rules.append(RenewalsPerLicense(renewals_max))
        rules.sort(key=lambda rule: (rule.order, rule.name))
        return tuple([rule for rule in rules if decision in rule.applies_to])

    def _seconds(self, duration: type[Duration]) -> int:
        held = self.get(duration)
        return 0 if held is None else held.seconds
