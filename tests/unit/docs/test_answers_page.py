"""The page about answers names every field of grants, refusals, remaining time and tokens."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from download_licensing.api.problems import Refused
from download_licensing.domain.unmet import Unmet
from download_licensing.service import answers
from download_licensing.tokens.claims import TOKEN_TYPE, Claims
from download_licensing.tokens.verifier import CLOCK_TOLERANCE_S, Reason
from tests.unit.docs.pages import ROOT

TEXT = (ROOT / "docs" / "licensing" / "answers.md").read_text(encoding="utf-8")


def first_column(heading: str) -> list[str]:
    """What the first column of the tables under a heading names, up to the next heading."""
    section = re.split(rf"^##+ {heading}$", TEXT, maxsplit=1, flags=re.MULTILINE)[1]
    section = re.split(r"^##+ ", section, maxsplit=1, flags=re.MULTILINE)[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "fields"),
    [
        ("Grant", answers.Grant.__struct_fields__),
        ("Refusal", Refused.__struct_fields__),
        ("Tokens", Claims.__struct_fields__),
        ("On a device", get_args(Reason)),
    ],
)
def test_it_lists_all_there_is(heading: str, fields: tuple[str, ...]) -> None:
    assert sorted(first_column(heading)) == sorted(fields)


def test_the_table_of_drm_policies_places_every_field_that_limits_a_licence() -> None:
    """All of a grant but whom it is for, by what it was decided, and what is told to people."""
    section = TEXT.partition("\n## In DRM policies\n")[2].partition("\n| fact |")[0]
    rows = re.findall(r"^\| (`[^|]+) \|(.+)\|$", section, re.MULTILINE)
    listed = [name for cells, _ in rows for name in re.findall(r"`(\w+)`", cells)]
    not_of_a_licence = {"customer_id", "plan", "warnings", "policy_version", "token"}
    assert sorted(listed) == sorted(set(answers.Grant.__struct_fields__) - not_of_a_licence)
    assert {len(others.split("|")) for _, others in rows} == {3}


def test_what_remains_is_listed() -> None:
    remaining = [name for name in answers.Remaining.__struct_fields__ if name.endswith("_s")]
    assert first_column("Remaining time") == remaining


def test_a_refusal_has_at_its_top_all_that_each_unmet_rule_has() -> None:
    assert set(Unmet.__struct_fields__) <= set(Refused.__struct_fields__)


def test_its_numbers_and_names_are_those_of_the_code() -> None:
    assert f"`clock_tolerance_s`, {CLOCK_TOLERANCE_S} by default" in TEXT
    assert f"`{TOKEN_TYPE}`" in TEXT
