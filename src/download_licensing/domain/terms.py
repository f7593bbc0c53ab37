"""What the catalogue says of plans and titles. What holds for them is in the policy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer pays for.

    Attributes:
        plan_id: its id.
        name: for people.
    """

    plan_id: str
    name: str


class Title(msgspec.Struct, frozen=True, kw_only=True):
    """What a customer downloads.

    Attributes:
        title_id: its id.
        name: for people.
        studio: whose it is.
        agreement: the id of the agreement with the studio that it is under; "": none.
    """

    title_id: str
    name: str
    studio: str
    agreement: str = ""


def by_agreement(titles: Iterable[Title]) -> Mapping[str, Set[str]]:
    """The ids of the titles under each agreement, by its id; "": those under none."""
    found: dict[str, set[str]] = {}
    for title in titles:
        found.setdefault(title.agreement, set()).add(title.title_id)
    return found
