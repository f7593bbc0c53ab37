"""Answers that the stream does not bear out, which the oracle must reject."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from download_licensing.simulate.oracle import Kind
from tests.unit.download_licensing.simulate.stories import Story

Change = Callable[[dict[str, Any]], Any]


def setting(**fields: Any) -> Any:
    """A change of fields, as a named parameter of a test."""
    return pytest.param(lambda body: body.update(fields), id=str(fields))


def judged_answer(story: Story, change: Change) -> set[Kind]:
    assert story.judged() == []
    return {finding.kind for finding in story.judged(entries=story.answered(change))}


@pytest.mark.parametrize(
    "change",
    [
        setting(expires_at=None),
        setting(devices_left=9),
        setting(active_downloads_left_on_device=9),
        setting(downloads_left_this_year=9),
        setting(renewals_left=9),
        setting(playback_window_s=9),
        setting(plan="basic"),
        setting(license_id="lic-other"),
    ],
)
def test_a_grant_that_says_something_wrong_is_found(
    change: Change,
) -> None:
    story = Story().request(0, "tv", "month")
    assert judged_answer(story, change) <= {Kind.ANSWER, Kind.LOST}
    assert judged_answer(story, change)


@pytest.mark.parametrize(
    "change",
    [
        setting(state="expired"),
        setting(first_played_at=None),
        setting(playback_ends_at=None),
        setting(effective_expires_at=None),
        setting(license_remaining_s=None),
        setting(playback_remaining_s=5),
        setting(renewals_used=9),
        setting(released_at="2026-01-01T00:00:00Z"),
    ],
)
def test_a_licence_that_is_told_wrong_is_found(change: Change) -> None:
    story = Story().request(0, "tv", "month").play(1, "lic-k2")
    assert judged_answer(story, change) == {Kind.ANSWER}
    assert judged_answer(story.tell("license", 1, license_id="lic-k2"), change) == {Kind.ANSWER}


@pytest.mark.parametrize(
    "change",
    [
        setting(devices_in_use=2),
        setting(devices_max=9),
        setting(devices=[]),
        pytest.param(lambda body: body["devices"][0].update(holds_slot=False), id="holds_slot"),
        pytest.param(lambda body: body["devices"][0].update(active_downloads=2), id="active"),
    ],
)
def test_devices_that_are_told_wrong_are_found(change: Change) -> None:
    assert judged_answer(Story().request(0).tell("devices", 1), change) == {Kind.ANSWER}


@pytest.mark.parametrize(
    "change",
    [
        setting(allowed=False),
        setting(downloads_left_this_year=9),
        setting(active_downloads_left_on_device=9),
        setting(devices_left=9),
    ],
)
def test_an_allowance_that_is_told_wrong_is_found(
    change: Change,
) -> None:
    story = Story().request(0).tell("allowance", 1, device_id="tv", title_id="month")
    assert judged_answer(story, change) == {Kind.ANSWER}


def test_licences_that_were_released_unsaid_are_found() -> None:
    story = Story().request(0).remove(1, "tv")
    assert judged_answer(story, lambda body: body.update(released_licenses=[])) == {Kind.ANSWER}


def test_two_answers_under_one_key_are_found() -> None:
    story = Story().request(0, key="mine").request(1, key="mine")
    other = replace(story.entries[-1], crc=1)
    found = story.judged(entries=[*story.entries[:-1], other])
    assert {finding.kind for finding in found} == {Kind.ANSWER}


@pytest.mark.parametrize(
    ("call", "status", "about"),
    [
        ("open", 409, {"plan": "standard"}),
        ("renew", 409, {"license_id": "lic-k2"}),
        ("remove", 404, {"device_id": "tv"}),
        ("request", 422, {"device_id": "tv", "title_id": "free"}),
    ],
)
def test_a_problem_without_a_cause_is_found(call: str, status: int, about: dict[str, str]) -> None:
    story = Story().request(0).tell("open", 1, plan="basic")
    named: dict[str, Any] = {"plan": "", **about}
    problem = replace(story.entries[-1], call=call, status=status, **named)
    found = story.judged(entries=[*story.entries[:-1], problem])
    assert {finding.kind for finding in found} == {Kind.ANSWER}


def test_an_answer_that_cannot_be_read_is_found() -> None:
    story = Story().request(0)
    assert judged_answer(story, lambda body: body.pop("expires_at")) == {Kind.ANSWER}


def test_a_refusal_of_a_command_that_took_effect_is_found() -> None:
    story = Story(plan="basic").request(0, "tv").request(1, "phone").release(2, "lic-k2")
    refused = replace(story.entries[-2], key="k2")
    found = story.judged(entries=[*story.entries[:-2], refused, story.entries[-1]])
    assert Kind.REFUSED_BELOW_LIMIT in {finding.kind for finding in found}
