"""The second release: a field more, a field renamed, a field split."""

from __future__ import annotations

from typing import Any

import msgspec

from helenus import Aggregate, Event, applies, upcast
from helenus.testing import at


@upcast("evolving-joined", from_version=1)
def rename_plan(fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": fields["name"], "tier": fields["plan"]}


class Joined(Event, name="evolving-joined", version=2):
    name: str
    tier: str
    country: str = "GB"


@upcast("evolving-moved", from_version=1)
def split_line(fields: dict[str, Any]) -> dict[str, Any]:
    street, _, city = fields["line"].partition(", ")
    return {"street": street, "city": city}


class Moved(Event, name="evolving-moved", version=2):
    street: str
    city: str


class Paid(Event, name="evolving-paid"):
    euros: float


class Nicknamed(Event, name="evolving-nicknamed"):
    nickname: str


class Member(Aggregate, name="evolving-member"):
    name: str = ""
    tier: str = ""
    country: str = ""
    city: str = ""
    euros: float = 0.0
    nicknames: list[str] = msgspec.field(default_factory=list)

    @applies
    def joined(self, event: Joined) -> None:
        self.name, self.tier, self.country = event.name, event.tier, event.country

    @applies
    def moved(self, event: Moved) -> None:
        self.city = event.city

    @applies
    def paid(self, event: Paid) -> None:
        self.euros += event.euros

    @applies
    def nicknamed(self, event: Nicknamed) -> None:
        self.nicknames = [*self.nicknames, event.nickname]


AGGREGATES = [Member]
SAMPLES = {
    "member": [
        at(Member, "ada", Joined(name="Mary Somerville", tier="gold", country="IT")),
        at(Member, "ada", Moved(street="Via Toledo 5", city="Naples")),
        at(Member, "ada", Paid(euros=20.0)),
        at(Member, "ada", Nicknamed(nickname="Queen of science")),
    ]
}
