"""What was recorded and what was answered of the past stays, whatever rules and policies come."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from tests.integration.api.asgi_client import AsgiClient
from tests.integration.download_licensing.answers_of_old import told
from tests.integration.download_licensing.interleavings import (
    RULES,
    Asked,
    Households,
    Round,
    processes,
    write_terms,
)
from tests.unit.docs.pages import ROOT, blocks

GUIDE = ROOT / "docs" / "licensing" / "add-a-rule.md"
NEW_RULE = next(block.text for block in blocks(GUIDE) if block.language == "python no-run")
LATER = """
version: v2
effective_from: 2027-01-01T00:00:00Z
default:
  device-limit: {devices_max: 0}
  title-availability: {offered: false}
  license-duration: {hours: 1}
"""
LATEST = """
version: v3
effective_from: 2027-02-01T00:00:00Z
default:
  rest-between-downloads: {hours: 24}
"""
COUNTING = [
    rule for rule in RULES if rule.partition("-")[0] not in {"operator", "account", "title"}
]
PUBLISHED_AT = "2026-12-01T00:00:00Z"


def a_life() -> list[Round]:
    """Much of everything, the same each time."""
    chance = random.Random(11)
    mixed = [kind for rule in COUNTING for kind in RULES[rule][1]]
    kinds = ("request", "request", "request", "renew", "play", *mixed)
    return [
        Round(
            chance.choice((1, 24, 24 * 7)),
            tuple(
                Asked(chance.choice(kinds), *(chance.randrange(n) for n in (3, 4, 10)))
                for _ in range(3)
            ),
        )
        for _ in range(40)
    ]


def with_a_rule_more(source: Path) -> Path:
    """A copy of the package that has the rule of the guide, too."""
    ignored = shutil.ignore_patterns("__pycache__")
    package = source / "download_licensing"
    shutil.copytree(ROOT / "src" / "download_licensing", package, ignore=ignored)
    (package / "domain" / "rules" / "rest_between_downloads.py").write_text(NEW_RULE)
    return source


def asked_of(source: Path, store: str, directory: Path) -> dict[str, Any]:
    """The same answers, by the package in a folder."""
    module = "tests.integration.download_licensing.answers_of_old"
    ran = subprocess.run(
        [sys.executable, "-m", module, store, str(directory), "c-0"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(source), str(ROOT)])},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()[-4000:]
    answers: dict[str, Any] = msgspec.json.decode(ran.stdout)
    return answers


async def publish(client: AsgiClient, version: str, document: str) -> None:
    path = f"/v1/admin/policies/{version}"
    answer = await client.call("PUT", path, {"document": document}, at=PUBLISHED_AT)
    assert answer.status == 201, answer


async def test_neither_a_policy_nor_a_rule_changes_what_is_told_of_the_past(
    tmp_path: Path,
) -> None:
    store = str(tmp_path / "store.sqlite3")
    terms = write_terms(tmp_path, COUNTING)
    async with processes(tmp_path, store, 1) as turns:
        assert await Households(turns, terms).live(a_life()) == []
    async with processes(tmp_path, store, 1) as turns:  # what was noted of refusals is kept by now
        client = turns.clients[0]
        before = await told(client, "c-0")
        await publish(client, "v2", LATER)
        assert await told(client, "c-0") == before
    assert len(before["states"]) > 40
    assert len(before["why"]) > 5

    newer = with_a_rule_more(tmp_path / "newer")
    assert await asyncio.to_thread(asked_of, newer, store, tmp_path) == before
    publishing = (
        "from download_licensing.policies.reading import read_policy\n"
        f"print(read_policy({LATEST.encode()!r}, 'v3').version)"
    )
    environment = {**os.environ, "PYTHONPATH": str(newer)}
    known = subprocess.run(  # noqa: ASYNC221  # nothing else runs meanwhile
        [sys.executable, "-c", publishing], env=environment, capture_output=True, check=True
    )
    assert known.stdout.strip() == b"v3", "the copy has no rule more"
