"""For each rule, whatever several processes on one file are asked at once: its limit is kept.

It is never passed, and nothing is refused below it, by the count of an oracle that shares no code
with the rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from download_licensing.domain.rules import RULES as KNOWN
from tests.integration.download_licensing.interleavings import (
    RULES,
    Households,
    Round,
    histories,
    processes,
    write_terms,
)

PROCESSES = 3
EXAMPLES_MAX = 25
"""Of one rule: all of them together stay well under a minute."""

ALL = "all rules"


def test_every_rule_is_tried() -> None:
    assert set(RULES) == {rule.name for rule in KNOWN}


@pytest.mark.parametrize("rule", [*RULES, ALL])
def test_no_interleaving_passes_it_or_is_refused_below_it(tmp_path: Path, rule: str) -> None:
    rules = list(RULES) if rule == ALL else [rule]
    kinds = sorted({kind for each in rules for kind in RULES[each][1]})
    terms = write_terms(tmp_path, rules)
    refused = {each.reason for each in KNOWN if each.name in rules}
    with asyncio.Runner() as runner:
        turns = processes(tmp_path, str(tmp_path / "store.sqlite3"), PROCESSES)
        households = Households(runner.run(turns.__aenter__()), terms)

        @settings(
            max_examples=EXAMPLES_MAX,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        @given(histories(kinds))
        def live(history: Sequence[Round]) -> None:
            assert runner.run(households.live(history)) == []

        try:
            live()
        finally:
            runner.run(turns.__aexit__(None, None, None))
    assert households.report.done["request"] > EXAMPLES_MAX / 3
    assert set(households.report.refusals) <= refused
    assert rule == ALL or set(households.report.refusals) == refused
