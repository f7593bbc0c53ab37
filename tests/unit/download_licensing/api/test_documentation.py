"""The page of the HTTP API lists every operation and every problem, and nothing else."""

import re
from pathlib import Path

from download_licensing.api.app import OPERATORS, PUBLIC
from download_licensing.api.landing import landing
from download_licensing.api.problems import KINDS
from download_licensing.domain.rules import RULES

PAGE = (Path(__file__).parents[4] / "docs" / "http-api.md").read_text(encoding="utf-8")


def test_every_operation_is_listed() -> None:
    listed = re.findall(r"^\| `([A-Z]+ /\S+)` \|", PAGE, re.MULTILINE)
    served = [
        f"{method} {re.sub(':str', '', path)}"
        for handler in (*PUBLIC, *OPERATORS)
        if handler is not landing
        for method in handler.http_methods
        for path in handler.paths
    ]
    assert sorted(listed) == sorted(served)


def test_every_problem_is_listed_with_its_status() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", PAGE, re.MULTILINE)
    known = {reason: str(kind.status) for reason, kind in KINDS.items() if reason != "refused"}
    assert dict(listed) == known


def test_every_refusal_is_listed() -> None:
    refusals = PAGE.partition("### Refusals")[2].partition("## Retrying")[0]
    assert re.findall(r"^\| `([a-z-]+)` \|", refusals, re.MULTILINE) == [
        rule.reason for rule in RULES
    ]
