"""Limits that a grant has brought near: what a customer should be told before they are reached."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from download_licensing.domain.rule import Counted, Rule
from download_licensing.domain.situation import Situation

WARNED_AT = 1
"""At most so much is left where a customer is warned."""


class Nearing(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that is reached, or will be by the next one.

    Attributes:
        counted: what the rule counts.
        left: how many more it allows.
        until: when it allows one more than that if nothing else happens; None: never by waiting.
    """

    counted: Counted
    left: int
    until: datetime | None


def nearing(rules: Iterable[Rule], situation: Situation) -> list[Nearing]:
    """The limits of which at most one more is left, of those that a customer is warned of.

    What was never used is not warned of: it did not become less.

    Args:
        rules: all that hold.
        situation: as the next request finds it.
    """
    found = []
    for rule in rules:
        if rule.counted is None:
            continue
        finding = rule.check(situation)
        if not finding.used or finding.left is None or finding.left > WARNED_AT:
            continue
        found.append(
            Nearing(
                counted=rule.counted,
                left=finding.left,
                until=_when_one_more(rule, finding.used, situation),
            )
        )
    return found


def _when_one_more(rule: Rule, used: int, situation: Situation) -> datetime | None:
    """When the use is one less than now: the rule itself knows, were its limit the use of now."""
    assert rule.counted is not None
    limit: int = getattr(rule, rule.counted.parameter)
    asked = msgspec.structs.replace(rule, **{rule.counted.parameter: min(limit, used)})
    unmet = asked.check(situation).unmet
    return None if unmet is None else unmet.resets_at
