"""What a rule is. Each one is a file of its own in `rules/`, which is all it takes to exist."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import ClassVar, Final, Literal

import msgspec

from download_licensing.domain.finding import Finding
from download_licensing.domain.situation import Situation
from download_licensing.domain.unmet import Unmet

Decision = Literal["download", "renewal", "refresh"]
"""What is decided: a new download, the extension of an active licence, that of an expired one."""

EVERY_DECISION: Final[frozenset[Decision]] = frozenset({"download", "renewal", "refresh"})
DOWNLOADS: Final[frozenset[Decision]] = frozenset({"download", "refresh"})
"""What counts as a download."""
EXTENSIONS: Final[frozenset[Decision]] = frozenset({"renewal", "refresh"})


class Clause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a policy may set: its fields are the parameters, with bounds and the unit in each name.

    Attributes:
        name: as policies name it.
    """

    name: ClassVar[str] = ""


class Duration(Clause, frozen=True):
    """A clause that says how long something lasts, and refuses nothing."""

    @property
    @abstractmethod
    def seconds(self) -> int:
        """0: unlimited."""


class Counted(msgspec.Struct, frozen=True):
    """What a rule counts, where customers are warned before it runs out.

    Attributes:
        code: for programs, as in `last-{code}` and `no-{code}-left`.
        noun: for people, as in "Only 1 more {noun} before …".
        parameter: the rule's own, which is the limit.
    """

    code: str
    noun: str
    parameter: str


class Rule(Clause, frozen=True):
    """A clause that can refuse.

    Attributes:
        reason: what its refusal says, for programs.
        order: its place in a refusal, the lowest first; of two alike, by name.
        applies_to: the decisions that it is checked at.
        counted: what customers are warned of before its limit is reached; None: nothing.
    """

    reason: ClassVar[str] = ""
    order: ClassVar[int] = 0
    applies_to: ClassVar[frozenset[Decision]] = EVERY_DECISION
    counted: ClassVar[Counted | None] = None

    @abstractmethod
    def check(self, situation: Situation) -> Finding:
        """Whether one more is allowed, with the numbers that say so."""

    def met(self, used: int | None = None, limit: int | None = None, *, saw: str = "") -> Finding:
        """The finding that the rule allows it. See `Finding`."""
        return Finding(self.name, limit, used, None, saw)

    def unmet(
        self,
        used: int | None = None,
        limit: int | None = None,
        *,
        saw: str = "",
        resets_at: datetime | None,
        frees: str,
        remedy: str,
        detail: str,
    ) -> Finding:
        """The finding that the rule does not allow it. See `Finding` and `Unmet`."""
        unmet = Unmet(
            reason=self.reason,
            rule=self.name,
            limit=limit,
            used=used,
            resets_at=resets_at,
            frees=frees,
            remedy=remedy,
            detail=detail,
        )
        return Finding(self.name, limit, used, unmet, saw)
