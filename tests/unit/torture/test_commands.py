"""The judge of commands accepts what can be true, and no wrong history of any kind."""

from __future__ import annotations

import msgspec
import pytest

from helenus.testing.histories import Verdict
from tests.torture.commands import CommandSeen, Shown, digest, violations

FINAL = ["a", "b", "c", "d"]


def shown(count: int, items: list[str] = FINAL) -> Shown:
    value = ""
    for item in items[:count]:
        value = digest(value, item)
    return Shown(count, value)


def noted(items: str, began: int, count: int) -> CommandSeen:
    return CommandSeen(
        stream="s",
        items=list(items),
        began=began,
        ended=began + 5,
        verdict=Verdict.ACKNOWLEDGED,
        shown=shown(count),
    )


def looked(began: int, count: int) -> CommandSeen:
    return noted("", began, count)


def failed(items: str, began: int, verdict: Verdict) -> CommandSeen:
    return CommandSeen(stream="s", items=list(items), began=began, ended=began + 5, verdict=verdict)


SOUND = [
    noted("a", 10, 1),
    looked(12, 0),
    looked(13, 1),
    noted("bc", 20, 3),
    failed("d", 22, Verdict.UNKNOWN),
    looked(30, 3),
    looked(31, 4),
    failed("e", 32, Verdict.UNKNOWN),
    failed("f", 33, Verdict.REFUSED),
]


def of(seen: list[CommandSeen], final: list[str] = FINAL) -> list[str]:
    return violations(seen, {"s": final})


def changed(index: int, **fields: object) -> list[CommandSeen]:
    return [
        msgspec.structs.replace(each, **fields) if number == index else each
        for number, each in enumerate(SOUND)
    ]


def test_a_history_that_can_be_true_is_sound() -> None:
    assert of(SOUND) == []


@pytest.mark.parametrize(
    ("seen", "final", "told"),
    [
        (SOUND, ["b", "c", "d"], "a command was told that it is at 1, and is at"),
        (SOUND, ["a", "b", "c", "d", "a"], "noted twice"),
        (SOUND, ["a", "b", "c", "d", "x"], "came from nowhere"),
        (SOUND, ["a", "b", "c", "d", "f"], "did not happen is there"),
        (SOUND, ["a", "b", "d", "c"], "in part or in pieces"),
        (SOUND, ["a", "b", "d"], "in part or in pieces"),
        (SOUND, ["b", "c", "a", "d"], "a command was told that it is at"),
        (changed(2, shown=Shown(1, "another list's")), FINAL, "that never was"),
        (changed(2, shown=shown(5, [*FINAL, "e"])), FINAL, "that never was"),
        (changed(3, shown=shown(2)), FINAL, "was told that it is at 2"),
        (changed(5, shown=shown(1)), FINAL, "comes after 1"),
        (changed(6, began=40, ended=45, shown=shown(3)), FINAL, ""),
        (changed(0, began=40, ended=45), FINAL, "comes after 0"),
        (changed(4, began=50, ended=55), [*FINAL[:3], "d"], "comes after 3"),
    ],
)
def test_no_wrong_history_passes(seen: list[CommandSeen], final: list[str], told: str) -> None:
    found = of(seen, final)
    if told:
        assert any(told in each for each in found), found
    else:
        assert found == []


def test_a_stream_of_which_nothing_was_read_has_lost_what_was_acknowledged() -> None:
    assert violations(SOUND, {}) != []
