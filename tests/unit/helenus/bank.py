"""The tests' domain: accounts that are opened, used and closed, and vaults that hold lists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec

from helenus import Aggregate, CommandRefused, Event, UnitOfWork, applies


class Opened(Event, name="test-opened"):
    owner: str = ""


class Deposited(Event, name="test-deposited"):
    amount: int


class Withdrawn(Event, name="test-withdrawn"):
    amount: int
    at: datetime | None = None


class Closed(Event, name="test-closed"):
    pass


class Stored(Event, name="test-stored"):
    items: list[str] = msgspec.field(default_factory=list)


class NotEnough(CommandRefused):
    pass


class Account(Aggregate, name="test-account"):
    owner: str = ""
    balance: int = 0
    is_open: bool = False
    is_closed: bool = False

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner
        self.is_open = True

    @applies
    def deposited(self, event: Deposited) -> None:
        self.balance += event.amount

    @applies
    def withdrawn(self, event: Withdrawn) -> None:
        self.balance -= event.amount

    @applies
    def closed(self, event: Closed) -> None:
        self.is_closed = True

    def finished(self) -> bool:
        return self.is_closed

    def deposit(self, amount: int) -> int:
        self.record(Deposited(amount=amount))
        return self.balance

    def withdraw(self, amount: int) -> int:
        if amount > self.balance:
            raise NotEnough(f"The balance is {self.balance}.")
        self.record(Withdrawn(amount=amount))
        return self.balance


class Vault(Aggregate, name="test-vault"):
    items: list[str] = msgspec.field(default_factory=list)
    counts: dict[str, int] = msgspec.field(default_factory=dict)

    @applies
    def stored(self, event: Stored) -> None:
        self.items = [*self.items, *event.items]
        for item in event.items:
            self.counts[item] = self.counts.get(item, 0) + 1


AGGREGATES = (Account, Vault)
STREAM = "customer/1"


def deposit(amount: int, account: str = "a") -> Callable[[UnitOfWork], int]:
    def decide(unit: UnitOfWork) -> int:
        return unit.get(Account, account).deposit(amount)

    return decide


def withdraw(amount: int, account: str = "a") -> Callable[[UnitOfWork], int]:
    def decide(unit: UnitOfWork) -> int:
        return unit.get(Account, account).withdraw(amount)

    return decide


def balance(unit: UnitOfWork) -> int:
    return unit.get(Account, "a").balance
