"""The third release, which is today's: split again, retyped, retired, and something new."""

from __future__ import annotations

from typing import Any

import msgspec

from helenus import Aggregate, Event, applies, upcast
from helenus.testing import at


@upcast("evolving-joined", from_version=1)
def rename_plan(fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": fields["name"], "tier": fields["plan"]}


@upcast("evolving-joined", from_version=2)
def split_name(fields: dict[str, Any]) -> dict[str, Any]:
    first_name, _, last_name = fields.pop("name").rpartition(" ")
    return fields | {"first_name": first_name, "last_name": last_name}


class Joined(Event, name="evolving-joined", version=3):
    first_name: str
    last_name: str
    tier: str
    country: str = "GB"


@upcast("evolving-moved", from_version=1)
def split_line(fields: dict[str, Any]) -> dict[str, Any]:
    street, _, city = fields["line"].partition(", ")
    return {"street": street, "city": city}


class Moved(Event, name="evolving-moved", version=2):
    street: str
    city: str
    postcode: str | None = None


@upcast("evolving-paid", from_version=1)
def euros_to_cents(fields: dict[str, Any]) -> dict[str, Any]:
    return {"cents": round(fields["euros"] * 100)}


class Paid(Event, name="evolving-paid", version=2):
    cents: int


class Nicknamed(Event, name="evolving-nicknamed"):  # retired: nobody records it any more
    nickname: str


class Noted(Event, name="evolving-noted"):
    text: str


class Member(Aggregate, name="evolving-member"):
    last_name: str = ""
    tier: str = ""
    country: str = ""
    city: str = ""
    postcode: str | None = None
    cents: int = 0
    notes: list[str] = msgspec.field(default_factory=list)

    @applies
    def joined(self, event: Joined) -> None:
        self.last_name, self.tier, self.country = event.last_name, event.tier, event.country

    @applies
    def moved(self, event: Moved) -> None:
        self.city, self.postcode = event.city, event.postcode

    @applies
    def paid(self, event: Paid) -> None:
        self.cents += event.cents

    @applies
    def nicknamed(self, event: Nicknamed) -> None:
        pass

    @applies
    def noted(self, event: Noted) -> None:
        self.notes = [*self.notes, event.text]


AGGREGATES = [Member]
SAMPLES = {
    "member": [
        at(Member, "ada", Joined(first_name="Émilie", last_name="du Châtelet", tier="gold")),
        at(Member, "ada", Moved(street="Rue Haute 1", city="Cirey", postcode="52110")),
        at(Member, "ada", Paid(cents=1_050)),
        at(Member, "ada", Nicknamed(nickname="Pompon")),
        at(Member, "ada", Noted(text="translates Newton")),
    ]
}
