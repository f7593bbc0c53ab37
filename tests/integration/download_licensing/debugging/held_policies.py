"""Policies that were never written down."""

from __future__ import annotations

from datetime import datetime

from download_licensing.debugging.errors import UnknownPolicyVersion
from download_licensing.debugging.versions import PolicyText
from download_licensing.domain.policy import Policies, Policy


class Held:
    """A fixed set of policies without documents."""

    def __init__(self, policies: Policies) -> None:
        self._policies = policies

    def in_force(self, at: datetime) -> Policy:
        return self._policies.in_force(at)

    def named(self, version: str) -> Policy:
        for policy in self._policies.versions:
            if policy.version == version:
                return policy
        raise UnknownPolicyVersion(version, [one.version for one in self._policies.versions])

    def text_of(self, version: str) -> PolicyText:
        raise AssertionError(f"{version} has no text")
