"""What the oracle has to say against a service."""

from __future__ import annotations

import enum

import msgspec


class Kind(enum.StrEnum):
    """What is wrong, in one word or two."""

    LIMIT_PASSED = "limit passed"
    REFUSED_BELOW_LIMIT = "refused below its limit"
    LOST = "acknowledged and lost"
    TWICE = "took effect twice"
    UNEXPLAINED = "event without a request"
    ORDER = "real-time order"
    STREAM = "stream"
    SHAPE = "events of a command"
    ARITHMETIC = "time arithmetic"
    ANSWER = "answer"


class Finding(msgspec.Struct, frozen=True):
    """One disagreement.

    Attributes:
        customer_id: whose stream.
        position: in the stream, of the first event concerned, or where an answer had to be right.
        kind: what is wrong.
        detail: with what was found and what was expected.
    """

    customer_id: str
    position: int
    kind: Kind
    detail: str

    def __str__(self) -> str:
        return f"{self.customer_id} at {self.position}: {self.kind}: {self.detail}"


class Complaint(msgspec.Struct, frozen=True):
    """A finding that does not know yet whom it concerns."""

    kind: Kind
    detail: str
