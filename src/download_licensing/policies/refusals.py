"""Why a policy is not published or withdrawn. Nothing was written when one of these is raised.

Refusal (domain)
├── VersionTaken      the version was published with another document, or withdrawn
├── PolicyOvertaken   another version was published since the publisher looked
├── FirstTooLate      it is the first, and nothing would hold until it takes effect
├── TooEarly          it would take effect before every process can know of it
├── DatesOverlap      it would take effect before a version that is published already
├── UnknownVersion    no such version was published
└── InForceAlready    a version that has taken effect cannot be withdrawn
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from download_licensing.documents import near_miss
from download_licensing.domain.refusals import Refusal


def shown(moment: datetime) -> str:
    """A time as people read it: to the second, or as exactly as it is."""
    return moment.isoformat().replace("+00:00", "Z")


class VersionTaken(Refusal):
    """The version was published with another document, or withdrawn."""

    reason = "policy-version-taken"
    remedy = "Give the document a version of its own."

    def __init__(self, version: str, published_at: datetime, withdrawn_at: datetime | None) -> None:
        super().__init__(
            f"Version {version} was published at {shown(published_at)}"
            + (f" and withdrawn at {shown(withdrawn_at)}." if withdrawn_at else " otherwise.")
        )


class PolicyOvertaken(Refusal):
    """Another version was published since the publisher looked."""

    reason = "policy-overtaken"
    remedy = "See what it changed (policy history, policy diff), and publish again."

    def __init__(self, expected: str, actual: str) -> None:
        super().__init__(
            f"The last version published is {actual or 'none'}, not {expected or 'none'} as"
            " expected."
        )


class FirstTooLate(Refusal):
    """It is the first policy, and nothing would hold until it takes effect."""

    reason = "policy-first-too-late"
    remedy = "Leave effective_from out: the first policy holds at once."

    def __init__(self, version: str, effective_from: datetime) -> None:
        super().__init__(
            f"Version {version} is the first, and would take effect at {shown(effective_from)}"
            " only. Until then nothing would hold."
        )


class TooEarly(Refusal):
    """It would take effect before every process can know of it."""

    reason = "policy-too-early"
    remedy = "Leave effective_from out, so that it takes effect as soon as it can."

    def __init__(self, version: str, effective_from: datetime, earliest: datetime) -> None:
        super().__init__(
            f"Version {version} would take effect at {shown(effective_from)}, before"
            f" {shown(earliest)}: decisions may have been made for that time."
        )


class DatesOverlap(Refusal):
    """It would take effect before a version that is published already, or with it."""

    reason = "policy-dates-overlap"

    def __init__(
        self, version: str, effective_from: datetime, other: str, other_from: datetime
    ) -> None:
        super().__init__(
            f"Version {version} would take effect at {shown(effective_from)}, but version {other}"
            f" is published to hold from {shown(other_from)} on.",
            remedy=f"Give it a later date, or withdraw {other} first if it has not taken effect.",
        )


class UnknownVersion(Refusal):
    """No such version was published."""

    reason = "policy-not-found"

    def __init__(self, version: str, known: Iterable[str]) -> None:
        known = list(known)
        hint = near_miss(version, known).strip() or "See the history of policies for those."
        super().__init__(f"No version {version!r} was published.", remedy=hint)


class InForceAlready(Refusal):
    """A version that has taken effect cannot be withdrawn."""

    reason = "policy-in-force"
    remedy = "Publish another one that takes its place."

    def __init__(self, version: str, effective_from: datetime) -> None:
        super().__init__(
            f"Version {version} holds from {shown(effective_from)} on, too soon to be taken back."
        )
