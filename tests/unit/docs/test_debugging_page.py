"""The page on debugging names every command, operation, exit code and reason."""

from __future__ import annotations

import re

import typer
from typer.core import TyperGroup

from download_licensing.api.debugging import DEBUGGING
from download_licensing.api.paths import ADMIN_CUSTOMER
from download_licensing.cli.debug import app
from download_licensing.cli.debug.answering import EXIT_CODES
from download_licensing.debugging import errors
from download_licensing.debugging.noting import NoteStatistics
from tests.unit.docs.metrics import rows_for, rows_of
from tests.unit.docs.pages import ROOT

PAGE = (ROOT / "docs" / "licensing" / "debugging.md").read_text(encoding="utf-8")


def test_every_command_is_named() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    named = re.findall(r"`debug ([a-z-]+)[^`]*`", PAGE.partition("\n## ")[0])
    assert sorted(set(named)) == sorted(group.commands)


def test_every_operation_is_named() -> None:
    served = {f"…{path.removeprefix(ADMIN_CUSTOMER)}" for one in DEBUGGING for path in one.paths}
    named = re.findall(r"`[A-Z]+ (…/[a-z/-]+)`", PAGE.partition("\n## ")[0])
    assert sorted(named) == sorted(served)


def test_every_metric_of_noted_refusals_is_listed_with_its_meaning() -> None:
    listed = [row for row in rows_of(PAGE, "## Refusals") if row.count("|") == 4]
    assert listed == rows_for(NoteStatistics)


def test_every_exit_code_is_explained_as_the_program_has_it() -> None:
    table = re.findall(r"^\| (\d+) \| (.+?) \|$", PAGE, re.MULTILINE)
    assert {int(code): meaning for code, meaning in table} == EXIT_CODES


def test_every_reason_why_there_is_no_answer_is_listed() -> None:
    section = PAGE.partition("\n## What cannot be answered\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\| `([a-z-]+)` \| \d+ \|", section, re.MULTILINE)
    reasons = {
        one.reason
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.Unanswerable) and one.reason
    }
    assert set(listed) == reasons | {"account-not-found"}
