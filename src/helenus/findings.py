"""What is wrong with a stream, and the port by which an adapter tells what it alone can see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec


class Finding(msgspec.Struct, frozen=True):
    """Something about a stream that does not hold.

    Attributes:
        stream: its name.
        position: where.
        kind: what, in one word; `docs/tools.md` lists them.
        message: what, as a sentence.
    """

    stream: str
    position: int
    kind: str
    message: str


class InspectedStore(Protocol):
    """A store that knows whether what it keeps around the commits fits them."""

    def inspect(self, stream: str) -> AsyncIterator[Finding]:
        """What does not hold about the rows that keep a stream; nothing where all is well."""
