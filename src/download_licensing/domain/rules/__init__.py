"""The rules: small pure classes. All that apply are checked; a refusal lists every unmet one.

The order is that of the refusal: the device, what it holds, the title, the licence.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from download_licensing.domain.rules.active_downloads_per_device import ActiveDownloadsPerDevice
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.rules.renewals import Renewals
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.situation import Situation
from download_licensing.domain.terms import Plan, Title
from download_licensing.domain.unmet import Reason, Unmet

__all__ = [
    "ActiveDownloadsPerDevice",
    "DeviceLimit",
    "Renewals",
    "Rule",
    "TitleDownloadsPerYear",
    "check_all",
    "download_rules",
    "renewal_rules",
]


class Rule(Protocol):
    """One restriction on downloads."""

    @property
    def reason(self) -> Reason:
        """Its name, for programs."""

    def check(self, situation: Situation) -> Unmet | None:
        """What is unmet if one more download is allowed; None if nothing is."""


def download_rules(plan: Plan, title: Title) -> list[Rule]:
    """The rules for a new download."""
    rules: list[Rule] = [
        DeviceLimit(plan.devices_max),
        ActiveDownloadsPerDevice(plan.active_downloads_per_device_max),
    ]
    if title.downloads_per_year_max is not None:
        rules.append(TitleDownloadsPerYear(title.downloads_per_year_max))
    return rules


def renewal_rules(
    plan: Plan, title: Title, *, renewals_max: int | None, refresh: bool
) -> list[Rule]:
    """The rules for a renewal; a refresh is one of an expired licence and counts as a download.

    Args:
        plan: the customer's.
        title: the licence's.
        renewals_max: the licence's; None: no cap.
        refresh: whether the licence has expired.
    """
    rules = download_rules(plan, title)
    if not refresh:
        del rules[2:]
    if renewals_max is not None:
        rules.append(Renewals(renewals_max))
    return rules


def check_all(rules: Iterable[Rule], situation: Situation) -> tuple[Unmet, ...]:
    """Every rule that is not met, in the order of the rules."""
    return tuple([unmet for rule in rules if (unmet := rule.check(situation)) is not None])
