"""Every failure says what took effect, and leaves a repository that works (G4)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from helenus import (
    CorruptData,
    InvalidArgument,
    LimitExceeded,
    Outcome,
    OutcomeUnknown,
    Overloaded,
    RepositorySettings,
    StoreUnavailable,
    UnitOfWork,
)
from helenus.testing import (
    FailAfter,
    FailBefore,
    FaultyStore,
    Hold,
)
from tests.unit.helenus.bank import (
    STREAM,
    Account,
    Opened,
    deposit,
)
from tests.unit.helenus.repositories import balance_of, repository_on


async def test_a_failed_append_leaves_a_repository_that_works(store: FaultyStore) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(1))
    store.inject("append", FailBefore())
    with pytest.raises(StoreUnavailable) as caught:
        await repository.transact(STREAM, deposit(1))
    assert caught.value.outcome is Outcome.DID_NOT_HAPPEN
    assert await repository.transact(STREAM, deposit(1)) == 2


async def test_a_failed_read_is_told_and_leaves_nothing_half_done(store: FaultyStore) -> None:
    await repository_on(store).transact(STREAM, deposit(1))
    repository = repository_on(store)
    store.inject("read", FailBefore())
    with pytest.raises(StoreUnavailable):
        await repository.transact(STREAM, deposit(1))
    store.inject("load_snapshot", FailBefore())
    with pytest.raises(StoreUnavailable):
        await repository.load(STREAM, at_position=1)
    store.inject("read", FailAfter())
    with pytest.raises(OutcomeUnknown):
        await repository.load(STREAM)
    assert await repository.transact(STREAM, deposit(1)) == 2


async def test_a_commit_over_a_limit_is_refused_alone(store: FaultyStore) -> None:
    settings = RepositorySettings(snapshot_events=0, commit_events_max=3, commit_bytes_max=2_000)
    repository = repository_on(store, settings)

    def many(count: int) -> Any:
        def decide(unit: UnitOfWork) -> None:
            for _ in range(count):
                unit.get(Account, "a").deposit(1)

        return decide

    def large(unit: UnitOfWork) -> None:
        noise = "".join(chr(0x4E00 + number * 7919 % 20_000) for number in range(2_000))
        unit.get(Account, "a").record(Opened(owner=noise))

    answers = await asyncio.gather(
        repository.transact(STREAM, deposit(1)),
        repository.transact(STREAM, many(4)),
        repository.transact(STREAM, large),
        repository.transact(STREAM, many(3)),
        repository.transact(STREAM, deposit(1)),
        return_exceptions=True,
    )
    assert answers[0] == 1
    assert isinstance(answers[1], LimitExceeded)
    assert isinstance(answers[2], LimitExceeded)
    assert answers[4] == 5
    assert answers[1].outcome is Outcome.DID_NOT_HAPPEN
    assert await balance_of(repository_on(store)) == 5


async def test_too_many_waiting_commands_are_shed(store: FaultyStore) -> None:
    settings = RepositorySettings(waiting_max=6, waiting_per_stream_max=3)
    repository = repository_on(store, settings)
    hold = Hold()
    store.inject("append", hold)
    tasks = [asyncio.ensure_future(repository.transact(STREAM, deposit(1)))]
    await hold.reached.wait()
    tasks += [asyncio.ensure_future(repository.transact(STREAM, deposit(1))) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as caught:
        await repository.transact(STREAM, deposit(1))
    assert caught.value.retry_after_s > 0
    store.inject("append", hold, hold)
    tasks += [asyncio.ensure_future(repository.transact(s, deposit(1))) for s in ("x", "y")]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await repository.transact("z", deposit(1))
    hold.release()
    assert await asyncio.gather(*tasks) == [1, 2, 3, 4, 1, 1]
    assert repository.statistics().waiting == 0
    assert await repository.transact("z", deposit(1)) == 1


@pytest.mark.parametrize(
    "wrong",
    [{"waiting_max": 0}, {"attempts_max": 0}, {"snapshot_events": -1}, {"commit_bytes_max": 2**30}],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match=next(iter(wrong))):
        RepositorySettings(**wrong)


async def test_bad_arguments_are_refused(store: FaultyStore) -> None:
    repository = repository_on(store)
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    for stream in ("", "a\nb", "x" * 501):
        with pytest.raises(InvalidArgument):
            await repository.transact(stream, deposit(1))
        with pytest.raises(InvalidArgument):
            await repository.load(stream)
    for command_id in ("", "a\nb", "x" * 501):
        with pytest.raises(InvalidArgument):
            await repository.transact(STREAM, deposit(1), command_id=command_id)
    for aggregate_id in ("", "a\nb", "x" * 501):
        with pytest.raises(InvalidArgument):
            await repository.transact(STREAM, deposit(1, aggregate_id))
    for bounds in (
        {"at_position": 1, "at_time": moment},
        {"at_position": -1},
        {"at_time": moment.replace(tzinfo=None)},
    ):
        with pytest.raises(InvalidArgument):
            await repository.load(STREAM, **bounds)


async def test_a_damaged_stream_is_told_and_others_go_on(store: FaultyStore) -> None:
    writer = repository_on(store)
    await writer.transact(STREAM, deposit(1))
    await writer.transact("other", deposit(1))
    memory: Any = store.wrapped
    memory._streams[STREAM][0] = msgspec.structs.replace(memory._streams[STREAM][0], body=b"\xc1")
    repository = repository_on(store)
    for _ in range(2):
        with pytest.raises(CorruptData, match="customer/1"):
            await repository.transact(STREAM, deposit(1))
    assert await repository.transact("other", deposit(1)) == 2


async def test_damaged_metadata_never_lets_a_command_take_effect_twice(store: FaultyStore) -> None:
    writer = repository_on(store)
    await writer.transact(STREAM, deposit(1), command_id="c")
    memory: Any = store.wrapped
    memory._streams[STREAM][0] = msgspec.structs.replace(
        memory._streams[STREAM][0], meta=memory._streams[STREAM][0].meta[:12] + b"\xc1"
    )
    repository = repository_on(store)
    for _ in range(3):
        with pytest.raises(CorruptData):
            await repository.transact(STREAM, deposit(1), command_id="c")
    assert (await store.head(STREAM)).position == 1
