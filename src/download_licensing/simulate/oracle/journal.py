"""The journal: what was asked and answered, one JSON line for each request that came to an end.

The oracle owns the form, as the judge of it; `simulate.journal` writes it. Times in nanoseconds
are of one monotonic clock, so that the lines of one run can be put in real-time order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

CallKind = Literal[
    "open",
    "plan",
    "region",
    "standing",
    "block",
    "unblock",
    "request",
    "renew",
    "play",
    "session",
    "sync",
    "release",
    "revoke",
    "remove",
    "license",
    "devices",
    "allowance",
    "renewals",
    "withdraw",
    "reinstate",
]

TITLES_STREAM = "titles/withdrawn"
"""The stream of what operators withdrew from all customers."""


class Item(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a device brings in a sync: of which kind, and as the call of that kind."""

    kind: Literal["release", "play", "session", "renew"]
    item_id: str
    license_id: str
    device_time: datetime | None = None
    session_id: str = ""
    events: tuple[tuple[str, datetime], ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request.

    Attributes:
        customer_id: whose; "" for what an operator asks about a title.
        call: what was asked.
        key: the idempotency key; "" for a query.
        at: the simulated time it was sent with.
        began_ns: before its first attempt was sent.
        ended_ns: when its answer had arrived, or it was given up.
        status: of the answer; 0: none came, so it may or may not have taken effect.
        attempts: how often it was sent.
        reuses_key: its key was used before for another command.
        license_id, device_id, title_id, plan: what it names, if it does.
        country, time_zone, standing, reason, session_id: likewise.
        device_time: the time a device claims for a play or a release.
        events: of a session, as the device tells them: kind and time.
        items: of a sync, or of renewals in bulk.
        crc: of the answer's whole body.
        body: the answer without its texts.
    """

    customer_id: str
    call: CallKind
    key: str = ""
    at: datetime
    began_ns: int
    ended_ns: int
    status: int = 0
    attempts: int = 1
    reuses_key: bool = False
    license_id: str = ""
    device_id: str = ""
    title_id: str = ""
    plan: str = ""
    country: str = ""
    time_zone: str = ""
    standing: str = ""
    reason: str = ""
    session_id: str = ""
    device_time: datetime | None = None
    events: tuple[tuple[str, datetime], ...] = ()
    items: tuple[Item, ...] = ()
    crc: int = 0
    body: msgspec.Raw = msgspec.Raw(b"null")


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """The first and the last line of a journal.

    Attributes:
        mark: "begin" or "end"; a journal without its end lacks the last requests of its run.
        run: the run's name, with which its customer ids begin.
        seed: of the population.
        members: of the population.
    """

    mark: Literal["begin", "end"]
    run: str
    seed: int
    members: int


def by_key(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """The requests under each key, of the command that the key was first used for."""
    asked: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.key and not entry.reuses_key:
            asked[entry.key].append(entry)
    return dict(asked)
