"""The aggregate of these cases, with events of about 200 bytes that hardly compress."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

from helenus import Aggregate, Event, UnitOfWork, applies

_random = random.Random(5)
_MEMOS = [base64.b64encode(_random.randbytes(96)).decode() for _ in range(1_024)]


class Paid(Event, name="bench-paid"):
    """Money came in."""

    amount: int
    memo: str


class Account(Aggregate, name="bench-payments"):
    """A balance: as every payment is of 1, also the number of payments."""

    balance: int = 0

    @applies
    def paid(self, event: Paid) -> None:
        """Add it up."""
        self.balance += event.amount


def pay(events: int = 1) -> Callable[[UnitOfWork], None]:
    """A command that records so many events, with another memo each."""

    def decide(unit: UnitOfWork) -> None:
        account = unit.get(Account, "account")
        for _ in range(events):
            account.record(Paid(amount=1, memo=_MEMOS[account.balance % len(_MEMOS)]))

    return decide
