"""The walk-through of the page on debugging, as a reader would take it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.unit.docs.pages import ROOT, Block, blocks, run_script

PAGE = ROOT / "docs" / "licensing" / "debugging.md"


def steps() -> list[tuple[list[str], str]]:
    """Each command of the page, and the answer shown beneath it."""
    found = []
    for block in blocks(PAGE):
        if block.language == "console":
            command, _, answer = block.text.partition("\n")
            found.append((shlex.split(command.removeprefix("$ ")), answer))
    return found


def test_every_command_answers_what_is_shown(tmp_path: Path) -> None:
    story: list[Block] = [block for block in blocks(PAGE) if block.language == "python"]
    lived = run_script(PAGE, story, tmp_path)
    assert lived.returncode == 0, lived.stderr
    assert len(steps()) == 6
    for (program, *arguments), answer in steps():
        assert program == "download-licensing"
        ran = subprocess.run(
            [sys.executable, "-m", "download_licensing", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert _by_form(ran.stdout) == _by_form(answer), arguments


def _by_form(text: str) -> str:
    """With what differs from run to run left out: the pseudonym of a bundle's own key."""
    return re.sub(r"customer-[0-9a-f]{32}", "customer-…", text).strip()
