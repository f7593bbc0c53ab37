"""The service: a command goes in, its handler decides, hooks see what happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from helenus import (
    AggregateRepository,
    AggregateService,
    Command,
    CommandContext,
    CommandIdReused,
    DefinitionError,
    DomainError,
    UnitOfWork,
    handles,
)
from helenus.service import CommandCall, fingerprint_of
from helenus.stores.memory import MemoryStore
from tests.unit.helenus.bank import AGGREGATES, Account, NotEnough

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Deposit(msgspec.Struct, frozen=True):
    customer: str
    amount: int


class Withdraw(msgspec.Struct, frozen=True):
    customer: str
    amount: int


class Receipt(msgspec.Struct):
    balance: int
    at: datetime


class Bank(AggregateService):
    def stream_of(self, command: Any) -> str:
        return f"customer/{command.customer}"

    @handles
    def deposit(self, unit: UnitOfWork, command: Deposit, context: CommandContext) -> Receipt:
        return Receipt(unit.get(Account, "a").deposit(command.amount), context.at)

    @handles
    def withdraw(self, unit: UnitOfWork, command: Withdraw, context: CommandContext) -> Receipt:
        return Receipt(unit.get(Account, "a").withdraw(command.amount), context.at)


class Ask(Command[int]):
    customer: str


class AskMore(Ask):
    what: str = ""


class Silent(Command[None]):
    customer: str


class Counter(Bank):
    @handles
    def ask(self, unit: UnitOfWork, command: Ask, context: CommandContext) -> int:
        return unit.get(Account, "a").balance


class Seen:
    """A hook that keeps what it sees."""

    def __init__(self) -> None:
        self.calls: list[CommandCall] = []
        self.ends: list[str] = []

    @contextmanager
    def __call__(self, call: CommandCall) -> Iterator[None]:
        self.calls.append(call)
        try:
            yield
        except Exception as error:
            self.ends.append(type(error).__name__)
            raise
        else:
            self.ends.append("done")


@pytest.fixture
async def repository() -> AsyncIterator[AggregateRepository]:
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as made:
        yield made


def context(command_id: str | None = None, **more: str) -> CommandContext:
    return CommandContext(at=NOW, command_id=command_id, **more)


async def test_a_command_is_decided_by_its_handler(repository: AggregateRepository) -> None:
    bank = Bank(repository)
    assert await bank.execute(Deposit("7", 5), context()) == Receipt(5, NOW)
    assert await bank.execute(Withdraw("7", 2), context()) == Receipt(3, NOW)
    assert (await repository.load("customer/7")).get(Account, "a").balance == 3


async def test_a_command_without_a_handler_is_refused(repository: AggregateRepository) -> None:
    with pytest.raises(DomainError, match="Bank has no handler for Receipt"):
        await Bank(repository).execute(Receipt(1, NOW), context())


async def test_hooks_see_commands_results_and_refusals(repository: AggregateRepository) -> None:
    outer, inner = Seen(), Seen()
    bank = Bank(repository, hooks=[outer, inner])
    await bank.execute(Deposit("7", 5), context())
    with pytest.raises(NotEnough):
        await bank.execute(Withdraw("7", 50), context("c"))
    for hook in (outer, inner):
        assert hook.ends == ["done", "NotEnough"]
        assert [call.name for call in hook.calls] == ["deposit", "withdraw"]
        assert hook.calls[1] == CommandCall(
            name="withdraw",
            stream="customer/7",
            command=Withdraw("7", 50),
            context=context("c"),
        )


async def test_a_repetition_is_given_the_first_result(repository: AggregateRepository) -> None:
    bank = Bank(repository)
    first = await bank.execute(Deposit("7", 5), context("c"))
    later = msgspec.structs.replace(context("c"), at=datetime(2027, 1, 1, tzinfo=UTC), actor="x")
    assert await bank.execute(Deposit("7", 5), later) == first
    assert (await repository.load("customer/7")).get(Account, "a").balance == 5


async def test_an_id_used_for_another_command_is_refused(repository: AggregateRepository) -> None:
    bank = Bank(repository)
    await bank.execute(Deposit("7", 5), context("c"))
    for other in (Deposit("7", 6), Withdraw("7", 5)):
        with pytest.raises(CommandIdReused):
            await bank.execute(other, context("c"))


async def test_what_comes_with_a_command_is_recorded(repository: AggregateRepository) -> None:
    how = context("c", actor="me", correlation_id="order", causation_id="message")
    await Bank(repository).execute(Deposit("7", 5), how)
    [event] = [event async for event in repository.history("customer/7")]
    assert (event.command_id, event.actor) == ("c", "me")
    assert (event.correlation_id, event.causation_id) == ("order", "message")


async def test_handlers_are_inherited_and_replaced(repository: AggregateRepository) -> None:
    class Generous(Bank):
        @handles
        def deposit(self, unit: UnitOfWork, command: Deposit, context: CommandContext) -> Receipt:
            return Receipt(unit.get(Account, "a").deposit(2 * command.amount), context.at)

    generous = Generous(repository)
    assert (await generous.execute(Deposit("7", 5), context())).balance == 10
    assert (await generous.execute(Withdraw("7", 1), context())).balance == 9
    assert (await Bank(repository).execute(Deposit("7", 5), context())).balance == 14


async def test_a_service_is_put_together_from_parts(repository: AggregateRepository) -> None:
    class Withdrawals(AggregateService):
        @handles
        def withdraw(self, unit: UnitOfWork, command: Withdraw, context: CommandContext) -> Receipt:
            return Receipt(unit.get(Account, "a").withdraw(command.amount), context.at)

    class Deposits(AggregateService):
        @handles
        def deposit(self, unit: UnitOfWork, command: Deposit, context: CommandContext) -> Receipt:
            return Receipt(unit.get(Account, "a").deposit(command.amount), context.at)

    class Whole(Withdrawals, Deposits):
        def stream_of(self, command: Any) -> str:
            return f"customer/{command.customer}"

    whole = Whole(repository)
    assert (await whole.execute(Deposit("7", 5), context())).balance == 5
    assert (await whole.execute(Withdraw("7", 1), context())).balance == 4


def test_two_parts_that_handle_a_command_by_other_names_are_refused() -> None:
    class Paying(AggregateService):
        @handles
        def pay_in(self, unit: UnitOfWork, command: Deposit, context: CommandContext) -> None: ...

    with pytest.raises(DefinitionError, match=r"Both inherits deposit and pay_in.*Deposit"):

        class Both(Paying, Bank): ...


async def test_a_service_must_say_where_its_commands_lead(repository: AggregateRepository) -> None:
    class Lost(AggregateService):
        @handles
        def deposit(self, unit: UnitOfWork, command: Deposit, context: CommandContext) -> None: ...

    with pytest.raises(NotImplementedError, match="Lost must define stream_of"):
        await Lost(repository).execute(Deposit("7", 5), context())


def test_fingerprints_tell_commands_apart() -> None:
    made = [Deposit("7", 5), Deposit("7", 6), Deposit("8", 5), Withdraw("7", 5)]
    assert len({fingerprint_of(command) for command in made}) == 4
    assert fingerprint_of(Deposit("7", 5)) == fingerprint_of(Deposit("7", 5))
    assert fingerprint_of({"a": 1, "b": 2}) == fingerprint_of({"b": 2, "a": 1})


async def test_a_command_may_name_what_it_is_answered_with() -> None:
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        service = Counter(repository)
        context = CommandContext(at=NOW, command_id="one")
        receipt = await service.execute(Deposit("ada", 5), context)
        assert receipt.balance == 5
        assert await service.execute(Ask(customer="ada"), CommandContext(at=NOW)) == 5


def test_a_handler_that_returns_another_answer_is_refused() -> None:
    with pytest.raises(DefinitionError, match="Ask is declared to be answered with <class 'int'>"):

        class Wrong(Bank):
            @handles
            def ask(self, unit: UnitOfWork, command: Ask, context: CommandContext) -> str:
                return "5"


def test_what_a_commands_base_names_holds_for_it_too() -> None:
    class Right(Bank):
        @handles
        def more(self, unit: UnitOfWork, command: AskMore, context: CommandContext) -> int:
            return 1

        @handles
        def silent(self, unit: UnitOfWork, command: Silent, context: CommandContext) -> None: ...

    assert issubclass(Right, Bank)
    with pytest.raises(DefinitionError, match="AskMore is declared"):

        class Wrong(Bank):
            @handles
            def more(self, unit: UnitOfWork, command: AskMore, context: CommandContext) -> str:
                return ""


def test_naming_an_answer_changes_no_fingerprint() -> None:
    plain = msgspec.defstruct("Ask", [("customer", str)], frozen=True)
    assert fingerprint_of(Ask(customer="ada")) == fingerprint_of(plain("ada"))
