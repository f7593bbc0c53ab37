"""The page of guarantees names tests that are there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.unit.docs.pages import ROOT

TEXT = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py)::(\w+)`", TEXT)
GUARANTEES = re.findall(r"^## (G\d) ", TEXT, re.MULTILINE)


@cache
def functions_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds)}


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[name for _, name in NAMED])
def test_a_test_that_is_named_is_there(file: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in functions_of(ROOT / file)


def test_each_guarantee_names_tests() -> None:
    without = [part for part in TEXT.split("\n## ")[1:] if part[0] == "G" and "::test_" not in part]
    assert without == []


def test_the_page_on_failures_states_the_same_guarantees() -> None:
    other = (ROOT / "docs" / "failure-semantics.md").read_text(encoding="utf-8")
    assert re.findall(r"^\*\*(G\d) ", other, re.MULTILINE) == GUARANTEES
    for name in GUARANTEES:
        heading, _, rest = TEXT.partition(f"## {name} ")[2].partition("\n\n")
        statement = rest.partition("\n\n")[0]
        assert _words(f"**{name} {heading}.** {statement}") in _words(other)


def _words(text: str) -> str:
    """A text without its line breaks and the targets of its links."""
    return " ".join(re.sub(r"\]\([^)]*\)", "]", text).split())
