"""What the documentation shows runs, where it points to is there, and its tables are complete."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from urllib.parse import unquote

import pytest

import helenus
from helenus.errors import HelenusError
from helenus.stores.sqlite import SqliteStore
from tests.unit.docs.pages import (
    PAGE_S_MAX,
    PAGES,
    README,
    ROOT,
    anchors,
    blocks,
    links,
    name_of,
    run_script,
)

DOCS = ROOT / "docs"
NOT_RUN_MAX = 5
"""Those of the guide to a new rule are run by a test of their own."""

with_python = [
    page
    for page in PAGES
    if page != README and any(block.language == "python" for block in blocks(page))
]


@pytest.mark.timeout(PAGE_S_MAX + 20)
@pytest.mark.parametrize("page", with_python, ids=name_of)
def test_the_python_of_a_page_runs_from_top_to_bottom(page: Path, tmp_path: Path) -> None:
    parts = [block for block in blocks(page) if block.language == "python"]
    ran = run_script(page, parts, tmp_path)
    assert ran.returncode == 0, f"{name_of(page)}:\n{ran.stderr}"


def test_python_that_is_not_run_is_marked_and_rare() -> None:
    languages = [block.language for page in PAGES for block in blocks(page)]
    odd = {one for one in languages if one.startswith("py")} - {"python", "python no-run"}
    assert not {one for one in odd if not one.startswith("python examples/")}
    assert languages.count("python no-run") <= NOT_RUN_MAX


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_file_that_a_page_shows_is_shown_whole_and_as_it_is(page: Path) -> None:
    shown: dict[str, str] = {}
    for block in blocks(page):
        language, _, path = block.language.partition(" examples/")
        if language == "python" and path:
            shown[path] = shown.get(path, "") + block.text
    for path, text in shown.items():
        source = (ROOT / "examples" / path).read_text(encoding="utf-8")
        assert _without_blank_lines(text) == _without_blank_lines(source), path


def _without_blank_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    lost = [
        link for link in links(page) if ":" not in link.split("/")[0] and not _leads(page, link)
    ]
    assert not lost


def _leads(page: Path, link: str) -> bool:
    path, _, fragment = unquote(link).partition("#")
    target = (page.parent / path).resolve() if path else page
    if not target.exists() or not target.is_relative_to(ROOT):
        return False
    return not fragment or (target.suffix == ".md" and fragment in anchors(target))


def test_every_page_is_reached_from_the_readme() -> None:
    reached, ahead = {README}, [README]
    while ahead:
        page = ahead.pop()
        for link in links(page):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file() and target not in reached:
                reached.add(target)
                ahead.append(target)
    assert sorted(set(PAGES) - reached) == []


def test_the_table_of_errors_is_the_tree_of_errors() -> None:
    table = dict(
        re.findall(
            r"^\| `(\w+)` \| ([a-z ]+) \|",
            (DOCS / "failure-semantics.md").read_text(encoding="utf-8"),
            re.MULTILINE,
        )
    )
    errors = [getattr(helenus, name) for name in helenus.__all__]
    assert table == {
        error.__name__: error.outcome.value
        for error in errors
        if isinstance(error, type) and issubclass(error, HelenusError) and error is not HelenusError
    }


async def test_the_storage_model_names_every_table_and_column(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "s.sqlite3"):
        pass
    connection = sqlite3.connect(tmp_path / "s.sqlite3")
    made = {
        table: [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
        for (table,) in connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    }
    connection.close()
    text = (DOCS / "storage-model.md").read_text(encoding="utf-8")
    described = {
        part.partition("`")[0]: re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)
        for part in re.split(r"^### Table `", text.partition("## Bytes")[0], flags=re.MULTILINE)[1:]
    }
    assert described == made
