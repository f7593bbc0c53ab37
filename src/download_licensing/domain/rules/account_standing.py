"""Whether an account is paid for."""

from __future__ import annotations

from typing import ClassVar

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import Rule
from download_licensing.domain.situation import Situation


class AccountStanding(Rule, frozen=True):
    """Nothing is granted or extended for an account that is cancelled or behind with payments.

    Source: help centres of streaming services: downloads need an active membership.

    Attributes:
        past_due_allowed: whether an account that is behind with payments is served all the same.
    """

    name: ClassVar[str] = "account-standing"
    reason: ClassVar[str] = "account-standing"
    order: ClassVar[int] = 20

    past_due_allowed: bool = False

    def check(self, situation: Situation) -> Finding:
        standing = situation.standing
        if standing == "good" or (standing == "past-due" and self.past_due_allowed):
            return self.met(saw=standing)
        if standing == "past-due":
            return self.unmet(
                saw=standing,
                resets_at=None,
                frees="the account, when the payment arrives",
                remedy="Pay what is due.",
                detail="The account is behind with payments.",
            )
        return self.unmet(
            saw=standing,
            resets_at=None,
            frees="the account, when it is a customer's again",
            remedy="Subscribe again.",
            detail="The account is cancelled.",
        )
