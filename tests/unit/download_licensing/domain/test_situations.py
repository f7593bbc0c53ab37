"""What the rules are told is what the whole history says, counted anew without any shortcut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from download_licensing.domain.account import ACCOUNT_ID, Account
from download_licensing.domain.device import Device
from download_licensing.domain.events import (
    DeviceRegistered,
    DownloadCounted,
    LicenseRenewed,
    PlayCounted,
)
from download_licensing.domain.finding import Finding
from download_licensing.domain.granting import grant, renew
from download_licensing.domain.license import License
from download_licensing.domain.policy import Layer, Policy
from download_licensing.domain.reporting import report_first_play, report_session
from download_licensing.domain.rule import Rule
from download_licensing.domain.rules import RULES
from download_licensing.domain.rules.account_standing import AccountStanding
from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.agreement_concurrent_downloads import (
    AgreementConcurrentDownloads,
)
from download_licensing.domain.rules.device_downloads_per_month import DeviceDownloadsPerMonth
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.device_registrations import DeviceRegistrations
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.operator_block import OperatorBlock
from download_licensing.domain.rules.playback_window import PlaybackWindow
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.renewals_per_license_per_year import RenewalsPerLicensePerYear
from download_licensing.domain.rules.title_availability import TitleAvailability
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.rules.title_plays_per_year import TitlePlaysPerYear
from download_licensing.domain.sessions import SessionEvent
from download_licensing.domain.situation import Situation, survey
from download_licensing.domain.terms import Title, by_agreement
from download_licensing.domain.times import EARLIEST, LATEST, NEVER
from helenus import Aggregate, Event

A = TypeVar("A", bound=Aggregate)

START = datetime(2026, 1, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
YEAR = timedelta(days=365)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland")
DEVICES = ("tv", "phone", "tablet")
TITLES = {
    title_id: Title(title_id=title_id, name=title_id, studio="Studio", agreement=agreement)
    for title_id, agreement in (("a-1", "a"), ("a-2", "a"), ("b-1", "b"), ("none", ""))
}
ALONGSIDE = by_agreement(TITLES.values())
POLICY = Policy(
    version="v",
    effective_from=EARLIEST,
    default=Layer.of(LicenseDuration(24 * 30), PlaybackWindow(48)),
    titles={"a-1": Layer.of(LicenseDuration(24 * 7)), "b-1": Layer.of(LicenseDuration(0))},
)


class Customer:
    """Hands out the one state of each aggregate, and keeps every event."""

    def __init__(self) -> None:
        self.aggregates: dict[tuple[type, str], Any] = {}
        self.events: list[tuple[str, Event]] = []

    def get(self, aggregate_type: type[A], aggregate_id: str) -> A:
        key = (aggregate_type, aggregate_id)
        if key not in self.aggregates:
            self.aggregates[key] = aggregate_type.empty(aggregate_id)
            self.aggregates[key].__dict__["recorder"] = self
        found: A = self.aggregates[key]
        return found

    def record(self, aggregate: Aggregate, event: Event) -> None:
        aggregate.apply(event)
        self.events.append((aggregate.id, event))

    def of(self, kind: type[Any]) -> Iterator[tuple[str, Any]]:
        return ((whose, event) for whose, event in self.events if isinstance(event, kind))

    @property
    def account(self) -> Account:
        return self.get(Account, ACCOUNT_ID)

    @property
    def licenses(self) -> list[License]:
        return [held for held in self.aggregates.values() if isinstance(held, License)]


@dataclass(frozen=True)
class Step:
    """One thing that happens, so long after the one before, and decided so far back."""

    kind: str
    device: str
    title_id: str
    which: int
    later: timedelta
    behind: timedelta


steps = st.builds(
    Step,
    kind=st.sampled_from(
        (
            *["request"] * 4,
            *["renew"] * 3,
            "play",
            "session",
            "session",
            "release",
            "remove",
            "move",
        )
    ),
    device=st.sampled_from(DEVICES),
    title_id=st.sampled_from(list(TITLES)),
    which=st.integers(0, 20),
    later=st.sampled_from((0 * DAY, 0 * DAY, HOUR, DAY, 7 * DAY, 30 * DAY, 40 * DAY, 300 * DAY)),
    behind=st.sampled_from((0 * DAY, 0 * DAY, 0 * DAY, HOUR, DAY, 30 * DAY, 400 * DAY)),
)


def take(customer: Customer, step: Step, at: datetime) -> None:
    licenses = [held for held in customer.licenses if held.ended_at is None]
    chosen = licenses[step.which % len(licenses)] if licenses else None
    if step.kind == "move":
        customer.account.move("DE", ZONES[step.which % len(ZONES)], at)
    elif step.kind == "remove":
        _remove(customer, step.device, at)
    elif step.kind == "request":
        new = customer.get(License, f"lic-{len(customer.events)}")
        now = look(customer, step.device, step.title_id, at).now
        title = TITLES[step.title_id]
        terms = POLICY.terms_for("p", title)
        grant(
            customer,
            customer.account,
            new,
            terms,
            device_id=step.device,
            title_id=step.title_id,
            now=now,
        )
    elif chosen is None:
        return
    elif step.kind == "renew":
        terms = POLICY.terms_for("p", TITLES[chosen.title_id])
        now = look(customer, chosen.device_id, chosen.title_id, at, chosen).now
        refresh = not chosen.active(now)
        renew(customer, customer.account, chosen, terms, now=now, refresh=refresh)
    elif step.kind == "play":
        report_first_play(customer, chosen, at, at=at, ahead=0 * DAY)
    elif step.kind == "session":
        told = [SessionEvent(kind="start", at=at)]
        report_session(customer, chosen, f"s{step.which}", told, at=at, ahead=0 * DAY)
    else:
        chosen.release("deleted", None, at)
        customer.get(Device, chosen.device_id).drop(chosen.id, at)


def _remove(customer: Customer, device_id: str, at: datetime) -> None:
    device = customer.get(Device, device_id)
    for license_id in device.licenses():
        customer.get(License, license_id).release("device-removed", None, at)
        device.drop(license_id, at)
    customer.account.remove(device_id, at)


def look(
    customer: Customer,
    device_id: str,
    title_id: str,
    at: datetime,
    renewed: License | None = None,
) -> Situation:
    title = TITLES[title_id]
    return survey(
        customer,
        customer.account,
        device_id=device_id,
        title=title,
        alongside=ALONGSIDE[title.agreement],
        at=at,
        renewed=renewed,
    )


def recounted(
    customer: Customer, device_id: str, title_id: str, now: datetime, renewed: License | None
) -> dict[str, Any]:
    """The same from the events and the licences alone."""
    active = [held for held in customer.licenses if held.active(now)]
    others = [held for held in active if renewed is None or held.id != renewed.id]
    agreement = TITLES[title_id].agreement
    zone = ZoneInfo(customer.account.time_zone)

    def end(held: License) -> datetime:
        return held.effective_expires_at or NEVER

    def month(at: datetime) -> tuple[int, int]:
        local = at.astimezone(zone)
        return local.year, local.month

    def in_year(times: Iterator[datetime]) -> list[datetime]:
        return sorted(at for at in times if at > now - YEAR)

    holding = {held.device_id for held in active}
    return {
        "registered": customer.account.has(device_id),
        "registrations": in_year(event.at for _, event in customer.of(DeviceRegistered)),
        "other_devices_until": sorted(
            max(end(held) for held in active if held.device_id == other)
            for other in holding - {device_id}
        ),
        "holds_slot": device_id in holding,
        "others_on_device": sorted(end(held) for held in others if held.device_id == device_id),
        "downloads_in_month": sum(
            1
            for _, event in customer.of(DownloadCounted)
            if event.device_id == device_id and month(event.at) == month(now)
        ),
        "counted": in_year(
            event.at for whose, event in customer.of(DownloadCounted) if whose == title_id
        ),
        "plays": in_year(
            event.played_at for whose, event in customer.of(PlayCounted) if whose == title_id
        ),
        "others_under_agreement": sorted(
            end(held)
            for held in others
            if agreement and TITLES[held.title_id].agreement == agreement
        ),
        "renewed": in_year(
            event.at
            for whose, event in customer.of(LicenseRenewed)
            if renewed is not None and whose == renewed.id
        ),
    }


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=40), st.integers(0, 20))
def test_a_situation_is_what_the_history_says(taken: list[Step], which: int) -> None:
    customer = Customer()
    customer.account.open("p", START)
    clock = START
    for step in taken:
        clock += step.later
        at = max(START, clock - step.behind)
        take(customer, step, at)
        licenses = [held for held in customer.licenses if held.ended_at is None]
        chosen = licenses[which % len(licenses)] if licenses else None
        compare(customer, step.device, step.title_id, at, None)
        if chosen is not None:
            compare(customer, chosen.device_id, chosen.title_id, at, chosen)


def compare(
    customer: Customer, device_id: str, title_id: str, at: datetime, renewed: License | None
) -> None:
    told = look(customer, device_id, title_id, at, renewed)

    expected = recounted(customer, device_id, title_id, told.now, renewed)

    found = {name: getattr(told, name) for name in expected}
    found["other_devices_until"] = sorted(found["other_devices_until"])
    found["others_under_agreement"] = sorted(found["others_under_agreement"])
    assert found == expected
    assert told.now >= at
    local = told.month_ends_at.astimezone(ZoneInfo(customer.account.time_zone))
    assert (local.day, local.hour, local.minute) == (1, 0, 0)


def limited(most: int) -> list[Rule]:
    """Every rule that counts, with this limit."""
    return [
        DeviceLimit(most),
        DeviceRegistrations(most, window_days=30),
        ActiveDownloadsPerDevice(most),
        DeviceDownloadsPerMonth(most),
        TitleDownloadsPerYear(most),
        TitlePlaysPerYear(most),
        AgreementConcurrentDownloads(most),
        RenewalsPerLicense(most),
        RenewalsPerLicensePerYear(most),
    ]


def test_every_rule_that_counts_is_held_to_what_it_tells() -> None:
    uncounted = {OperatorBlock, AccountStanding, TitleAvailability}

    assert {type(rule) for rule in limited(1)} == set(RULES) - uncounted


@settings(max_examples=150, deadline=None)
@given(st.lists(steps, max_size=40), st.integers(0, 3), st.integers(0, 20), steps)
def test_a_refusal_tells_exactly_when_its_rule_will_allow_it(
    taken: list[Step], most: int, which: int, asked: Step
) -> None:
    customer = Customer()
    customer.account.open("p", START)
    clock = START
    for step in taken:
        clock += step.later
        take(customer, step, max(START, clock - step.behind))
    licenses = [held for held in customer.licenses if held.ended_at is None]
    renewed = licenses[which % len(licenses)] if licenses and which % 2 else None
    device_id = renewed.device_id if renewed else asked.device
    title_id = renewed.title_id if renewed else asked.title_id

    def found(rule: Rule, at: datetime) -> Finding:
        return rule.check(look(customer, device_id, title_id, at, renewed))

    for rule in limited(most):
        unmet = found(rule, clock).unmet
        if unmet is None:
            continue
        assert unmet.used is not None
        assert unmet.used >= most
        if unmet.resets_at is None:
            assert not found(rule, LATEST - YEAR).met
        else:
            assert not found(rule, unmet.resets_at - TICK).met
            assert found(rule, unmet.resets_at).met
