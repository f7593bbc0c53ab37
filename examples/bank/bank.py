"""A bank account. Amounts below zero are withdrawals. BANK_STORE names the store."""

import argparse
import asyncio
import os
from datetime import UTC, datetime

import msgspec

from helenus import (
    Aggregate,
    AggregateRepository,
    AggregateService,
    CommandContext,
    CommandRefused,
    Event,
    UnitOfWork,
    applies,
    handles,
)
from helenus.stores import open_store


class Deposited(Event, name="deposited"):
    amount: int


class Withdrawn(Event, name="withdrawn"):
    amount: int


class Account(Aggregate[Deposited | Withdrawn], name="bank-account"):
    balance: int = 0

    @applies
    def deposited(self, event: Deposited) -> None:
        self.balance += event.amount

    @applies
    def withdrawn(self, event: Withdrawn) -> None:
        self.balance -= event.amount


class Move(msgspec.Struct, frozen=True):
    owner: str
    amount: int  # below zero: a withdrawal


class Bank(AggregateService):
    def stream_of(self, command: Move) -> str:
        return f"customer/{command.owner}"

    @handles
    def move(self, unit: UnitOfWork, command: Move, context: CommandContext) -> int:
        account = unit.get(Account, "giro")
        if not command.amount or account.balance + command.amount < 0:
            raise CommandRefused(f"No {command.amount}: the account holds {account.balance}.")
        moved = Deposited if command.amount > 0 else Withdrawn
        account.record(moved(amount=abs(command.amount)))
        return account.balance


async def main(url: str, owner: str, amounts: list[int]) -> None:
    async with open_store(url) as store, AggregateRepository(store, [Account]) as repository:
        for amount in amounts:
            context = CommandContext(at=datetime.now(UTC))
            try:
                print(await Bank(repository).execute(Move(owner=owner, amount=amount), context))
            except CommandRefused as refusal:
                print(refusal)
        async for stored in repository.history(f"customer/{owner}"):
            print(stored.position, stored.event)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("owner")
    parser.add_argument("amounts", type=int, nargs="*")
    asyncio.run(main(os.environ.get("BANK_STORE", "bank.sqlite3"), **vars(parser.parse_args())))
