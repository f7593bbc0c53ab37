"""What a rule says when a request is over its limit."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Reason = Literal[
    "device-limit",
    "active-downloads-per-device",
    "title-downloads-per-year",
    "renewals-exhausted",
]


class Unmet(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that a request does not meet.

    Attributes:
        reason: the name of the rule, for programs.
        limit: the most that the rule allows.
        used: the use so far.
        resets_at: when the rule would allow it if nothing else happened; None: never by waiting.
        remedy: what the customer can do.
        detail: what is the matter, as a sentence.
    """

    reason: Reason
    limit: int
    used: int
    resets_at: datetime | None
    remedy: str
    detail: str
