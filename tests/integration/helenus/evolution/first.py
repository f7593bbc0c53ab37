"""The first release of a program: what its events were when it was young."""

from __future__ import annotations

import msgspec

from helenus import Aggregate, Event, applies
from helenus.testing import at


class Joined(Event, name="evolving-joined"):
    name: str
    plan: str


class Moved(Event, name="evolving-moved"):
    line: str


class Paid(Event, name="evolving-paid"):
    euros: float


class Nicknamed(Event, name="evolving-nicknamed"):
    nickname: str


class Member(Aggregate, name="evolving-member"):
    name: str = ""
    plan: str = ""
    line: str = ""
    euros: float = 0.0
    nicknames: list[str] = msgspec.field(default_factory=list)

    @applies
    def joined(self, event: Joined) -> None:
        self.name, self.plan = event.name, event.plan

    @applies
    def moved(self, event: Moved) -> None:
        self.line = event.line

    @applies
    def paid(self, event: Paid) -> None:
        self.euros += event.euros

    @applies
    def nicknamed(self, event: Nicknamed) -> None:
        self.nicknames = [*self.nicknames, event.nickname]


AGGREGATES = [Member]
SAMPLES = {
    "member": [
        at(Member, "ada", Joined(name="Ada Lovelace", plan="basic")),
        at(Member, "ada", Moved(line="12 St James's Square, London")),
        at(Member, "ada", Paid(euros=9.95)),
        at(Member, "ada", Nicknamed(nickname="Enchantress")),
        at(Member, "ada", Paid(euros=0.1)),
    ]
}
