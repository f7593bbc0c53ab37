"""Reads the documentation: its pages, the fenced blocks in them, and their headings and links."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
README = ROOT / "README.md"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])

PAGE_S_MAX = 300
"""A page may start a Cassandra of its own, on a machine that is busy."""

_FENCE = re.compile(r"^ {0,3}(```+)(.*)$")
_HEADING = re.compile(r"^#{1,6} +(.*?) *#*$")
_LINK = re.compile(r"(?<!!)\[[^]\[]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
        language: what stands after the fence, such as ``python`` or ``python no-run``.
        line: of its first line within the page, from 1.
        text: its lines.
    """

    language: str
    line: int
    text: str


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    found: list[Block] = []
    fence, language, first = "", "", 0
    lines: list[str] = []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        match = _FENCE.match(line)
        if match and not fence:
            fence, language, first = match[1], match[2].strip(), number + 1
            lines = []
        elif match and match[1] == fence and not match[2].strip():
            found.append(Block(language, first, "\n".join(lines) + "\n"))
            fence = ""
        elif fence:
            lines.append(line)
    assert not fence, f"{name_of(page)}: the block that begins at line {first} has no end."
    return found


def prose(page: Path) -> list[str]:
    """The lines of a page outside its blocks, with what is code in them left out."""
    lines: list[str] = []
    fence = ""
    for line in page.read_text(encoding="utf-8").splitlines():
        match = _FENCE.match(line)
        if match and not fence:
            fence = match[1]
        elif match and match[1] == fence:
            fence = ""
        elif not fence:
            lines.append(line)
    return lines


def links(page: Path) -> list[str]:
    return [
        target for line in prose(page) for target in _LINK.findall(re.sub(r"`[^`]*`", "`", line))
    ]


def anchors(page: Path) -> set[str]:
    """The fragments that a page's headings are reached by."""
    found: set[str] = set()
    for line in prose(page):
        match = _HEADING.match(line)
        if match:
            words = re.sub(r"[^\w\- ]", "", match[1].replace("`", "").lower())
            found.add(words.replace(" ", "-"))
    return found


def script_of(parts: Iterable[Block]) -> str:
    """One program of several blocks, each at the line where it stands in the page."""
    lines: list[str] = []
    for part in parts:
        lines += [""] * (part.line - 1 - len(lines))
        lines += part.text.splitlines()
    return "\n".join(lines) + "\n"


def run_script(
    page: Path, parts: Sequence[Block], folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run blocks as one program, in an empty folder; a traceback has the page's own lines."""
    script = folder / f"{page.stem}.py"
    script.write_text(script_of(parts), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PAGE_S_MAX,
        check=False,
    )
