"""Whether an operator stopped an account's downloads."""

from __future__ import annotations

from typing import ClassVar

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import Rule
from download_licensing.domain.situation import Situation


class OperatorBlock(Rule, frozen=True):
    """Nothing is granted or extended while an operator blocks the account.

    Source: our own; services reserve it for misuse in their terms of use.
    """

    name: ClassVar[str] = "operator-block"
    reason: ClassVar[str] = "account-blocked"
    order: ClassVar[int] = 10

    def check(self, situation: Situation) -> Finding:
        if not situation.blocked:
            return self.met(saw="not blocked")
        return self.unmet(
            saw=f"blocked: {situation.blocked}",
            resets_at=None,
            frees="the account, when an operator unblocks it",
            remedy="Ask support to unblock the account.",
            detail=f"Downloads of this account are blocked: {situation.blocked}",
        )
