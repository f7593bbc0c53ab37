"""What members say to the service and hear from it, before any of it is HTTP."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime

import msgspec

from download_licensing.simulate.oracle.answers import Body
from download_licensing.simulate.oracle.journal import CallKind, Item


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request of a member.

    Attributes:
        kind: what is asked.
        customer_id: whose; "" for what an operator says of a title.
        at: the simulated time it is sent at.
        key: the idempotency key; "" for a query.
        license_id, device_id, title_id, plan: what it names, where the kind of call names it.
        country, time_zone, standing, reason, session_id: likewise.
        device_time: the time that a device claims for a play or a release.
        events: of a session, as the device tells them: kind and time.
        items: of a sync, or of renewals in bulk.
        process: of the service that is asked; None: whose turn it is.
        repeats: the same was said before under the same key, so nothing new may come of it.
        reuses_key: the key was used before for another command, so only a refusal is right.
    """

    kind: CallKind
    customer_id: str
    at: datetime
    key: str = ""
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
    process: int | None = None
    repeats: bool = False
    reuses_key: bool = False


class Answer(msgspec.Struct, frozen=True):
    """What came back.

    Attributes:
        status: of HTTP; 0: nothing came, the request may or may not have taken effect.
        body: None if nothing came, or nothing that the contract allows.
    """

    status: int
    body: Body | None


class Step(msgspec.Struct, frozen=True):
    """What a member does at one instant: calls that are sent at the same time."""

    at: datetime
    calls: tuple[Call, ...]


Life = Generator[Step, list[Answer], None]
"""A member: yields steps of never falling time, is sent the answers in the order of the calls."""
