"""The page about licensing says what the domain's code says."""

from __future__ import annotations

import re

import msgspec

from download_licensing.catalogue import Catalogue
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.agreement_concurrent_downloads import (
    AgreementConcurrentDownloads,
)
from download_licensing.domain.rules.device_downloads_per_month import DeviceDownloadsPerMonth
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.device_registrations import DeviceRegistrations
from download_licensing.domain.rules.renewals_per_license_per_year import RenewalsPerLicensePerYear
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.rules.title_plays_per_year import TitlePlaysPerYear
from download_licensing.domain.times import EARLIEST
from download_licensing.policies.shipped import shipped_policy
from download_licensing.service.licensing import AGGREGATES, REMOVAL_EVENTS_MAX
from download_licensing.service.present import WARNING_CODES
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
    assert [code for code in WARNING_CODES if f"`{code}`" not in section("Rules")] == []


def test_its_numbers_are_those_of_the_code_and_the_policy_shipped() -> None:
    assert f"{REMOVAL_EVENTS_MAX:,} events" in TEXT
    shipped = dict(
        re.findall(r"^\| ([^|]+) \| ([^|]+) \|", section("Where the rules come from"), re.MULTILINE)
    )
    catalogue = Catalogue.shipped()
    policy = shipped_policy(catalogue).policy(EARLIEST)
    plans = [policy.terms_for(plan_id) for plan_id in catalogue.plans]
    titles = [policy.terms_for("", title) for title in catalogue.titles.values()]
    devices = [terms.get(DeviceLimit) for terms in plans]
    active = {terms.get(ActiveDownloadsPerDevice) for terms in plans}
    yearly = [terms.get(TitleDownloadsPerYear) for terms in titles]
    assert re.findall(r"\d+", shipped["devices by plan"]) == [
        str(rule.devices_max) for rule in devices if rule
    ]
    monthly = policy.terms_for("ads").get(DeviceDownloadsPerMonth)
    assert shipped["downloads of a device in a calendar month"].split()[0] == str(
        monthly and monthly.downloads_max
    )
    churn = {terms.get(DeviceRegistrations) for terms in plans}
    numbers = [int(number) for number in re.findall(r"\d+", shipped["registrations of devices"])]
    assert churn == {DeviceRegistrations(*numbers)}
    concurrent = [terms.get(AgreementConcurrentDownloads) for terms in titles]
    assert shipped["downloads under an agreement at once"] == _range(
        {None if rule is None else rule.downloads_max for rule in concurrent}
    )
    plays = [terms.get(TitlePlaysPerYear) for terms in titles]
    assert shipped["plays of a title in a year"] == _range(
        {None if rule is None else rule.plays_max for rule in plays}
    )
    per_year = {terms.get(RenewalsPerLicensePerYear) for terms in titles}
    assert per_year == {RenewalsPerLicensePerYear(int(shipped["renewals of a licence in a year"]))}
    assert active == {ActiveDownloadsPerDevice(int(shipped["active downloads on a device"]))}
    assert shipped["downloads of a title in a year"] == _range(
        {None if rule is None else rule.downloads_max for rule in yearly}
    )
    assert shipped["renewals"] == _range({terms.renewals_max for terms in titles})


def _range(limits: set[int | None]) -> str:
    numbers = [limit for limit in limits if limit is not None]
    return f"{min(numbers)}–{max(numbers)}" + (", or none" if None in limits else "")
