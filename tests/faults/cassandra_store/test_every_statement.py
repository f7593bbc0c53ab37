"""Every statement of an append lost, refused or late, in every combination: the outcome is honest.

`trials.py` says what must be true of each trial. Here it is said which trials there are.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helenus.stores.cassandra import CassandraSettings, cql
from helenus.stores.cassandra.session import Statement
from tests.faults.cassandra_store.faulty_session import Fault
from tests.faults.cassandra_store.trials import (
    Field,
    Meanwhile,
    Moment,
    Rival,
    Situation,
    Told,
    Trial,
)

LOST = (Fault.BEFORE, Fault.AFTER, Fault.LATE)
FAULTS = (*LOST, Fault.REFUSED)
OF_A_READ = (Fault.BEFORE, Fault.REFUSED)
FENCED = (Situation.FENCED, Situation.FENCED_NEXT_BUCKET)
APPEND_AND_FENCE: list[tuple[Fault | None, Fault | None]] = [
    (None, None),
    (Fault.BEFORE, None),
    (Fault.AFTER, Fault.AFTER),
    (Fault.LATE, None),
    (Fault.LATE, Fault.LATE),
]
STATEMENTS_MAX = 9
"""More than an append has here, when it and its fence are lost."""


def once(**faults: Fault | None) -> dict[Statement, list[Fault | None]]:
    return {getattr(cql, name): [fault] for name, fault in faults.items()}


@pytest.mark.parametrize("situation", Situation)
async def test_each_statement_may_be_lost_once(
    installation: CassandraSettings, situation: Situation
) -> None:
    """All combinations: the append's answer, the fence's, and each of the reads that settle."""
    trials = [
        Trial(
            situation,
            once(APPEND=append, FENCE=fence, READ_BUCKET=bucket, READ_OWN=own),
            late=late,
        )
        for append, fence in product(LOST, (None, *FAULTS))
        for bucket in (None, Fault.BEFORE)
        for own in (None, Fault.REFUSED)
        for late in sorted({False, Fault.LATE in (append, fence)})
    ]
    async with Field.open(installation) as field:
        told = Counter(told for _, told in await field.hold(trials))
    expected = Told.CONFLICT if situation is Situation.TAKEN else Told.SUCCESS
    assert told == {expected: len(trials)}


@pytest.mark.parametrize("situation", Situation)
async def test_an_append_may_be_lost_again_and_again(
    installation: CassandraSettings, situation: Situation
) -> None:
    trials = [
        Trial(situation, {cql.APPEND: appends, cql.FENCE: [fence] * 2})
        for appends in product(FAULTS, repeat=2)
        for fence in (None, Fault.LATE)
    ]
    async with Field.open(installation) as field:
        held = await field.hold(trials)
    for trial, told in held:
        if trial.faults[cql.APPEND][0] is Fault.REFUSED:
            assert told is Told.NOT, trial
        else:
            assert told is not Told.UNKNOWN, trial


@pytest.mark.parametrize("situation", Situation)
async def test_what_cannot_be_settled_is_unknown(
    installation: CassandraSettings, situation: Situation
) -> None:
    trials = [
        Trial(
            situation,
            once(APPEND=append),
            {cql.FENCE: fence, cql.READ_BUCKET: read, cql.READ_OWN: read},
            late=late,
        )
        for append, fence in product(LOST, FAULTS)
        for read in (Fault.REFUSED if fence is Fault.REFUSED else Fault.BEFORE,)
        for late in sorted({False, Fault.LATE in (append, fence)})
    ]
    async with Field.open(installation) as field:
        told = Counter(told for _, told in await field.hold(trials))
    assert told == {Told.UNKNOWN: len(trials)}


async def test_an_append_whose_row_cannot_be_read_is_unknown_only_if_it_may_be_there(
    installation: CassandraSettings,
) -> None:
    trials = [
        Trial(situation, once(APPEND=append), {cql.READ_OWN: own})
        for situation in Situation
        if situation not in (Situation.TAKEN, *FENCED)
        for append, own in product(LOST, OF_A_READ)
    ]
    async with Field.open(installation) as field:
        for trial, told in await field.hold(trials):
            there = trial.faults[cql.APPEND] == [Fault.AFTER]
            assert told is (Told.UNKNOWN if there else Told.SUCCESS), trial


async def test_a_payload_that_is_lost_leaves_no_commit(installation: CassandraSettings) -> None:
    trials = [
        Trial(Situation.BESIDE, once(WRITE_PAYLOAD=payload, APPEND=append), late=late)
        for payload in FAULTS
        for append in (None, *LOST)
        for late in (False, True)
    ]
    async with Field.open(installation) as field:
        told = Counter(told for _, told in await field.hold(trials))
    assert told == {Told.NOT: len(trials)}


@pytest.mark.parametrize("rival", Rival)
@pytest.mark.parametrize("late", [False, True])
async def test_another_writer_comes_between_any_two_statements(
    installation: CassandraSettings, rival: Rival, late: bool
) -> None:
    trials = [
        Trial(
            situation,
            once(APPEND=append, FENCE=fence),
            meanwhile=(Meanwhile(rival, statement),),
            late=late,
        )
        for situation in Situation
        for append, fence in APPEND_AND_FENCE
        if not late or Fault.LATE in (append, fence)
        for statement in range(4)
    ]
    async with Field.open(installation) as field:
        told = Counter(told for _, told in await field.hold(trials))
    assert not told[Told.UNKNOWN]
    assert late or told[Told.SUCCESS]
    assert told[Told.CONFLICT]


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("late", [False, True])
async def test_the_caller_is_cancelled_at_any_statement(
    installation: CassandraSettings, moment: Moment, late: bool
) -> None:
    trials = [
        Trial(
            situation,
            once(APPEND=append, FENCE=fence),
            meanwhile=(Meanwhile(asyncio.CancelledError, statement, moment),),
            late=late,
        )
        for situation in Situation
        for append, fence in APPEND_AND_FENCE
        if not late or Fault.LATE in (append, fence)
        for statement in range(STATEMENTS_MAX)
    ]
    async with Field.open(installation) as field:
        told = await field.hold(trials)
    reached = {trial.meanwhile[0].statement for trial, how in told if how is Told.CANCELLED}
    # Each statement was reached: at the last number there is none left.
    assert reached == set(range(len(reached)))
    assert 6 <= len(reached) < STATEMENTS_MAX


@st.composite
def schedules(draw: st.DrawFn) -> Trial:
    """Any append, with up to three faults at each statement and up to two rivals' acts."""
    writes = st.lists(st.sampled_from([None, *FAULTS]), max_size=3)
    reads = st.lists(st.sampled_from([None, *OF_A_READ]), max_size=3)
    rivals = st.builds(
        Meanwhile,
        st.sampled_from(Rival),
        st.integers(0, STATEMENTS_MAX),
        st.sampled_from(Moment),
    )
    return Trial(
        draw(st.sampled_from(Situation)),
        {
            cql.APPEND: draw(writes),
            cql.FENCE: draw(writes),
            cql.READ_BUCKET: draw(reads),
            cql.READ_OWN: draw(reads),
        },
        meanwhile=tuple(draw(st.lists(rivals, max_size=2))),
        late=draw(st.booleans()),
    )


def test_any_schedule_of_faults_and_rivals_is_told_honestly(
    installation: CassandraSettings,
) -> None:
    with asyncio.Runner() as runner:
        opened = Field.open(installation)
        field = runner.run(opened.__aenter__())
        try:

            @settings(
                max_examples=25,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=[HealthCheck.too_slow],
            )
            @given(st.lists(schedules(), min_size=1, max_size=12))
            def hold(trials: list[Trial]) -> None:
                runner.run(field.hold(trials))

            hold()
        finally:
            runner.run(opened.__aexit__(None, None, None))
