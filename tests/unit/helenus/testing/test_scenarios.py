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


class Line(msgspec.Struct, frozen=True):
    sku: str
    pieces: int


class Packed(Event, name="test-packed"):
    lines: list[Line]
    notes: dict[str, str]
    weight: float


class Parcel(Aggregate, name="test-parcel"):
    lines: list[Line] = msgspec.field(default_factory=list)

    @applies
    def packed(self, event: Packed) -> None:
        self.lines = list(event.lines)


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


async def message(ending: object) -> list[str]:
    with pytest.raises(AssertionError) as failed:
        await ending  # type: ignore[misc]
    return str(failed.value).splitlines()[1:]


async def test_an_event_with_other_fields_is_shown_field_by_field() -> None:
    given = account.given(Deposited(amount=10))
    assert await message(given.when(withdraw(4)).then(Withdrawn(amount=5))) == [
        "  ! Account 'a': Withdrawn",
        "        amount: expected 5, found 4",
    ]


async def test_fields_within_fields_are_shown_by_their_path() -> None:
    def pack(unit: UnitOfWork) -> None:
        unit.get(Parcel, "p").record(
            Packed(lines=[Line("tea", 2), Line("milk", 1)], notes={"gift": "yes"}, weight=1.0)
        )

    wanted = Packed(lines=[Line("tea", 3)], notes={"gift": "no", "to": "Ada"}, weight=1)
    assert await message(Scenario(Parcel, "p").when(pack).then(wanted)) == [
        "  ! Parcel 'p': Packed",
        "        lines[0].pieces: expected 3, found 2",
        "        lines[1]: expected nothing, found Line(sku='milk', pieces=1)",
        "        notes['gift']: expected 'no', found 'yes'",
        "        notes['to']: expected 'Ada', found nothing",
        "        weight: expected 1, found 1.0",
    ]


async def test_events_too_many_and_too_few_are_shown_among_those_expected() -> None:
    def decide(unit: UnitOfWork) -> None:
        unit.get(Account, "a").deposit(1)
        unit.get(Account, "b").deposit(2)
        unit.get(Account, "a").deposit(3)

    assert await message(
        account.when(decide).then(
            Deposited(amount=1), Deposited(amount=4), at(Account, "c", Deposited(amount=5))
        )
    ) == [
        f"    Account 'a': {Deposited(amount=1)!r}",
        f"  + Account 'b': {Deposited(amount=2)!r}",
        "  ! Account 'a': Deposited",
        "        amount: expected 4, found 3",
        f"  - Account 'c': {Deposited(amount=5)!r}",
    ]
    assert await message(account.when(deposit(1)).then_nothing()) == [
        f"  + Account 'a': {Deposited(amount=1)!r}"
    ]


async def test_a_result_is_compared_field_by_field_as_well() -> None:
    def answer(unit: UnitOfWork) -> dict[str, object]:
        return {"line": Line("tea", 2), "price": 5}

    ending = account.when(answer).then_returns({"line": Line("tea", 3), "price": 5})
    assert await message(ending) == ["  ['line'].pieces: expected 3, found 2"]


async def test_a_refusal_is_shown_with_the_events_that_were_expected() -> None:
    refused = account.given(Deposited(amount=3)).when(withdraw(4))
    (line,) = await message(refused.then(Withdrawn(amount=4)))
    assert line == f"  Account 'a': {Withdrawn(amount=4)!r}"
    assert await message(refused.then_nothing()) == ["  nothing"]


async def test_a_wrong_ending_says_what_happened_instead() -> None:
    given = account.given(Deposited(amount=10))
    await fails(given.when(withdraw(11)).then(Withdrawn(amount=11)), r"Refused with NotEnough")
    await fails(given.when(withdraw(11)).then_returns(1), r"Refused with NotEnough")
    await fails(given.when(withdraw(1)).then_refused(), r"Accepted.*Withdrawn\(amount=1")
    await fails(given.when(balance).then_refused(), r"Accepted.*nothing")
    await fails(given.when(withdraw(11)).then_refused(ValueError), r"not with ValueError")
    await fails(given.when(withdraw(11)).then_refused(match="limit"), r"does not match 'limit'")
    await fails(given.when(balance).then_returns(9), r"expected 9, found 10")
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
