"""The page about rules says what the rules' classes say."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from download_licensing.domain.account import REGISTRATIONS_MAX
from download_licensing.domain.device import DOWNLOADS_MAX
from download_licensing.domain.downloaded_title import PLAYS_MAX
from download_licensing.domain.license import RENEWALS_KEPT_MAX
from download_licensing.domain.rule import Clause, Duration
from download_licensing.domain.rules import CLAUSES, RULES
from download_licensing.domain.rules.device_downloads_per_month import DeviceDownloadsPerMonth
from download_licensing.domain.rules.device_registrations import DeviceRegistrations
from download_licensing.domain.rules.renewals_per_license_per_year import RenewalsPerLicensePerYear
from download_licensing.domain.rules.title_plays_per_year import TitlePlaysPerYear
from download_licensing.domain.unmet import Unmet
from tests.unit.docs.pages import ROOT

TEXT = (ROOT / "docs" / "licensing" / "rules.md").read_text(encoding="utf-8")
INTRODUCTION = TEXT.partition("\n## ")[0]


def section(heading: str) -> str:
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    lines = re.findall(r"^\| `.*\|$", text, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def first_column(text: str) -> list[str]:
    return [row[0].strip("`") for row in rows(text)]


def fields(clause: type[Clause]) -> tuple[msgspec.inspect.Field, ...]:
    described = msgspec.inspect.type_info(clause)
    assert isinstance(described, msgspec.inspect.StructType)
    return described.fields


def parameters(clause: type[Clause]) -> str:
    return ", ".join(_parameter(field) for field in fields(clause)) or "–"


def _parameter(field: msgspec.inspect.Field) -> str:
    held = field.type
    if not isinstance(held, msgspec.inspect.IntType):
        return f"`{field.name}`"
    return f"`{field.name}` {held.ge}–{held.le:,}"


def decisions(applies_to: Iterable[str]) -> str:
    return ", ".join(d for d in ("download", "renewal", "refresh") if d in applies_to)


def test_it_lists_every_rule_in_the_order_of_refusals_with_its_parameters() -> None:
    assert rows(INTRODUCTION)[: len(RULES)] == [
        [f"`{rule.name}`", f"`{rule.reason}`", parameters(rule), decisions(rule.applies_to)]
        for rule in RULES
    ]


def test_it_lists_every_duration_with_its_parameters() -> None:
    durations = [clause for clause in CLAUSES.values() if issubclass(clause, Duration)]

    assert [row[:2] for row in rows(INTRODUCTION)[len(RULES) :]] == [
        [f"`{duration.name}`", parameters(duration)] for duration in durations
    ]


def test_it_says_of_every_rule_what_counts_and_where_it_comes_from() -> None:
    assert first_column(section("What each one counts")) == [rule.name for rule in RULES]
    assert set(first_column(section("Where they come from"))) == set(CLAUSES)


def test_it_explains_every_field_of_a_refusal() -> None:
    explained = re.findall(
        r"`(\w+)`", " ".join(row[0] for row in rows(section("What a refusal says")))
    )

    assert set(explained) == set(Unmet.__struct_fields__)


def test_no_limit_is_higher_than_what_is_kept() -> None:
    def most(clause: type[Clause], name: str) -> int | None:
        held = next(field.type for field in fields(clause) if field.name == name)
        assert isinstance(held, msgspec.inspect.IntType)
        return held.le

    assert most(DeviceDownloadsPerMonth, "downloads_max") == DOWNLOADS_MAX
    assert most(DeviceRegistrations, "registrations_max") == REGISTRATIONS_MAX
    assert most(TitlePlaysPerYear, "plays_max") == PLAYS_MAX
    assert most(RenewalsPerLicensePerYear, "renewals_max") == RENEWALS_KEPT_MAX
    kept = section("As of when")
    for number in (PLAYS_MAX, REGISTRATIONS_MAX, RENEWALS_KEPT_MAX):
        assert f"{number:,}" in kept
