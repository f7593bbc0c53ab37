"""Right histories of a model pass the checker, and each way of spoiling one is found out.

The model is a linearizable store: every operation takes effect at one instant between its beginning
and its end, or, where its outcome is unknown, at any instant after its beginning, or never. Clients
run one operation at a time, and decide on the head they saw last, which others may have moved.
"""

from __future__ import annotations

import copy
import dataclasses
import random
from collections.abc import Callable

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from helenus import Commit
from helenus.testing.conformance.fixtures import commit, commits
from helenus.testing.histories import AppendSeen, History, ReadSeen, Verdict, violations

STREAM = "s"
CLIENTS = 4
OPERATIONS = 40


@dataclasses.dataclass
class Told:
    """A history, and what the stream held in the end."""

    history: History
    final: list[Commit]

    def judged(self) -> list[str]:
        return violations(self.history, {STREAM: self.final})

    def appends(self, verdict: Verdict) -> list[AppendSeen]:
        return [seen for seen in self.history.appends if seen.verdict is verdict]


class Model:
    """Tells a right history."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._history = History()
        self._stream: list[Commit] = []
        self._pending: list[AppendSeen] = []

    def tell(self) -> Told:
        """Let the clients' operations begin, take effect and end, in turns by chance."""
        known = [0] * CLIENTS
        busy: dict[int, AppendSeen | ReadSeen] = {}
        done = set[int]()
        began = 0
        while began < OPERATIONS or busy:
            client = self._chance.randrange(CLIENTS)
            operation = busy.get(client)
            if operation is None:
                if began < OPERATIONS:
                    busy[client] = self._begin(known[client])
                    began += 1
            elif client not in done:
                self._take_effect(operation)
                done.add(client)
            else:
                known[client] = self._end(operation, known[client])
                done.discard(client)
                del busy[client]
            self._let_late_appends_happen(0.05)
        self._let_late_appends_happen(0.5)
        return Told(self._history, self._stream)

    @property
    def _head(self) -> int:
        return self._stream[-1].last if self._stream else 0

    def _begin(self, known: int) -> AppendSeen | ReadSeen:
        now = self._history.tick()
        if self._chance.random() < 0.4:
            return ReadSeen(stream=STREAM, began=now, ended=0)
        made = commits(*self._chance.choices((1, 2), k=self._chance.choice((1, 1, 2))), after=known)
        seen = AppendSeen(stream=STREAM, commits=made, expected=known, began=now)
        self._history.appends.append(seen)
        return seen

    def _take_effect(self, operation: AppendSeen | ReadSeen) -> None:
        if isinstance(operation, ReadSeen):
            operation.head = self._head
            if self._chance.random() < 0.7:
                after = self._chance.choice([0, *(one.last for one in self._stream)])
                operation.after, operation.to_head = after, True
                operation.commits = [one for one in self._stream if one.last > after]
            return
        fate = self._chance.random()
        if fate < 0.1:
            operation.verdict = Verdict.REFUSED
        elif fate < 0.3:
            self._pending.append(operation)  # unknown; it may happen at any later time
        elif operation.expected == self._head:
            self._apply(operation)
            # Applied, but the caller may not hear of it.
            operation.verdict = Verdict.UNKNOWN if fate < 0.4 else Verdict.ACKNOWLEDGED
            operation.head = self._head if fate >= 0.4 else None
        else:
            operation.verdict, operation.head = Verdict.CONFLICT, self._head

    def _end(self, operation: AppendSeen | ReadSeen, known: int) -> int:
        operation.ended = self._history.tick()
        if isinstance(operation, ReadSeen):
            self._history.reads.append(operation)
        return known if operation.head is None else operation.head

    def _let_late_appends_happen(self, probability: float) -> None:
        for seen in list(self._pending):
            if self._chance.random() < probability:
                self._pending.remove(seen)
                if seen.expected == self._head:
                    self._apply(seen)

    def _apply(self, seen: AppendSeen) -> None:
        self._stream.extend(seen.commits)


seeds = st.integers(0, 2**32)


@given(seeds)
@settings(max_examples=300, deadline=None)
def test_a_right_history_is_accepted(seed: int) -> None:
    assert Model(seed).tell().judged() == []


def test_the_model_tells_of_everything() -> None:
    told = [Model(seed).tell() for seed in range(20)]
    for verdict in Verdict:
        assert sum(len(one.appends(verdict)) for one in told) > 20, verdict
    there = {one.commit_id for each in told for one in each.final}
    unknown = [
        seen.commits[0].commit_id in there
        for each in told
        for seen in each.appends(Verdict.UNKNOWN)
    ]
    assert any(unknown)
    assert not all(unknown)


Spoil = Callable[[Told, random.Random], bool]
"""Makes a history wrong; False if it has nothing that can be made wrong in this way."""


def lose_an_acknowledged_append(told: Told, chance: random.Random) -> bool:
    """The last one, and all that follows, so that no gap gives it away."""
    acknowledged = told.appends(Verdict.ACKNOWLEDGED)
    if not acknowledged:
        return False
    cut = max(seen.expected for seen in acknowledged)
    told.final = [one for one in told.final if one.last <= cut]
    return True


def leave_a_gap(told: Told, chance: random.Random) -> bool:
    if len(told.final) < 2:
        return False
    del told.final[chance.randrange(len(told.final) - 1)]
    return True


def repeat_a_commit(told: Told, chance: random.Random) -> bool:
    """In another place, with positions that fit."""
    if not told.final:
        return False
    again = chance.choice(told.final)
    told.final.append(_moved(again, told.final[-1].last + 1))
    return True


def repeat_an_unknown_append(told: Told, chance: random.Random) -> bool:
    ids = {one.commit_id for one in told.final}
    there = [s for s in told.appends(Verdict.UNKNOWN) if s.commits[0].commit_id in ids]
    if not there:
        return False
    for again in chance.choice(there).commits:
        told.final.append(_moved(again, told.final[-1].last + 1))
    return True


def swap_two_appends(told: Told, chance: random.Random) -> bool:
    if len(told.final) < 2:
        return False
    at = chance.randrange(len(told.final) - 1)
    first = told.final[at].first
    one = _moved(told.final[at + 1], first)
    told.final[at : at + 2] = [one, _moved(told.final[at], one.last + 1)]
    return True


def add_a_phantom(told: Told, chance: random.Random) -> bool:
    told.final.append(commit((told.final[-1].last if told.final else 0) + 1))
    return True


def change_a_commit(told: Told, chance: random.Random) -> bool:
    if not told.final:
        return False
    at = chance.randrange(len(told.final))
    told.final[at] = _with(told.final[at], body=b"changed")
    return True


def apply_a_refused_append(told: Told, chance: random.Random) -> bool:
    head = told.final[-1].last if told.final else 0
    last = told.history.tick()
    made = [commit(head + 1)]
    seen = AppendSeen(stream=STREAM, commits=made, expected=head, began=last, ended=last + 1)
    seen.verdict = chance.choice((Verdict.REFUSED, Verdict.CONFLICT))
    seen.head = head + 1 if seen.verdict is Verdict.CONFLICT else None
    told.history.appends.append(seen)
    told.final.extend(made)
    return True


def apply_an_append_in_part(told: Told, chance: random.Random) -> bool:
    if not told.final:
        return False
    ids = {one.commit_id for one in told.final[-1:]}
    groups = [s for s in told.history.appends if s.commits[-1].commit_id in ids]
    if len(groups[0].commits) < 2:
        return False
    del told.final[-1]
    return True


def justify_no_conflict(told: Told, chance: random.Random) -> bool:
    """At the head, when all is over."""
    head = told.final[-1].last if told.final else 0
    now = told.history.tick()
    told.history.appends.append(
        AppendSeen(
            stream=STREAM,
            commits=[commit(head + 1)],
            expected=head,
            began=now,
            ended=now + 1,
            verdict=Verdict.CONFLICT,
            head=chance.choice([0, *(one.last for one in told.final[:-1])]),
        )
    )
    return True


def acknowledge_another_head(told: Told, chance: random.Random) -> bool:
    acknowledged = told.appends(Verdict.ACKNOWLEDGED)
    if not acknowledged:
        return False
    seen = chance.choice(acknowledged)
    seen.head = seen.commits[-1].last + chance.choice((-1, 1))
    return True


def break_real_time(told: Told, chance: random.Random) -> bool:
    """An acknowledged append ends before one began that precedes it."""
    acknowledged = told.appends(Verdict.ACKNOWLEDGED)
    last = [seen for seen in acknowledged if seen.expected > 0]
    if not last:
        return False
    moved = chance.choice(last)
    moved.began, moved.ended = -2, -1
    return True


def read_stale(told: Told, chance: random.Random) -> bool:
    """A read that begins when all is over shows an earlier head than was acknowledged."""
    acknowledged = told.appends(Verdict.ACKNOWLEDGED)
    if not acknowledged:
        return False
    cut = chance.choice(acknowledged).expected
    _read(told, [one for one in told.final if one.last <= cut])
    return True


def read_the_future(told: Told, chance: random.Random) -> bool:
    """A read that ended before all began shows the end."""
    if not told.final:
        return False
    _read(told, told.final, began=-2, ended=-1)
    return True


def read_no_prefix(told: Told, chance: random.Random) -> bool:
    if len(told.final) < 2:
        return False
    hole = chance.randrange(len(told.final) - 1)
    _read(told, told.final[:hole] + told.final[hole + 1 :])
    return True


def read_out_of_order(told: Told, chance: random.Random) -> bool:
    if len(told.final) < 2:
        return False
    at = chance.randrange(len(told.final) - 1)
    shown = list(told.final)
    shown[at], shown[at + 1] = shown[at + 1], shown[at]
    _read(told, shown)
    return True


def read_a_phantom(told: Told, chance: random.Random) -> bool:
    head = told.final[-1].last if told.final else 0
    _read(told, [*told.final, commit(head + 1)])
    return True


def read_twice_the_same(told: Told, chance: random.Random) -> bool:
    if not told.final:
        return False
    at = chance.randrange(len(told.final))
    _read(told, [*told.final[: at + 1], *told.final[at:]])
    return True


def read_backwards(told: Told, chance: random.Random) -> bool:
    """One client sees the end, and then less of it: only appends of unknown outcome are missing."""
    now = told.history.tick()
    unknown = AppendSeen(
        stream=STREAM,
        commits=[commit((told.final[-1].last if told.final else 0) + 1)],
        expected=told.final[-1].last if told.final else 0,
        began=now,
    )
    told.history.appends.append(unknown)
    before = list(told.final)
    told.final.extend(unknown.commits)
    assert told.judged() == []
    _read(told, told.final)
    _read(told, before)
    return True


def _read(
    told: Told, shown: list[Commit], *, began: int | None = None, ended: int | None = None
) -> None:
    told.history.reads.append(
        ReadSeen(
            stream=STREAM,
            began=told.history.tick() if began is None else began,
            ended=told.history.tick() if ended is None else ended,
            head=shown[-1].last if shown else 0,
            commits=shown,
            after=0,
            to_head=True,
        )
    )


def _moved(one: Commit, first: int) -> Commit:
    return _with(one, first=first, last=first + one.last - one.first)


def _with(one: Commit, **values: object) -> Commit:
    return msgspec.structs.replace(one, **values)


SPOILS: list[Spoil] = [
    lose_an_acknowledged_append,
    leave_a_gap,
    repeat_a_commit,
    repeat_an_unknown_append,
    swap_two_appends,
    add_a_phantom,
    change_a_commit,
    apply_a_refused_append,
    apply_an_append_in_part,
    justify_no_conflict,
    acknowledge_another_head,
    break_real_time,
    read_stale,
    read_the_future,
    read_no_prefix,
    read_out_of_order,
    read_a_phantom,
    read_twice_the_same,
    read_backwards,
]


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
@given(seeds)
@settings(max_examples=60, deadline=None)
def test_a_spoiled_history_is_rejected(spoil: Spoil, seed: int) -> None:
    told = copy.deepcopy(Model(seed).tell())
    assume(spoil(told, random.Random(seed)))
    assert told.judged(), "Not found out."
