"""Histories that are right, which the oracle must accept."""

import msgspec

from download_licensing.simulate.oracle import Entry
from tests.unit.download_licensing.simulate.stories import Story


def test_a_member_who_does_everything_is_accepted() -> None:
    story = (
        Story()
        .request(0, "tv", "month")
        .request(0.1, "phone", "short")
        .request(0.2, "tablet", "free")  # refused: two devices
        .play(1, "lic-k2")
        .renew(2, "lic-k2")
        .renew(10, "lic-k2")  # the playback window is over: a refresh
        .play(11, "lic-k2", played=3)
        .play(11.5, "lic-k2", played=2)
        .release(12, "lic-k2")
        .release(12, "lic-k2")
        .renew(12, "lic-k2")  # a problem: released
        .remove(13, "phone")
        .remove(13, "phone")
        .request(13, "phone", "short")
        .tell("license", 13, license_id="lic-k2")
        .tell("devices", 13)
        .tell("allowance", 13, device_id="tv", title_id="short")
    )
    assert story.judged() == []
    assert {403, 409} < set(story.statuses())


def test_each_limit_is_accepted_right_up_to_it_and_refused_beyond() -> None:
    devices = Story(plan="basic").request(0, "tv").request(0, "phone")
    downloads = Story(plan="basic").request(0).request(0).request(0).request(0)
    year = Story().request(0, title="once").request(364.99, title="once").request(365, title="once")
    renewals = Story().request(0, title="short").renew(1, "lic-k2").renew(2, "lic-k2")
    assert devices.statuses() == [201, 403]
    assert downloads.statuses() == [201, 201, 201, 403]
    assert year.statuses() == [201, 403, 201]
    assert renewals.statuses() == [201, 200, 403]
    for story in (devices, downloads, year, renewals):
        assert story.judged() == []


def test_a_repetition_is_accepted_however_late() -> None:
    story = Story().request(0, key="mine").request(1).request(2).request(3, key="mine")
    assert story.judged() == []


def test_a_key_used_for_another_command_is_accepted_if_it_was_refused() -> None:
    story = Story().request(0, key="mine")
    story.request(1, title="short", key="mine", reuses_key=True)
    assert story.statuses() == [201, 422]
    assert story.judged() == []


def test_a_refused_key_may_be_granted_when_it_is_sent_again() -> None:
    story = Story(plan="basic").request(0, "tv").request(0, "phone", key="mine")
    story.release(1, "lic-k2").request(2, "phone", key="mine")
    assert story.statuses() == [201, 403, 200, 201]
    assert story.judged() == []


def test_a_refusal_at_the_same_time_as_the_release_that_makes_room_is_accepted() -> None:
    story = Story(plan="basic").request(0, "tv").request(1, "phone").release(1, "lic-k2")
    refused, release = story.entries[-2:]
    at_once = msgspec.structs.replace(refused, ended_ns=release.ended_ns + 1)
    assert story.judged(entries=[*story.entries[:-2], at_once, release]) == []


def test_a_request_without_an_answer_may_have_taken_effect_or_not() -> None:
    story = Story().request(0).request(1)
    unanswered = [*story.entries[:-1], _unanswered(story.entries[-1])]
    assert story.judged(entries=unanswered) == []
    lost = [event for event in story.events if event.command_id != "k3"]
    assert story.judged(entries=unanswered, events=lost) == []


def test_an_export_without_a_journal_is_accepted() -> None:
    story = Story().request(0).play(1, "lic-k2").release(2, "lic-k2")
    assert story.judged(entries=[], complete=False) == []


def test_a_customer_who_never_came_through_is_accepted() -> None:
    story = Story()
    assert story.judged(events=[], entries=[_unanswered(story.entries[0])]) == []


def _unanswered(entry: Entry) -> Entry:
    return msgspec.structs.replace(entry, status=0, body=msgspec.Raw(b"null"))
