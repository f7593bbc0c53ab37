"""Syncs and renewals in bulk are judged item by item, with the grants within them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from download_licensing.simulate.oracle import Kind
from download_licensing.simulate.oracle.journal import Item
from tests.unit.download_licensing.simulate.stories import Story

Change = Callable[[dict[str, Any]], Any]


def in_bulk() -> Story:
    """Three renewals: the first is done, the second refused by a rule, the third was released."""
    story = Story().request(0, "tv", "month").request(0, "tv", "once").request(0, "phone", "free")
    return story.release(1, "lic-k4").renew_many(2, "lic-k2", "lic-k3", "lic-k4")


def synced() -> Story:
    story = Story().request(0, "tv", "month")
    items = (
        Item("play", "play", "lic-k2", story.entries[0].at),
        Item("renew", "renewal", "lic-k2"),
    )
    return story.tell("sync", 2, device_id="tv", items=items)


def test_each_item_of_renewals_in_bulk_is_accepted() -> None:
    story = in_bulk()
    body: Any = story.bodies[-1]
    assert [item.outcome for item in body.items] == ["done", "refused", "refused"]
    reasons = [item.refusal and item.refusal.reason for item in body.items]
    assert reasons == [None, "renewals-exhausted", "license-released"]
    assert story.judged() == []


def test_renewals_in_bulk_may_be_said_twice() -> None:
    story = Story().request(0, "tv", "month")
    items = (Item("renew", "", "lic-k2"),)
    for day in (1, 2):
        story.tell("renewals", day, key="mine", items=items)
    assert story.judged() == []
    assert [event.name for event in story.events].count("license-renewed") == 1


def grant(**fields: Any) -> Any:
    def change(body: dict[str, Any]) -> None:
        body["items"][-1 if len(body["items"]) == 2 else 0]["grant"].update(fields)

    return pytest.param(change, id=str(fields))


@pytest.mark.parametrize("tell", [in_bulk, synced])
@pytest.mark.parametrize(
    "change",
    [
        grant(renewals_left=9),
        grant(downloads_left_this_year=9),
        grant(active_downloads_left_on_device=9),
        grant(devices_left=9),
        grant(expires_at=None),
        grant(policy_version="v9"),
    ],
)
def test_a_grant_within_an_answer_that_says_something_wrong_is_found(
    tell: Callable[[], Story], change: Change
) -> None:
    story = tell()
    assert story.judged() == []
    found = story.judged(entries=story.answered(change))
    assert {finding.kind for finding in found} == {Kind.ANSWER}


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body["items"].reverse(),
        lambda body: body["items"].pop(),
        lambda body: body["items"][0].update(grant=None),
        lambda body: body["items"][0].update(outcome="repeated"),
        lambda body: body["items"][0].update(state="expired"),
        lambda body: body["items"][0].update(item_id="another"),
        lambda body: body["items"][1]["refusal"].update(unmet=[]),
        lambda body: body["items"][1]["refusal"].update(reason="device-limit"),
        lambda body: body["items"][2]["refusal"].update(reason="license-revoked"),
    ],
    ids=[
        *("order", "missing", "no grant", "repeated", "state", "other id"),
        *("no rule", "other rule", "other end"),
    ],
)
def test_an_item_that_is_told_wrong_is_found(change: Change) -> None:
    story = in_bulk()
    found = story.judged(entries=story.answered(change))
    assert {finding.kind for finding in found} == {Kind.ANSWER}


def withdrawn() -> Story:
    """The first is refused with an early end noted, the second by a rule, the third so too."""
    story = Story().request(0, "tv", "free").request(0, "tv", "once").request(0, "phone", "free")
    return story.withdraw(1).renew_many(2, "lic-k2", "lic-k3", "lic-k4")


def undone() -> Story:
    """Nothing is done, so nothing is recorded and nothing kept under the key."""
    story = Story().request(0, "tv", "once").request(0, "phone", "free").release(1, "lic-k3")
    return story.renew_many(2, "lic-k2", "lic-k3")


def refusals(story: Story) -> list[Any]:
    body: Any = story.bodies[-1]
    return [item.refusal for item in body.items if item.refusal is not None]


def test_a_refused_item_says_on_which_state_it_was_decided() -> None:
    """Each event of the items before it counts, and so does an early end that it notes itself."""
    done, early, nothing = in_bulk(), withdrawn(), undone()
    renewed = sum(event.command_id == done.entries[-1].key for event in done.events)
    assert renewed == 2
    assert [each.position for each in refusals(done)] == [len(done.events), 0]
    cuts = [event.position for event in early.events if event.name == "license-cut"]
    assert [each.position for each in refusals(early)] == [cuts[0], cuts[0], cuts[1]]
    assert [each.position for each in refusals(nothing)] == [len(nothing.events), 0]
    assert (done.judged(), early.judged(), nothing.judged()) == ([], [], [])


def wrong(**fields: Any) -> Any:
    return pytest.param(lambda refusal: refusal.update(fields), id=str(fields))


def moved(events: int) -> Any:
    return pytest.param(
        lambda refusal: refusal.update(position=refusal["position"] + events), id=f"{events:+}"
    )


@pytest.mark.parametrize("tell", [in_bulk, withdrawn, undone])
@pytest.mark.parametrize(
    "change",
    [
        wrong(reason="device-limit"),
        wrong(policy_version="v9"),
        wrong(at="2026-05-05T00:00:00Z"),
        moved(-1),
        moved(1),
    ],
)
def test_every_part_of_every_refusal_within_an_answer_is_compared(
    tell: Callable[[], Story], change: Change
) -> None:
    story = tell()
    body: Any = story.bodies[-1]
    for index in [index for index, item in enumerate(body.items) if item.refusal is not None]:
        entries = story.answered(partial(_change_refusal, index, change))
        assert {finding.kind for finding in story.judged(entries=entries)} == {Kind.ANSWER}


def _change_refusal(index: int, change: Change, body: dict[str, Any]) -> None:
    change(body["items"][index]["refusal"])


def test_a_renewal_in_bulk_that_nobody_asked_for_is_found() -> None:
    story = in_bulk()
    entry = story.entries[-1]
    other = replace(entry, items=entry.items[1:])
    found = story.judged(entries=[*story.entries[:-1], other])
    assert Kind.SHAPE in {finding.kind for finding in found}


def test_renewals_in_bulk_that_were_acknowledged_and_are_not_there_are_lost() -> None:
    story = in_bulk()
    events = [event for event in story.events if event.command_id != story.entries[-1].key]
    assert {finding.kind for finding in story.judged(events=events)} == {Kind.LOST}
