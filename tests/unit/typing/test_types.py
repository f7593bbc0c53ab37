"""What users write is accepted or refused by mypy and by pyright alike, line by line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
EXAMPLES = ROOT / "examples"
REJECTED = HERE / "rejected" / "program.py"
CHECKED = [EXAMPLES, HERE / "accepted", REJECTED]

_MARK = re.compile(r"# rejected: (.+) \| (.+)$")


class Finding(NamedTuple):
    """An error: its file, its line and the rule it breaks."""

    file: str
    line: int
    rule: str


def expected(checker: int) -> set[Finding]:
    """The marked lines, with the rule that mypy (0) or pyright (1) gives."""
    lines = REJECTED.read_text(encoding="utf-8").splitlines()
    found = {
        Finding(str(REJECTED), number, rule)
        for number, line in enumerate(lines, start=1)
        if (mark := _MARK.search(line))
        for rule in mark.groups()[checker].split(", ")
    }
    assert len(found) > 15
    return found


def output_of(*command: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 1, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.timeout(300)
def test_mypy_accepts_and_refuses_what_it_should() -> None:
    lines = output_of("mypy", "--output", "json", *map(str, CHECKED)).splitlines()
    errors: list[dict[str, Any]] = [json.loads(line) for line in lines if line.startswith("{")]
    assert {
        Finding(str(ROOT / error["file"]), error["line"], error["code"])
        for error in errors
        if error["severity"] == "error"
    } == expected(0)


@pytest.mark.timeout(300)
def test_pyright_accepts_and_refuses_what_it_should(tmp_path: Path) -> None:
    settings = {
        "include": [str(path) for path in CHECKED],
        "extraPaths": [str(ROOT / "src"), str(ROOT)],
        "typeCheckingMode": "strict",
    }
    project = tmp_path / "pyrightconfig.json"
    project.write_text(json.dumps(settings), encoding="utf-8")
    command = ["--outputjson", "--level", "error", "--pythonpath", sys.executable]
    answer = json.loads(output_of("basedpyright", *command, "--project", str(project)))
    assert answer["summary"]["filesAnalyzed"] > len(CHECKED)
    assert {
        Finding(error["file"], error["range"]["start"]["line"] + 1, error.get("rule", ""))
        for error in answer["generalDiagnostics"]
    } == expected(1)
