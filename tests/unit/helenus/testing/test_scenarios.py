"""Scenarios say what differs, and catch state that does not come from events."""

import re
from datetime import datetime

import msgspec
import pytest

from helenus import (
    Aggregate,
    AggregateService,
    CommandContext,
    CommandRefused,
    Event,
    UnitOfWork,
    applies,
    handles,
)
from helenus.testing import Scenario, at
from tests.unit.helenus.bank import (
    Account,
    Closed,
    Deposited,
    NotEnough,
    Opened,
    Stored,
    Vault,
    Withdrawn,
    balance,
    deposit,
    withdraw,
)

account = Scenario(Account, "a", also=[Vault])


async def test_events_that_are_as_expected_pass_and_give_the_result() -> None:
    given = account.given(Opened(), Deposited(amount=10))
    assert await given.when(withdraw(4)).then(Withdrawn(amount=4)) == 6


async def test_a_refusal_that_is_expected_passes_and_gives_the_error() -> None:
    refused = account.given(Deposited(amount=3)).when(withdraw(4)).then_refused(NotEnough)
    assert "balance is 3" in str(await refused)


async def test_nothing_and_a_result_can_be_expected() -> None:
    await account.given(Deposited(amount=3)).when(balance).then_nothing()
    await account.given(Deposited(amount=3)).when(balance).then_returns(3)
    await account.when(deposit(5)).then(Deposited(amount=5))


async def test_events_of_other_aggregates_are_told_apart() -> None:
    def move(unit: UnitOfWork) -> None:
        unit.get(Account, "a").withdraw(2)
        unit.get(Account, "b").deposit(2)
        unit.get(Vault, "v").record(Stored(items=["receipt"]))

    await (
        account.given(Deposited(amount=2))
        .when(move)
        .then(
            Withdrawn(amount=2),
            at(Account, "b", Deposited(amount=2)),
            at(Vault, "v", Stored(items=["receipt"])),
        )
    )


async def test_a_finished_aggregate_starts_anew() -> None:
    def close_and_reopen(unit: UnitOfWork) -> int:
        unit.get(Account, "a").record(Closed())
        return unit.get(Account, "a").deposit(1)

    given = account.given(Opened(), Deposited(amount=10))
    assert await given.when(close_and_reopen).then(Closed(), Deposited(amount=1)) == 1


async def fails(ending: object, pattern: str) -> None:
    with pytest.raises(AssertionError, match=re.compile(pattern, re.DOTALL)):
        await ending  # type: ignore[misc]


async def test_a_difference_of_events_is_shown() -> None:
    given = account.given(Deposited(amount=10))
    await fails(
        given.when(withdraw(4)).then(Withdrawn(amount=5)),
        r"- Account 'a': Withdrawn\(amount=5.*\+ Account 'a': Withdrawn\(amount=4",
    )
    await fails(given.when(withdraw(4)).then_nothing(), r"\+ Account 'a': Withdrawn")
    await fails(given.when(balance).then(Withdrawn(amount=5)), r"- Account 'a': Withdrawn")
    await fails(
        given.when(withdraw(1)).then(at(Account, "b", Withdrawn(amount=1))), r"- Account 'b'"
    )


async def test_a_wrong_ending_says_what_happened_instead() -> None:
    given = account.given(Deposited(amount=10))
    await fails(given.when(withdraw(11)).then(Withdrawn(amount=11)), r"Refused with NotEnough")
    await fails(given.when(withdraw(11)).then_returns(1), r"Refused with NotEnough")
    await fails(given.when(withdraw(1)).then_refused(), r"Accepted.*Withdrawn\(amount=1")
    await fails(given.when(balance).then_refused(), r"Accepted.*nothing")
    await fails(given.when(withdraw(11)).then_refused(ValueError), r"not with ValueError")
    await fails(given.when(withdraw(11)).then_refused(match="limit"), r"does not match 'limit'")
    await fails(given.when(balance).then_returns(9), r"- 9.*\+ 10")
    await fails(given.then_nothing(), r"say what with `when`")


async def test_a_change_without_an_event_is_caught() -> None:
    def cheat(unit: UnitOfWork) -> None:
        unit.get(Account, "a").balance += 5

    def cheat_beside_an_event(unit: UnitOfWork) -> None:
        unit.get(Account, "a").deposit(1)
        unit.get(Account, "a").balance += 5

    pattern = r"Account 'a' was changed without an event: balance is \d+ where its events give \d+"
    await fails(account.given(Deposited(amount=1)).when(cheat).then_nothing(), pattern)
    await fails(account.when(cheat_beside_an_event).then(Deposited(amount=1)), pattern)


class Kept(Event, name="test-kept"):
    items: list[str]


class Keeper(Aggregate, name="test-keeper"):
    items: list[str] = msgspec.field(default_factory=list)

    @applies
    def kept(self, event: Kept) -> None:
        if self.items:
            self.items.extend(event.items)
        else:
            self.items = event.items


async def test_an_event_that_is_changed_after_it_was_recorded_is_caught() -> None:
    def keep_twice(unit: UnitOfWork) -> None:
        keeper = unit.get(Keeper, "k")
        keeper.record(Kept(items=["one"]))
        keeper.record(Kept(items=["two"]))

    scenario = Scenario(Keeper, "k")
    await fails(scenario.when(keep_twice).then_nothing(), r"Kept was changed after it was recorded")


class Wrong(Event, name="test-wrong"):
    amount: int


class Wronged(Aggregate, name="test-wronged"):
    amount: int = 0

    @applies
    def wrong(self, event: Wrong) -> None:
        self.amount = event.amount


async def test_an_event_that_does_not_fit_its_type_is_caught() -> None:
    def decide(unit: UnitOfWork) -> None:
        unit.get(Wronged, "w").record(Wrong(amount="5"))  # type: ignore[arg-type]  # the mistake

    await fails(
        Scenario(Wronged, "w").when(decide).then_nothing(), r"expected|Expected|does not fit"
    )


class Withdraw(msgspec.Struct, frozen=True):
    customer: str
    amount: int


class Bank(AggregateService):
    def stream_of(self, command: Withdraw) -> str:
        return f"customer/{command.customer}"

    @handles
    def withdraw(self, unit: UnitOfWork, command: Withdraw, context: CommandContext) -> datetime:
        account = unit.get(Account, "a")
        if command.amount > account.balance:
            raise NotEnough("Not enough.")
        account.record(Withdrawn(amount=command.amount, at=context.at))
        return context.at


async def test_a_service_carries_out_its_commands() -> None:
    bank = Scenario(Account, "a", service=Bank, stream="customer/7")
    given = bank.given(Deposited(amount=10))
    command = Withdraw(customer="7", amount=4)
    assert await given.when(command).then(Withdrawn(amount=4, at=bank.now)) == bank.now
    await given.when(Withdraw(customer="7", amount=40)).then_refused(CommandRefused)
    await fails(
        given.when(Withdraw(customer="8", amount=4)).then_nothing(), r"leads to stream 'customer/8'"
    )
    await fails(account.when(command).then_nothing(), r"has no service")
