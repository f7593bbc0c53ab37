"""Three nodes, killed and paused under several processes that append: what they saw is sound."""

from __future__ import annotations

import secrets
import sys

import pytest

from helenus.testing.histories import Verdict
from tests.torture.campaign import Options, run
from tests.torture.nemesis import Fault

SECONDS = 40.0


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")


@pytest.mark.timeout(400)
def test_no_history_is_unsound_while_nodes_are_killed_and_paused() -> None:
    seed = secrets.token_hex(4)
    report = run(
        Options(seconds=SECONDS, seed=seed, workers=3, faults=[Fault.KILL, Fault.PAUSE]), tell
    )
    assert report.violations == [], f"seed {seed}"
    assert report.faults.total() > 0
    assert report.tally.appends[Verdict.ACKNOWLEDGED] > 20
    assert report.tally.appends[Verdict.CONFLICT] > 20
    assert report.tally.commands[Verdict.ACKNOWLEDGED] > 20
