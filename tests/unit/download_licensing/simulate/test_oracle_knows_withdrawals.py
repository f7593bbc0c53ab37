"""Titles that are withdrawn in the middle: what the oracle accepts, and what it must reject."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from download_licensing.simulate.oracle import Entry, Finding, Kind
from download_licensing.simulate.oracle.journal import Item
from tests.unit.download_licensing.simulate.stories import START, Story, renumbered


def kinds(found: list[Finding]) -> set[Kind]:
    return {finding.kind for finding in found}


def deaf(story: Story) -> Story:
    """From now on the service has not heard of withdrawals."""
    story.service.knows = False
    return story


def hearing(story: Story) -> Story:
    story.service.knows = True
    return story


def test_all_that_a_withdrawal_means_is_accepted() -> None:
    story = (
        Story()
        .request(0, "tv", "free")
        .request(0, "phone", "month")
        .withdraw(1)
        .withdraw(1.1, reason="another")
        .tell("license", 2, license_id="lic-k2")
        .tell("devices", 2)
        .tell("allowance", 2, device_id="tv", title_id="free")
        .request(2)
        .renew(2, "lic-k2")
        .play(3, "lic-k2", played=0.5)
        .renew_many(4, "lic-k3", "lic-k2")
        .reinstate(5)
        .reinstate(5.1)
        .tell("license", 6, license_id="lic-k2")
        .renew(6, "lic-k2")
        .request(6)
        .release(7, "lic-k2")
    )
    assert story.judged() == []
    assert story.statuses().count(409) == 3
    names = [event.name for event in story.events]
    assert names.count("downloads-ended") == names.count("license-cut") == 1


def test_a_cancellation_of_someone_whose_title_was_withdrawn_is_accepted() -> None:
    story = Story().request(0).request(0, "phone", "month").withdraw(1)
    story.tell("standing", 2, standing="cancelled").tell("license", 3, license_id="lic-k2")
    assert story.judged() == []


def test_what_another_run_withdrew_before_is_known() -> None:
    story = Story().withdraw(0, "once", key="of-another-run").withdraw(1).request(2, title="once")
    own = [entry for entry in story.entries if entry.key != "of-another-run"]
    assert story.statuses()[-1] == 409
    assert story.judged(entries=own) == []


def test_an_export_without_a_journal_is_accepted() -> None:
    story = Story().request(0).withdraw(1).play(2, "lic-k2").reinstate(3).renew(4, "lic-k2")
    assert story.judged(entries=[], complete=False) == []


def test_either_is_right_while_it_is_being_withdrawn() -> None:
    for tell in (deaf, hearing):
        story = tell(Story().request(0).withdraw(1))
        story.request(2).renew(2, "lic-k2").tell("license", 2, license_id="lic-k2")
        during = during_all_that_follows(story, "withdraw")
        assert story.judged(entries=during) == []
    assert kinds(deaf(Story().withdraw(1)).request(2).judged()) == {Kind.LIMIT_PASSED}


def test_what_a_decision_is_thought_to_know_has_to_agree_with_itself() -> None:
    """The first item is answered by who knows of it, the second by who does not."""
    story = Story().request(0, "tv", "free").request(0, "phone", "free").withdraw(1)
    story.renew_many(2, "lic-k2", "lic-k3")
    during = during_all_that_follows(story, "withdraw")
    assert story.judged(entries=during) == []
    mixed = story.answered(lambda body: body["items"][1]["refusal"].update(reason="device-limit"))
    entries = during_all_that_follows(story, "withdraw", mixed)
    assert kinds(story.judged(entries=entries)) == {Kind.ANSWER}


def during_all_that_follows(
    story: Story, call: str, entries: list[Entry] | None = None
) -> list[Entry]:
    """The journal as if a call had been answered last of all."""
    entries = entries or story.entries
    last = max(entry.ended_ns for entry in entries)
    return [replace(each, ended_ns=last + 1) if each.call == call else each for each in entries]


UNHEARD: dict[str, Callable[[Story], Story]] = {
    "request": lambda story: story.request(2),
    "renewal": lambda story: story.renew(2, "lic-k2"),
    "renewal in bulk": lambda story: story.renew_many(2, "lic-k2"),
    "sync": lambda story: story.tell(
        "sync", 2, device_id="tv", items=(Item("renew", "one", "lic-k2"),)
    ),
}


@pytest.mark.parametrize("told", UNHEARD)
def test_a_service_that_grants_what_is_withdrawn_is_found(told: str) -> None:
    story = UNHEARD[told](deaf(Story().request(0).withdraw(1)))
    assert story.statuses()[-1] in {200, 201}
    assert Kind.LIMIT_PASSED in kinds(story.judged())


@pytest.mark.parametrize(
    "told",
    [
        lambda story: story.tell("license", 2, license_id="lic-k2"),
        lambda story: story.tell("devices", 2),
        lambda story: story.tell("allowance", 2, device_id="tv", title_id="free"),
        lambda story: story.release(2, "lic-k2"),
        lambda story: story.play(2, "lic-k2"),
        lambda story: story.tell("plan", 2, plan="basic"),
        lambda story: story.tell("standing", 2, standing="past-due"),
        lambda story: story.tell("remove", 2, device_id="tv"),
    ],
    ids=["license", "devices", "allowance", "release", "play", "plan", "standing", "removal"],
)
def test_a_service_that_ends_nothing_is_found(told: Callable[[Story], Story]) -> None:
    assert told(deaf(Story().request(0).withdraw(1))).judged()
    assert told(hearing(Story().request(0).withdraw(1))).judged() == []


@pytest.mark.parametrize(
    "told",
    [
        lambda story: story.request(4),
        lambda story: story.renew(4, "lic-k2"),
        lambda story: story.tell("allowance", 4, device_id="tv", title_id="free"),
    ],
    ids=["request", "renewal", "allowance"],
)
def test_a_service_that_refuses_what_is_not_withdrawn_is_found(
    told: Callable[[Story], Story],
) -> None:
    story = told(Story().request(0).withdraw(1))
    assert story.statuses()[-1] == 409
    never = [entry for entry in story.entries if entry.customer_id]
    assert Kind.REFUSED_BELOW_LIMIT in kinds(story.judged(entries=never, titles=[]))


def test_an_item_refused_as_withdrawn_when_it_is_not_is_found() -> None:
    story = Story().request(0).withdraw(1).reinstate(2).renew_many(3, "lic-k2")
    decided = {"policy_version": "", "at": START.isoformat(), "position": len(story.events)}
    refused = {"reason": "title-withdrawn", "unmet": [], **decided}
    nothing = {"state": None, "effective_expires_at": None, "grant": None}
    change = {"outcome": "refused", "refusal": refused, **nothing}
    entries = story.answered(lambda body: body["items"][0].update(change))
    assert Kind.ANSWER in kinds(story.judged(entries=entries))


def test_a_removal_of_a_device_says_what_had_ended_early() -> None:
    """The title is back by then, and may never have been away for who answers afterwards."""
    story = Story().request(0, "tv", "free").request(0, "tv", "month").withdraw(1)
    story.play(2, "lic-k3").reinstate(3).tell("remove", 4, device_id="tv")
    story.tell("license", 5, license_id="lic-k2")
    assert story.judged() == []
    assert [event.name for event in story.events].count("license-cut") == 1
    unnoted = [event for event in story.events if event.name != "license-cut"]
    assert Kind.SHAPE in kinds(story.judged(events=renumbered(unnoted)))


def test_a_removal_of_a_removed_device_says_no_more_than_what_had_ended_elsewhere() -> None:
    story = Story().request(0, "phone", "free").request(0, "tv", "month")
    story.tell("remove", 1, device_id="tv").withdraw(2).tell("remove", 3, device_id="tv")
    assert story.judged() == []
    assert story.events[-1].name == "downloads-ended"


def test_an_early_end_that_is_noted_twice_is_found() -> None:
    story = Story().request(0).withdraw(1).tell("remove", 2, device_id="tv")
    assert story.judged() == []
    (noted,) = [index for index, event in enumerate(story.events) if event.name == "license-cut"]
    twice = [*story.events[: noted + 1], *story.events[noted:]]
    assert Kind.SHAPE in kinds(story.judged(events=renumbered(twice)))


def moved(data: dict[str, Any]) -> None:
    data["ends"] = {license_id: START.isoformat() for license_id in data["ends"]}


def test_an_early_end_at_another_time_is_found() -> None:
    story = Story().request(0).withdraw(1).play(2, "lic-k2")
    assert story.judged() == []
    for events in (
        story.spoilt("downloads-ended", moved),
        story.spoilt("downloads-ended", lambda data: data.update(ends={})),
        story.spoilt("license-cut", lambda data: data.update(reason="account-cancelled")),
        renumbered([event for event in story.events if event.name != "downloads-ended"]),
        renumbered([event for event in story.events if event.name != "license-cut"]),
    ):
        assert story.judged(events=events)


def test_a_command_that_ends_what_is_not_withdrawn_is_found() -> None:
    story = Story().request(0).withdraw(1).play(2, "lic-k2")
    never = [entry for entry in story.entries if entry.customer_id]
    assert Kind.ARITHMETIC in kinds(story.judged(entries=never, titles=[]))


def withdrawn_twice(story: Story) -> Story:
    return story.withdraw(1).withdraw(2, reason="another").reinstate(3)


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda events: events[:-1], Kind.LOST),
        (lambda events: events[1:], Kind.STREAM),
        (lambda events: renumbered(events[1:]), Kind.SHAPE),
        (lambda events: [replace(events[0], aggregate_id="once"), events[1]], Kind.SHAPE),
        (lambda events: [replace(events[0], name="title-lost"), events[1]], Kind.SHAPE),
    ],
    ids=["lost", "gap", "out of nothing", "other title", "unknown"],
)
def test_a_stream_of_titles_that_is_not_right_is_found(spoil: Any, kind: Kind) -> None:
    story = withdrawn_twice(Story())
    assert story.judged() == []
    found = story.judged(titles=spoil(story.service.titles.events))
    assert kind in kinds(found)


def test_a_withdrawal_in_the_middle_that_nobody_asked_for_is_found() -> None:
    story = Story().withdraw(1).reinstate(2).withdraw(3)
    first, second, third = story.service.titles.events
    titles = [first, replace(second, command_id="k9"), third]
    assert kinds(story.judged(titles=titles)) == {Kind.UNEXPLAINED}


def test_what_another_run_withdrew_later_was_not_known() -> None:
    story = Story().withdraw(1, "once").reinstate(2, "once").request(3, title="free")
    later = Story().withdraw(1, "once").reinstate(2, "once").withdraw(2, "free", key="another")
    assert story.judged(titles=later.service.titles.events) == []


@pytest.mark.parametrize("index", [1, 2, 3], ids=["withdrawn", "again", "reinstated"])
@pytest.mark.parametrize("said", [{"reason": "made up"}, {"withdrawn_at": "2026-05-05T00:00:00Z"}])
def test_an_operator_who_was_told_something_wrong_is_found(
    said: dict[str, str], index: int
) -> None:
    story = withdrawn_twice(Story())
    entries = story.answered(lambda body: body.update(said), index)
    assert kinds(story.judged(entries=entries)) == {Kind.ANSWER}


def test_a_withdrawal_recorded_before_one_that_was_acknowledged_earlier_is_found() -> None:
    story = Story().withdraw(1, "free").withdraw(1, "once")
    opened, first, second = story.entries
    late = replace(first, began_ns=second.ended_ns + 1, ended_ns=second.ended_ns + 2)
    assert Kind.ORDER in kinds(story.judged(entries=[opened, late, second]))
