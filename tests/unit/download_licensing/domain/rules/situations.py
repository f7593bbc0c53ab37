"""Situations made by hand, and what a rule says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from download_licensing.domain.rule import Rule
from download_licensing.domain.situation import Situation
from download_licensing.domain.unmet import Unmet

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)

_NOTHING = Situation(
    now=NOW,
    other_devices_until=[],
    holds_slot=False,
    others_on_device=[],
    counted=[],
    renewals_used=0,
)


def situation(**known: Any) -> Situation:
    return msgspec.structs.replace(_NOTHING, **known)


def unmet(rule: Rule, **known: Any) -> Unmet:
    """What a refusal says; it must be complete."""
    found = rule.check(situation(**known))
    said = found.unmet
    assert said is not None
    assert (found.rule, found.limit, found.used) == (rule.name, said.limit, said.used)
    assert (said.reason, said.rule) == (rule.reason, rule.name)
    assert said.frees
    assert said.remedy.endswith(".")
    assert said.detail
    return said


def met(rule: Rule, **known: Any) -> tuple[int | None, int | None]:
    """The use so far and what is left, where a rule is met."""
    found = rule.check(situation(**known))
    assert found.met
    assert found.rule == rule.name
    return found.used, found.left
