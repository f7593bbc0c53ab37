"""All versions of the policy, and where a decision finds the one in force."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from download_licensing.domain.policy.policy import Policy


class PolicySource(Protocol):
    """Where a decision finds the policy that holds for it."""

    def in_force(self, at: datetime) -> Policy:
        """The policy in force at a time.

        Raises:
            NoPolicyInForce: none was yet.
        """


class NoPolicyInForce(LookupError):
    """A time before the first policy took effect.

    Attributes:
        at: the time asked about.
    """

    def __init__(self, at: datetime) -> None:
        super().__init__(
            f"No policy is in force at {at:%Y-%m-%dT%H:%M:%SZ}. Publish one that is effective"
            " from an earlier date."
        )
        self.at = at


class Policies:
    """A sequence of versions, each in force from its own effective date until the next one's.

    Immutable.

    Args:
        versions: in any order.

    Raises:
        ValueError: two take effect at the same moment, or have the same version.
    """

    __slots__ = ("_starts", "versions")

    versions: tuple[Policy, ...]

    def __init__(self, versions: Iterable[Policy]) -> None:
        self.versions = tuple(sorted(versions, key=lambda policy: policy.effective_from))
        self._starts = [policy.effective_from for policy in self.versions]
        for what, values in (
            ("effective date", self._starts),
            ("version", [policy.version for policy in self.versions]),
        ):
            if len(set(values)) < len(values):
                raise ValueError(f"Two policies have the same {what}: change one.")

    def in_force(self, at: datetime) -> Policy:
        """The policy in force at a time, from the very moment of its effective date on.

        Raises:
            NoPolicyInForce: none was yet.
        """
        index = bisect_right(self._starts, at)
        if not index:
            raise NoPolicyInForce(at)
        return self.versions[index - 1]
