"""What commands are told when their group's append fails, and what damage is noticed."""

import asyncio

import msgspec
import pytest

from helenus import (
    AggregateService,
    Commit,
    CorruptData,
    DefinitionError,
    Head,
    OutcomeUnknown,
    RepositorySettings,
    StoreUnavailable,
    UnitOfWork,
)
from helenus.service import CommandContext, fingerprint_of, handles
from helenus.testing import FailAfter, FaultyStore
from tests.unit.helenus.bank import STREAM, Account, NotEnough, deposit, withdraw
from tests.unit.helenus.repositories import balance_of, repository_on


async def test_after_a_failed_append_each_command_is_told_what_is_true_of_it(
    store: FaultyStore,
) -> None:
    async with repository_on(store) as repository:
        await repository.transact(STREAM, deposit(1))
        store.inject("append", FailAfter())
        recorded, refused = await asyncio.gather(
            repository.transact(STREAM, deposit(10), command_id="d"),
            repository.transact(STREAM, withdraw(1_000)),
            return_exceptions=True,
        )
        assert isinstance(recorded, OutcomeUnknown)
        assert isinstance(refused, StoreUnavailable)
        assert await balance_of(repository) == 11


async def test_commits_without_a_command_id_push_no_command_out_of_the_window(
    store: FaultyStore,
) -> None:
    settings = RepositorySettings(snapshot_events=0, command_window_max=2)
    async with repository_on(store, settings) as repository:
        await repository.transact(STREAM, deposit(1), command_id="one")
        for _ in range(5):
            await repository.transact(STREAM, deposit(1), actor="clerk", correlation_id="c")
    async with repository_on(store, settings) as cold:
        await cold.transact(STREAM, deposit(1), command_id="one")
        assert await balance_of(cold) == 6


async def test_a_flipped_byte_is_noticed_before_it_is_believed(store: FaultyStore) -> None:
    async with repository_on(store) as repository:
        await repository.transact(STREAM, deposit(50))
        (commit,) = [c async for page in store.read(STREAM) for c in page.commits]
    body = commit.body.replace(b"\x32", b"\x33")  # 50 becomes 51, and still decodes
    assert body != commit.body
    damaged: Commit = msgspec.structs.replace(commit, body=body)
    await store.append("customer/2", [damaged], Head(0))
    async with repository_on(store) as repository:
        with pytest.raises(CorruptData, match="checksum"):
            await repository.load("customer/2")


async def test_a_refusal_is_told_even_if_the_decision_changed_an_aggregate(
    store: FaultyStore,
) -> None:
    def decide(unit: UnitOfWork) -> None:
        unit.get(Account, "a").balance = 5
        raise NotEnough("No.")

    async with repository_on(store) as repository:
        with pytest.raises(NotEnough):
            await repository.transact(STREAM, decide)


class Pay(msgspec.Struct, frozen=True):
    amount: int


class Till(AggregateService):
    def stream_of(self, command: object) -> str:
        return STREAM

    @handles
    def pay(self, unit: UnitOfWork, command: Pay, context: CommandContext) -> int:
        return unit.get(Account, "a").deposit(command.amount)


def test_an_overridden_handler_must_be_marked() -> None:
    with pytest.raises(DefinitionError, match="@handles"):

        class Other(Till):
            def pay(self, unit: UnitOfWork, command: Pay, context: CommandContext) -> int:
                return 0


def test_a_field_added_with_a_default_leaves_the_fingerprint_as_it_was() -> None:
    before = fingerprint_of(Pay(amount=1))

    class Later(msgspec.Struct, frozen=True):
        amount: int
        note: str = ""

    Later.__name__ = "Pay"
    assert fingerprint_of(Later(amount=1)) == before
    assert fingerprint_of(Later(amount=1, note="x")) != before


async def test_repetitions_in_a_failed_group_are_told_what_is_true_of_their_command(
    store: FaultyStore,
) -> None:
    async with repository_on(store) as repository:
        assert await repository.transact(STREAM, deposit(1), command_id="before") == 1
        store.inject("append", FailAfter())
        first, twin, before = await asyncio.gather(
            repository.transact(STREAM, deposit(10), command_id="p"),
            repository.transact(STREAM, deposit(10), command_id="p"),
            repository.transact(STREAM, deposit(1), command_id="before"),
            return_exceptions=True,
        )
        assert isinstance(first, OutcomeUnknown)
        assert isinstance(twin, OutcomeUnknown)
        assert before == 1
        assert await balance_of(repository) == 11
