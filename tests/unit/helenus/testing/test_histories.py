"""The history checker finds every kind of wrong history, and nothing in a right one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from helenus import Commit
from helenus.testing.conformance.fixtures import commits
from helenus.testing.histories import AppendSeen, History, ReadSeen, Verdict, violations

MADE = commits(1, 2, 1, 1, 1)
A, B, C, D, E = MADE


def seen(made: list[Commit], began: int, ended: int, **other: Any) -> AppendSeen:
    values: dict[str, Any] = {
        "stream": "s",
        "commits": tuple(made),
        "expected": made[0].first - 1,
        "began": began,
        "ended": ended,
        "verdict": Verdict.ACKNOWLEDGED,
        "head": made[-1].last,
    }
    return AppendSeen(**(values | other))


def sound() -> tuple[History, dict[str, list[Commit]]]:
    """A, B+C in one append, a conflict, D unknown and there, E unknown and not there.

    At last a conflict at a position where no commit ends, and which thus never was the head.
    """
    history = History()
    (lost,) = commits(1)
    history.appends = [
        seen([A], 1, 4),
        seen([lost], 2, 6, verdict=Verdict.CONFLICT, head=1),
        seen([B, C], 10, 20),
        seen([D], 30, 40, verdict=Verdict.UNKNOWN, head=None),
        seen([E], 50, 60, verdict=Verdict.UNKNOWN, head=None),
        seen(commits(1, after=5), 62, 63, verdict=Verdict.REFUSED, head=None),
        seen(commits(1, after=2), 64, 65, verdict=Verdict.CONFLICT, head=5),
    ]
    history.reads = [
        ReadSeen(stream="s", began=0, ended=1, head=0, after=0, to_head=True),
        ReadSeen(stream="s", began=5, ended=7, head=1, commits=[A], after=0, to_head=True),
        ReadSeen(stream="s", began=11, ended=12, commits=[A], after=0),
        ReadSeen(stream="s", began=13, ended=25, head=4, commits=[B, C], after=1, to_head=True),
        ReadSeen(stream="s", began=41, ended=42, head=5),
    ]
    return history, {"s": [A, B, C, D]}


def test_a_sound_history_has_no_violations() -> None:
    assert violations(*sound()) == []


def test_an_empty_history_has_no_violations() -> None:
    assert violations(History(), {}) == []


Break = Callable[[History, dict[str, list[Commit]]], object]


def put(values: dict[str, Any], kind: str, index: int) -> Break:
    def change(history: History, _: dict[str, list[Commit]]) -> None:
        for name, value in values.items():
            setattr(getattr(history, kind)[index], name, value)

    return change


def end(*made: Commit) -> Break:
    return lambda _, final: final.update(s=list(made))


def read(**values: Any) -> Break:
    return lambda history, _: history.reads.append(ReadSeen(stream="s", **values))


def append(made: list[Commit], began: int, ended: int, **values: Any) -> Break:
    return lambda history, _: history.appends.append(seen(made, began, ended, **values))


STRANGER = commits(1, after=5)[0]
CHANGED = Commit(D.commit_id, D.first, D.last, D.recorded_at_us, D.kinds, D.meta, b"changed")


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        pytest.param(end(A, B, C, D, STRANGER), "never appended", id="a commit from nowhere"),
        pytest.param(end(A, B, C, CHANGED), "not as it was appended", id="a changed commit"),
        pytest.param(end(A, B, C, D, D), "there twice", id="a commit twice"),
        pytest.param(end(A, C, D), "followed by", id="a gap"),
        pytest.param(end(B, C, D), "followed by", id="a missing beginning"),
        pytest.param(end(A, B, D), "is lost", id="an acknowledged commit lost"),
        pytest.param(end(A, B), "is there in part", id="half an append"),
        pytest.param(end(A, B, D, C), "not in one piece", id="an append torn apart"),
        pytest.param(
            put({"expected": 2}, "appends", 2), "is at 2", id="an append at another position"
        ),
        pytest.param(
            put({"head": 3}, "appends", 2), "answered with head 3", id="a wrong acknowledged head"
        ),
        pytest.param(
            put({"verdict": Verdict.REFUSED}, "appends", 3),
            "did not happen is there",
            id="a refused append that is there",
        ),
        pytest.param(
            put({"verdict": Verdict.CONFLICT, "head": 5}, "appends", 3),
            "conflict is there",
            id="a conflicting append that is there",
        ),
        pytest.param(
            append(commits(1, after=5), 70, 80, verdict=Verdict.CONFLICT, head=4),
            "not justified",
            id="a conflict without another append",
        ),
        pytest.param(
            append(commits(1), -9, -8, verdict=Verdict.CONFLICT, head=1),
            "not justified",
            id="a conflict before the other append",
        ),
        pytest.param(
            put({"head": 0}, "appends", 1), "told a head of 0", id="a conflict with itself"
        ),
        pytest.param(
            put({"head": 2}, "appends", 1), "told a head of 2", id="a conflict with no head"
        ),
        pytest.param(
            put({"began": 21, "ended": 22}, "appends", 0),
            "acknowledged before an earlier one",
            id="real time turned round",
        ),
        pytest.param(read(began=41, ended=42, head=1), "misses position", id="a read of the past"),
        pytest.param(read(began=8, ended=9, head=4), "appended later", id="a read of the future"),
        pytest.param(
            read(began=8, ended=9, commits=[D], after=4), "appended later", id="a future page"
        ),
        pytest.param(
            read(began=11, ended=19, head=3), "a part of the append", id="a part made visible"
        ),
        pytest.param(
            read(began=11, ended=19, head=2), "no commit ends", id="a head inside a commit"
        ),
        pytest.param(
            read(began=41, ended=42, head=5, commits=[A, C], after=0),
            "not in the end, or in another order",
            id="a read with a hole",
        ),
        pytest.param(
            read(began=41, ended=42, head=5, commits=[B, A], after=0),
            "not in the end, or in another order",
            id="a read out of order",
        ),
        pytest.param(
            read(began=41, ended=42, head=5, commits=[STRANGER], after=5),
            "not in the end",
            id="a read of what is not there",
        ),
        pytest.param(
            read(began=41, ended=42, head=5, commits=[C, D], after=1),
            "went on at 4",
            id="a page that skips",
        ),
        pytest.param(
            read(began=41, ended=42, head=5, commits=[A, B], after=0, to_head=True),
            "before the head it told",
            id="a read that ends early",
        ),
        pytest.param(
            read(began=41, ended=42, head=5, after=4, to_head=True),
            "before the head it told",
            id="an empty read below the head",
        ),
        pytest.param(
            read(began=11, ended=19, head=1, commits=[A, B, C], after=0),
            "past the head it told",
            id="a read past its head",
        ),
        pytest.param(
            lambda history, _: history.reads.extend(
                [
                    ReadSeen(stream="s", began=31, ended=32, head=5),
                    ReadSeen(stream="s", began=33, ended=34, head=4),
                ]
            ),
            "after another had shown 5",
            id="a head that falls",
        ),
    ],
)
def test_a_wrong_history_is_found_out(break_it: Break, reason: str) -> None:
    history, final = copy.deepcopy(sound())
    final["s"] = [A, B, C, D]
    break_it(history, final)
    found = violations(history, final)
    assert any(reason in violation for violation in found), found
    assert all(violation.startswith("Stream 's'") for violation in found)
