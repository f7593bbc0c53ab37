"""What a rule found, met or not: the numbers it saw, so that any decision can be explained."""

from __future__ import annotations

import msgspec

from download_licensing.domain.unmet import Unmet


class Finding(msgspec.Struct, frozen=True):
    """What one rule says of one situation.

    Attributes:
        rule: as policies name it.
        limit: the most that it allows; None: it does not count.
        used: the use before the request; None: it does not count.
        unmet: what a refusal says of it; None: the rule is met.
        saw: what else it looked at, as a phrase.
    """

    rule: str
    limit: int | None
    used: int | None
    unmet: Unmet | None = None
    saw: str = ""

    @property
    def met(self) -> bool:
        """Whether the rule allows it."""
        return self.unmet is None

    @property
    def left(self) -> int | None:
        """How much more it allows, the request not counted; None: it does not count."""
        if self.limit is None or self.used is None:
            return None
        return max(0, self.limit - self.used)
