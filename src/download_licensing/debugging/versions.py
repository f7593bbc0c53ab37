"""Which policies there are to judge by: those of the store, by time and by version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from download_licensing.debugging.errors import UnknownPolicyVersion
from download_licensing.domain.policy import Policies, Policy, PolicySource
from download_licensing.policies.document import PolicyError
from download_licensing.policies.following import PublishedPolicies


class PolicyVersions(PolicySource, Protocol):
    """Policies by time and by version."""

    def named(self, version: str) -> Policy:
        """The policy of a version, whenever it was or will be in force.

        Raises:
            UnknownPolicyVersion: there is none of this version.
        """


class Published:
    """The policies that a store has published.

    Args:
        policies: read from the store.
    """

    def __init__(self, policies: PublishedPolicies) -> None:
        self._policies = policies

    def in_force(self, at: datetime) -> Policy:
        """The policy in force at a time. See `PublishedPolicies.in_force`."""
        return self._policies.in_force(at)

    def named(self, version: str) -> Policy:
        """The policy of a version. See `PolicyVersions`."""
        held = self._policies.named(version)
        known = [one.version for one in self._policies.held]
        if held is None:
            raise UnknownPolicyVersion(version, known)
        try:
            return held.policy()
        except PolicyError as error:
            raise UnknownPolicyVersion(version, known, because=str(error)) from error


class Fixed:
    """A fixed set of policies.

    Args:
        policies: all there are.
    """

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def in_force(self, at: datetime) -> Policy:
        """The policy in force at a time. See `Policies.in_force`."""
        return self._policies.in_force(at)

    def named(self, version: str) -> Policy:
        """The policy of a version. See `PolicyVersions`."""
        for policy in self._policies.versions:
            if policy.version == version:
                return policy
        raise UnknownPolicyVersion(version, _names(self._policies.versions))


def versions_of(source: PolicySource) -> PolicyVersions:
    """The versions behind what the service decides by."""
    match source:
        case PublishedPolicies():
            return Published(source)
        case Policies():
            return Fixed(source)
        case _:
            raise TypeError(f"{type(source).__name__} does not tell its versions.")


def _names(policies: Sequence[Policy]) -> list[str]:
    return [policy.version for policy in policies]
