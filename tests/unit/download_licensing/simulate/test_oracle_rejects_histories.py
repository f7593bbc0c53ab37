"""Histories that lost, doubled, reordered or miscounted something, which the oracle must reject."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from download_licensing.simulate.oracle import Kind
from tests.unit.download_licensing.simulate.paper_service import TERMS
from tests.unit.download_licensing.simulate.stories import (
    START,
    Events,
    Story,
    renumbered,
    without_last_command,
)


def kinds(findings: list[Any]) -> set[Kind]:
    return {finding.kind for finding in findings}


@pytest.mark.parametrize(
    "tell",
    [
        lambda story: story,
        lambda story: story.request(0),
        lambda story: story.request(0).renew(1, "lic-k2"),
        lambda story: story.request(0).play(1, "lic-k2"),
        lambda story: story.request(0).release(1, "lic-k2"),
        lambda story: story.request(0).remove(1, "tv"),
    ],
    ids=["account", "grant", "renewal", "play", "release", "removal"],
)
def test_an_acknowledged_command_that_is_not_in_the_stream_is_lost(
    tell: Callable[[Story], Story],
) -> None:
    story = tell(Story())
    assert story.judged() == []
    assert kinds(story.judged(events=without_last_command(story.events))) == {Kind.LOST}


def test_a_key_that_took_effect_twice_is_found() -> None:
    story = Story().request(0).request(1)
    again = [
        replace(event, command_id="k2") if event.command_id == "k3" else event
        for event in story.events
    ]
    assert Kind.TWICE in kinds(story.judged(events=again))


def test_an_event_that_nobody_asked_for_is_found_if_the_journal_is_complete() -> None:
    story = Story().request(0)
    entries = story.entries[:-1]
    assert kinds(story.judged(entries=entries)) == {Kind.UNEXPLAINED}
    assert story.judged(entries=entries, complete=False) == []


def test_a_command_that_is_recorded_before_one_acknowledged_earlier_is_found() -> None:
    story = Story().request(0, "tv").request(0, "tv")
    opened, first, second = story.entries
    swapped = [
        opened,
        replace(first, began_ns=second.ended_ns + 1, ended_ns=second.ended_ns + 2),
        second,
    ]
    assert Kind.ORDER in kinds(story.judged(entries=swapped))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda events: [*events[:2], *events[3:]],
        lambda events: events[1:],
        lambda events: [*events[:-1], replace(events[-1], position=events[-1].position - 1)],
        lambda events: [*events[:-1], replace(events[-1], recorded_at=START)],
        lambda events: [*events[:-2], replace(events[-2], commit_id="other"), events[-1]],
        lambda events: [*events[:-1], replace(events[-1], stream="customer/bert")],
    ],
    ids=["gap", "late start", "double", "time falls", "commit torn", "other stream"],
)
def test_a_stream_that_is_not_well_formed_is_found(spoil: Callable[[Events], Events]) -> None:
    story = Story().request(0).request(1)
    assert kinds(story.judged(events=spoil(story.events))) == {Kind.STREAM}


def later(name: str, field: str) -> Any:
    """Moves a time of an event by a microsecond."""

    def change(data: dict[str, Any]) -> None:
        moved = datetime.fromisoformat(data[field]) + timedelta(microseconds=1)
        data[field] = moved.isoformat()

    return pytest.param(name, change, id=f"{name} {field} later")


def setting(name: str, **fields: Any) -> Any:
    """Changes fields of an event."""
    return pytest.param(name, lambda data: data.update(fields), id=f"{name} {fields}")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        later("license-issued", "expires_at"),
        setting("license-issued", playback_window_s=1),
        setting("license-issued", renewals_max=9),
        setting("license-issued", plan="basic"),
        later("license-renewed", "expires_at"),
        setting("license-renewed", refresh=True),
        later("first-play-reported", "played_at"),
        later("first-play-reported", "playback_ends_at"),
        later("download-held", "expires_at"),
        setting("download-held", title_id="free"),
        later("download-shortened", "expires_at"),
        setting("download-counted", device_id="laptop"),
        later("download-counted", "at"),
        setting("device-registered", device_id="laptop"),
        setting("license-released", reason="device-removed"),
        setting("license-released", reason=7),
        setting("download-dropped", license_id="lic-k2"),
    ],
)
def test_an_event_that_says_something_wrong_is_found(
    name: str, change: Callable[[dict[str, Any]], Any]
) -> None:
    story = Story().request(0, "tv", "month").play(1, "lic-k2").renew(2, "lic-k2")
    story.request(3, "phone", "month").release(4, "lic-k5")
    assert story.judged() == []
    assert story.judged(events=story.spoilt(name, change))


@pytest.mark.parametrize("played", [-1.0, 5.0], ids=["before the grant", "after the report"])
def test_a_clock_of_a_device_that_was_trusted_is_found(played: float) -> None:
    story = Story().request(0, "tv", "month").play(2, "lic-k2", played=played)
    assert story.judged() == []
    trusted = (START + timedelta(days=played)).isoformat()
    events = story.spoilt("first-play-reported", lambda data: data.update(played_at=trusted))
    assert Kind.ARITHMETIC in kinds(story.judged(events=events))


@pytest.mark.parametrize(
    "left_out",
    [
        "device-registered",
        "license-issued",
        "download-counted",
        "download-held",
        "download-dropped",
    ],
)
def test_a_command_that_did_only_half_is_found(left_out: str) -> None:
    story = Story().request(0).release(1, "lic-k2")
    events = renumbered([event for event in story.events if event.name != left_out])
    assert Kind.SHAPE in kinds(story.judged(events=events))


def test_an_event_that_the_contract_does_not_know_is_found() -> None:
    story = Story().request(0)
    events = [*story.events[:-1], replace(story.events[-1], name="download-forgotten")]
    assert kinds(story.judged(events=events)) == {Kind.SHAPE}


@pytest.mark.parametrize("missing", [{"plans": frozenset()}, {"titles": {}}])
def test_a_catalogue_that_is_not_the_services_is_found(missing: Any) -> None:
    story = Story(plan="basic").request(0, "tv", "once").request(1, "phone", "month")
    found = story.judged(replace(TERMS, **missing))
    assert "the catalogue has no" in found[0].detail


def test_a_licence_that_is_issued_twice_is_found() -> None:
    story = Story().request(0).request(1)
    events = [
        replace(event, aggregate_id="lic-k2") if event.aggregate_id == "lic-k3" else event
        for event in story.events
    ]
    assert Kind.SHAPE in kinds(story.judged(events=events))


@pytest.mark.parametrize(
    ("asked", "told"),
    [("device_id", "phone"), ("title_id", "short"), ("at", START - timedelta(days=1))],
)
def test_a_command_that_did_something_else_than_was_asked_is_found(asked: str, told: Any) -> None:
    story = Story().request(0, "tv", "free")
    changed = replace(story.entries[-1], **{asked: told})
    assert Kind.SHAPE in kinds(story.judged(entries=[story.entries[0], changed]))
