"""Services that keep one rule too lax or too strict: the oracle notices, whichever rule it is."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from download_licensing.domain.rules import RULES
from download_licensing.simulate.oracle import Finding, Kind
from download_licensing.simulate.oracle.answers import Refusal, Synced
from download_licensing.simulate.oracle.journal import Item
from download_licensing.simulate.oracle.terms import Terms, Version
from tests.unit.download_licensing.simulate.paper_service import TERMS, terms_with
from tests.unit.download_licensing.simulate.stories import START, Story, renumbered

Telling = Callable[[Terms], Story]
Case = tuple[str, Terms, Terms, Telling]


def days(number: float) -> datetime:
    return START + timedelta(days=number)


def devices(terms: Terms) -> Story:
    return Story(terms).request(0, "tv").request(1, "phone")


def downloads(terms: Terms) -> Story:
    return Story(terms).request(0).request(1)


def year(terms: Terms) -> Story:
    return Story(terms).request(0, title="month").request(200, title="month")


def plays(terms: Terms) -> Story:
    story = Story(terms).request(0).session(1, "lic-k2", "s1", ("start", 0.9), ("stop", 1))
    return story.request(2)


def agreement(terms: Terms) -> Story:
    return Story(terms).request(0, "tv", "free").request(1, "phone", "endless")


def renewals(terms: Terms) -> Story:
    return Story(terms).request(0).renew(1, "lic-k2").renew(2, "lic-k2")


def blocked(terms: Terms) -> Story:
    return Story(terms).tell("block", 1, reason="misuse").request(2)


def cancelled(terms: Terms) -> Story:
    return Story(terms).tell("standing", 1, standing="cancelled").request(2)


def counted(rule: str, parameter: str, tell: Telling, **others: int) -> Case:
    """One use is allowed, or nine."""
    few: dict[str, Any] = {parameter: 1, **others}
    many: dict[str, Any] = {parameter: 9, **others}
    return rule, terms_with(rule, **few), terms_with(rule, **many), tell


CASES: list[Case] = [
    ("operator-block", TERMS, terms_with("operator-block", off=True), blocked),
    ("account-standing", TERMS, terms_with("account-standing", off=True), cancelled),
    (
        "title-availability",
        terms_with("title-availability", available_from=days(1.001), available_until=days(300)),
        terms_with("title-availability", available_from=days(1), available_until=days(300)),
        lambda terms: Story(terms).request(1),
    ),
    counted("device-limit", "devices_max", devices),
    counted("device-registrations", "registrations_max", devices, window_days=30),
    counted("active-downloads-per-device", "downloads_max", downloads),
    counted("device-downloads-per-month", "downloads_max", downloads),
    counted("title-downloads-per-year", "downloads_max", year),
    counted("title-plays-per-year", "plays_max", plays),
    counted("agreement-concurrent-downloads", "downloads_max", agreement),
    counted("renewals-per-license-per-year", "renewals_max", renewals),
]


def kinds(found: list[Finding]) -> set[Kind]:
    return {finding.kind for finding in found}


every_case = pytest.mark.parametrize(
    ("rule", "strict", "lax", "tell"), CASES, ids=[case[0] for case in CASES]
)


def test_every_rule_of_the_service_is_here() -> None:
    # renewals-per-license is kept in the licence: test_oracle_rejects_limits has its cases.
    assert {case[0] for case in CASES} == {rule.name for rule in RULES} - {"renewals-per-license"}


@every_case
def test_it_is_accepted_where_it_is_kept(
    rule: str, strict: Terms, lax: Terms, tell: Telling
) -> None:
    refused, granted = tell(strict), tell(lax)
    refusal = refused.bodies[-1]
    assert isinstance(refusal, Refusal)
    assert [unmet.rule for unmet in refusal.unmet] == [rule]
    assert 403 not in granted.statuses()
    assert (refused.judged(strict), granted.judged(lax)) == ([], [])


@every_case
def test_a_service_that_goes_beyond_it_is_found(
    rule: str, strict: Terms, lax: Terms, tell: Telling
) -> None:
    assert Kind.LIMIT_PASSED in kinds(tell(lax).judged(strict))


@every_case
def test_a_service_that_refuses_below_it_is_found(
    rule: str, strict: Terms, lax: Terms, tell: Telling
) -> None:
    assert Kind.REFUSED_BELOW_LIMIT in kinds(tell(strict).judged(lax))


@every_case
def test_a_service_that_is_late_with_a_new_policy_is_found(
    rule: str, strict: Terms, lax: Terms, tell: Telling
) -> None:
    """Both ways: it decides by the version before, or by one that is to come."""
    version = lax.versions[0]
    changed = terms_with("playback-window", since=days(500), hours=1)
    early = Terms(lax.plans, lax.titles, (version, changed.versions[-1]))
    assert tell(early).judged(early) == []
    later = Version("v2", days(0.5), strict.versions[0].layers)
    at_once = Terms(lax.plans, lax.titles, (version, later))
    assert Kind.LIMIT_PASSED in kinds(tell(lax).judged(at_once))
    assert Kind.REFUSED_BELOW_LIMIT in kinds(tell(at_once).judged(lax))


def test_months_begin_where_the_customer_lives() -> None:
    strict = terms_with("device-downloads-per-month", downloads_max=1)
    zone = {"country": "NZ", "time_zone": "Pacific/Auckland"}  # UTC+13 in January

    def story(terms: Terms) -> Story:
        told = Story(terms, **zone).request(0).request(31 - 13 / 24 - 1 / 86_400)
        return told.request(31 - 13 / 24)

    assert story(strict).statuses() == [201, 403, 201]
    assert story(strict).judged(strict) == []
    moved = Story(strict, country="DE", time_zone="Europe/Berlin").request(0)
    moved.tell("region", 1, **zone).request(31 - 13 / 24)
    assert moved.statuses() == [201, 200, 201]
    assert moved.judged(strict) == []


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("session-reported", {"state": "playing"}),
        ("session-reported", {"last_at": days(0.95)}),
        ("session-reported", {"started_at": days(0.95)}),
        ("play-counted", {"played_at": days(0.95)}),
        ("play-counted", {"session_id": "s9"}),
        ("first-play-reported", {"played_at": days(0.95)}),
        ("license-issued", {"policy_version": "v9"}),
    ],
)
def test_a_fact_that_says_something_else_is_found(name: str, change: dict[str, object]) -> None:
    story = Story().request(0).session(1, "lic-k2", "s1", ("start", 0.9), ("stop", 1))
    assert story.judged() == []
    assert story.judged(events=story.spoilt(name, lambda data: data.update(change)))


def test_what_operators_and_billing_do_twice_is_accepted() -> None:
    story = (
        Story()
        .request(0)
        .tell("block", 1, reason="misuse")
        .tell("block", 1, reason="misuse")
        .tell("unblock", 2)
        .tell("unblock", 2)
        .tell("standing", 3, standing="past-due")
        .tell("standing", 3, standing="past-due")
        .tell("region", 4, country="DE", time_zone="Europe/Berlin")
        .tell("region", 4, country="DE", time_zone="Europe/Berlin")
        .tell("revoke", 5, license_id="lic-k2", reason="misuse")
        .tell("revoke", 6, license_id="lic-k2", reason="other")
        .release(7, "lic-k2")
        .renew(8, "lic-k2")
        .session(9, "lic-k2", "s1", ("stop", 4.9), ("start", 4.8))
        .session(9, "lic-k2", "s1", ("start", 4.8))
    )
    assert set(story.statuses()) == {200, 201, 409}
    assert story.judged() == []


@pytest.mark.parametrize(
    "lost", ["account-blocked", "standing-changed", "region-changed", "license-revoked"]
)
def test_what_was_acknowledged_and_then_lost_is_found(lost: str) -> None:
    story = (
        Story()
        .request(0)
        .tell("block", 1, reason="misuse")
        .tell("standing", 3, standing="past-due")
        .tell("region", 4, country="DE", time_zone="Europe/Berlin")
        .tell("revoke", 5, license_id="lic-k2", reason="misuse")
    )
    assert story.judged() == []
    (gone,) = {event.commit_id for event in story.events if event.name == lost}
    kept = [event for event in story.events if event.commit_id != gone]
    assert Kind.LOST in kinds(story.judged(events=renumbered(kept)))


def cancelled_and_back() -> Story:
    """Two licences end by a cancellation; each says so when it is next touched."""
    return (
        Story()
        .request(0, "tv", "month")
        .request(0, "phone", "free")
        .play(0.5, "lic-k2")
        .tell("standing", 1, standing="cancelled")
        .tell("license", 1.1, license_id="lic-k3")
        .renew(1.2, "lic-k3")
        .play(1.3, "lic-k2")
        .tell("standing", 2, standing="good")
        .renew(3, "lic-k3")
        .release(4, "lic-k2")
        .tell("devices", 4)
    )


def test_a_cancellation_that_ends_all_downloads_is_accepted() -> None:
    story = cancelled_and_back()
    assert 403 in story.statuses()
    assert story.judged() == []
    names = [event.name for event in story.events]
    assert (names.count("downloads-ended"), names.count("license-cut")) == (2, 2)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("downloads-ended", lambda data: data["ends"].clear()),
        ("license-cut", lambda data: data.update(reason="title-withdrawn")),
        ("license-cut", lambda data: data.update(ends_at=days(0.9))),
    ],
    ids=["none ends", "other reason", "other time"],
)
def test_an_early_end_that_is_told_otherwise_is_found(
    name: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    story = cancelled_and_back()
    assert story.judged(events=story.spoilt(name, change))


def test_an_early_end_that_nobody_notes_is_found() -> None:
    story = cancelled_and_back()
    unnoted = [event for event in story.events if event.name != "license-cut"]
    assert Kind.SHAPE in kinds(story.judged(events=renumbered(unnoted)))


def test_a_smaller_plan_with_more_devices_than_it_allows_is_accepted() -> None:
    story = Story().request(0, "tv").request(0, "phone").tell("plan", 1, plan="basic")
    story.renew(2, "lic-k2").release(3, "lic-k3").renew(4, "lic-k2").tell("plan", 5, plan="basic")
    assert story.statuses() == [201, 201, 200, 403, 200, 200, 200]
    assert story.judged() == []
    lost = [event for event in story.events if event.name != "plan-changed"]
    assert Kind.REFUSED_BELOW_LIMIT in kinds(story.judged(events=renumbered(lost)))


def back_from_a_journey() -> Story:
    """A device brings a release, sessions and renewals: done, repeated and refused."""
    told = START + timedelta(days=3)
    items = (
        Item("renew", "n-1", "lic-k3"),
        Item("renew", "n-2", "lic-k4"),
        Item("session", "s-1", "lic-k3", None, "s1", (("start", told), ("stop", told))),
        Item("session", "s-2", "lic-k3", None, "s1", (("start", told),)),
        Item("play", "p-1", "lic-k4", told),
        Item("release", "r-1", "lic-k2", told),
    )
    story = Story().request(0, "tv", "free").request(0, "tv", "month").request(0, "tv", "once")
    story.tell("sync", 4, device_id="tv", items=items)
    return story.tell("sync", 5, device_id="tv", items=items[:1] + items[3:])


def test_a_sync_is_accepted_item_by_item() -> None:
    story = back_from_a_journey()
    assert story.judged() == []
    first, second = story.bodies[-2:]
    assert isinstance(first, Synced)
    assert isinstance(second, Synced)
    outcomes = ["done", "done", "repeated", "done", "done", "refused"]
    assert sorted(item.outcome for item in first.items) == sorted(outcomes)
    assert {item.outcome for item in second.items} == {"repeated"}
    assert story.judged(entries=[], complete=False) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda items: items[0].update(outcome="repeated"),
        lambda items: items[3].update(outcome="done"),
        lambda items: items[0].update(state="active"),
        lambda items: items[1].update(effective_expires_at=None),
        lambda items: items[-1]["refusal"]["unmet"][0].update(used=7),
        lambda items: items[-1].update(refusal=None, outcome="done"),
        lambda items: items.pop(0),
    ],
    ids=["less", "more", "state", "expiry", "numbers", "granted", "left out"],
)
def test_an_answer_to_a_sync_that_says_something_else_is_found(
    change: Callable[[list[Any]], Any],
) -> None:
    story = back_from_a_journey()
    entries = story.answered(lambda body: change(body["items"]), -2)
    assert kinds(story.judged(entries=entries)) == {Kind.ANSWER}


@pytest.mark.parametrize("name", ["license-released", "session-reported", "license-renewed"])
def test_a_sync_of_which_a_part_is_lost_is_found(name: str) -> None:
    story = back_from_a_journey()
    kept = [event for event in story.events if event.name != name]
    assert story.judged(events=renumbered(kept))
