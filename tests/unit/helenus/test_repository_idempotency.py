"""A command id takes effect once, in and across repositories (G3)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from helenus import (
    CommandIdReused,
    DomainError,
    Outcome,
    OutcomeUnknown,
    OutcomeUnreadable,
    RepositorySettings,
    UnitOfWork,
)
from helenus.testing import (
    FailAfter,
    FailBefore,
    FailUnknownBefore,
    FaultyStore,
    MockClock,
)
from tests.unit.helenus.bank import (
    STREAM,
    Account,
    NotEnough,
    deposit,
    withdraw,
)
from tests.unit.helenus.repositories import ALWAYS, balance_of, repository_on


async def test_a_repeated_command_takes_effect_once_and_answers_the_same(
    store: FaultyStore,
) -> None:
    one, other = repository_on(store), repository_on(store, ALWAYS)
    assert await one.transact(STREAM, deposit(5), command_id="c1") == 5
    assert await one.transact(STREAM, deposit(5), command_id="c2") == 10
    for repository in (one, other, repository_on(store)):
        assert await repository.transact(STREAM, deposit(5), command_id="c1") == 5
        assert await repository.transact(STREAM, deposit(5), command_id="c2") == 10
        await repository.settle()
    assert await balance_of(repository_on(store)) == 10


async def test_repetitions_that_wait_together_take_effect_once(store: FaultyStore) -> None:
    one, other = repository_on(store), repository_on(store)
    tries = [r.transact(STREAM, deposit(5), command_id="c") for r in (one, other) * 10]
    assert await asyncio.gather(*tries) == [5] * 20
    assert await balance_of(one) == 5


@pytest.mark.parametrize("fault", [FailAfter(), FailUnknownBefore()])
async def test_after_an_unknown_outcome_the_same_command_takes_effect_once(
    store: FaultyStore, fault: FailAfter | FailUnknownBefore
) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(1))
    store.inject("append", fault)
    with pytest.raises(OutcomeUnknown) as caught:
        await repository.transact(STREAM, deposit(5), command_id="c")
    assert caught.value.outcome is Outcome.MAY_HAVE_HAPPENED
    assert len(caught.value.commit_ids) == 1
    for again in (repository, repository, repository_on(store)):
        assert await again.transact(STREAM, deposit(5), command_id="c") == 6
    assert await balance_of(repository) == 6


async def test_a_command_id_is_remembered_as_long_as_declared(store: FaultyStore) -> None:
    clock = MockClock()
    settings = RepositorySettings(snapshot_events=0, command_window_s=60)
    for repository in (
        repository_on(store, settings, clock),
        repository_on(store, settings, clock),
    ):
        before = await balance_of(repository)
        await repository.transact(STREAM, deposit(1), command_id="c")
        clock.advance(60)
        await repository.transact(STREAM, deposit(1), command_id="c")
        assert await balance_of(repository) == before + 1
        clock.advance(0.000_001)
        await repository.transact(STREAM, deposit(1), command_id="c")
        assert await balance_of(repository) == before + 2
        clock.advance(100)


@pytest.mark.parametrize("snapshot_events", [0, 1, 3])
async def test_as_many_command_ids_are_remembered_as_declared(
    store: FaultyStore, snapshot_events: int
) -> None:
    settings = RepositorySettings(snapshot_events=snapshot_events, command_window_max=3)
    warm = repository_on(store, settings)
    for number in range(5):
        await warm.transact(STREAM, deposit(1), command_id=f"c{number}")
    await warm.settle()
    for repository in (warm, repository_on(store, settings)):
        for number in (2, 3, 4):
            again = await repository.transact(STREAM, deposit(1), command_id=f"c{number}")
            assert again == number + 1
        assert await balance_of(repository) == 5
    assert await warm.transact(STREAM, deposit(1), command_id="c0") == 6


async def test_a_command_id_used_for_another_command_is_refused(store: FaultyStore) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(1), command_id="c", fingerprint=b"one")
    for again in (repository, repository_on(store)):
        with pytest.raises(CommandIdReused):
            await again.transact(STREAM, deposit(2), command_id="c", fingerprint=b"two")
    assert await repository.transact(STREAM, deposit(1), command_id="c", fingerprint=b"one") == 1


async def test_command_ids_of_streams_are_independent(store: FaultyStore) -> None:
    repository = repository_on(store)
    assert await repository.transact("one", deposit(1), command_id="c") == 1
    assert await repository.transact("two", deposit(2), command_id="c") == 2


async def test_a_refused_command_may_be_sent_again(store: FaultyStore) -> None:
    repository = repository_on(store)
    with pytest.raises(NotEnough):
        await repository.transact(STREAM, withdraw(5), command_id="c")
    await repository.transact(STREAM, deposit(5))
    assert await repository.transact(STREAM, withdraw(5), command_id="c") == 0


async def test_typed_results_are_given_again(store: FaultyStore) -> None:
    class Receipt(msgspec.Struct):
        balance: int
        at: datetime

    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def decide(unit: UnitOfWork) -> Receipt:
        return Receipt(unit.get(Account, "a").deposit(1), moment)

    repository = repository_on(store)
    for again in (repository, repository, repository_on(store)):
        answer = await again.transact(STREAM, decide, command_id="c", returns=Receipt)
        assert answer == Receipt(1, moment)
    with pytest.raises(OutcomeUnreadable) as caught:
        await repository.transact(STREAM, decide, command_id="c", returns=int)
    assert caught.value.outcome is Outcome.HAPPENED
    with pytest.raises(DomainError, match="returns="):
        await repository.transact(STREAM, decide, command_id="d")
    assert await balance_of(repository) == 1


async def test_a_result_that_cannot_be_read_now_is_given_to_a_later_repetition(
    store: FaultyStore,
) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(5), command_id="c")
    store.inject("read", FailBefore())
    with pytest.raises(OutcomeUnknown, match="took effect at position 1"):
        await repository.transact(STREAM, deposit(5), command_id="c")
    assert await repository.transact(STREAM, deposit(5), command_id="c") == 5
    assert await balance_of(repository) == 5
