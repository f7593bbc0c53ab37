"""The tutorial's commands print what the page says, one after another in one folder."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.unit.docs.pages import ROOT, blocks

TUTORIAL = ROOT / "docs" / "tutorial.md"


def test_every_command_prints_what_the_tutorial_says(tmp_path: Path) -> None:
    shown = [block.text for block in blocks(TUTORIAL) if block.language == "console"]
    assert len(shown) >= 4
    for text in shown:
        command, _, wanted = text.removeprefix("$ ").partition("\n")
        assert _printed(command, tmp_path) == wanted, command


def _printed(command: str, folder: Path) -> str:
    words = shlex.split(command)
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    python, example, *arguments = [word for word in words if "=" not in word]
    assert python == "python"
    ran = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / example), *arguments],
        cwd=folder,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout
