"""What a refusal says of one rule that is not met."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Unmet(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that a request does not meet.

    Attributes:
        reason: what is the matter, for programs.
        rule: the rule, as policies name it.
        limit: the most that the rule allows; None: it does not count.
        used: the use so far; None: the rule does not count.
        resets_at: when the rule would allow it if nothing else happened; None: never by waiting.
        frees: what becomes free then, or what is wanted, as a phrase.
        remedy: what the customer can do.
        detail: what is the matter, as a sentence.
    """

    reason: str
    rule: str = ""
    limit: int | None
    used: int | None
    resets_at: datetime | None
    frees: str = ""
    remedy: str
    detail: str
