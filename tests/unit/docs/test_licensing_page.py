"""The page about licensing says what the domain's code says."""

from __future__ import annotations

import re
from typing import get_args

import msgspec

from download_licensing.catalogue import Catalogue
from download_licensing.service.answers import WarningCode
from download_licensing.service.licensing import AGGREGATES, RELEASES_PER_COMMAND_MAX
from tests.unit.docs.pages import ROOT

TEXT = (ROOT / "docs" / "licensing.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def first_column(heading: str) -> list[str]:
    return re.findall(r"^\| `([^`]+)` \|", section(heading), re.MULTILINE)


def test_it_lists_every_aggregate() -> None:
    names = first_column("One customer, one stream")
    assert sorted(names) == sorted(one.aggregate_name for one in AGGREGATES)


def test_it_lists_every_event_with_its_fields() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section("Events"), re.MULTILINE)
    described = {name: re.findall(r"`(\w+)`", fields) for name, fields in rows}
    events = [event for aggregate in AGGREGATES for event in aggregate.handlers]
    assert described == {
        event.event_name: [field.name for field in msgspec.structs.fields(event)]
        for event in events
    }


def test_it_lists_every_warning() -> None:
    assert [code for code in get_args(WarningCode) if f"`{code}`" not in section("Rules")] == []


def test_its_numbers_are_those_of_the_code_and_the_catalogue() -> None:
    assert f"at most {RELEASES_PER_COMMAND_MAX} at once" in TEXT
    catalogue = Catalogue.shipped()
    plans, titles = catalogue.plans.values(), catalogue.titles.values()
    shipped = dict(
        re.findall(r"^\| ([^|]+) \| ([^|]+) \|", section("Where the rules come from"), re.MULTILINE)
    )
    caps = {title.downloads_per_year_max for title in titles}
    renewals = {title.renewals_max for title in titles}
    assert shipped["devices by plan"] == ", ".join(str(plan.devices_max) for plan in plans)
    assert {plan.active_downloads_per_device_max for plan in plans} == {
        int(shipped["active downloads on a device"])
    }
    assert shipped["downloads of a title in a year"] == _range(caps)
    assert shipped["renewals"] == _range(renewals)


def _range(limits: set[int | None]) -> str:
    numbers = [limit for limit in limits if limit is not None]
    return f"{min(numbers)}–{max(numbers)}" + (", or none" if None in limits else "")
