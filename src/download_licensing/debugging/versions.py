"""Which policies there are to judge by: those of the store, by time and by version."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import msgspec

from download_licensing.debugging.errors import UnknownPolicyVersion
from download_licensing.domain.policy import Policies, Policy, PolicySource
from download_licensing.domain.times import EARLIEST
from download_licensing.policies.document import PolicyError
from download_licensing.policies.following import HeldPolicy, PublishedPolicies
from download_licensing.policies.reading import read_policy
from download_licensing.policies.shipped import shipped_policy


class PolicyText(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the policy as it was written.

    Attributes:
        version: its name.
        effective_from: from then on it holds.
        text: its document, YAML.
    """

    version: str
    effective_from: datetime
    text: str


class PolicyVersions(PolicySource, Protocol):
    """Policies by time and by version."""

    def named(self, version: str) -> Policy:
        """The policy of a version, whenever it was or will be in force.

        Raises:
            UnknownPolicyVersion: there is none of this version.
        """

    def text_of(self, version: str) -> PolicyText:
        """The document of a version.

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
        try:
            return self._held(version).policy()
        except PolicyError as error:
            raise UnknownPolicyVersion(version, self._known(), because=str(error)) from error

    def text_of(self, version: str) -> PolicyText:
        """The document of a version. See `PolicyVersions`."""
        held = self._held(version)
        try:
            text = held.document().text
        except PolicyError as error:
            raise UnknownPolicyVersion(version, self._known(), because=str(error)) from error
        return PolicyText(version=version, effective_from=held.effective_from, text=text)

    def _held(self, version: str) -> HeldPolicy:
        held = self._policies.named(version)
        if held is None:
            raise UnknownPolicyVersion(version, self._known())
        return held

    def _known(self) -> list[str]:
        return [one.version for one in self._policies.held]


class Documents:
    """A fixed set of policies, made from their documents.

    Args:
        texts: all there are.

    Raises:
        PolicyError: one cannot be read.
        ValueError: two have the same version, or take effect at the same moment.
    """

    def __init__(self, texts: Iterable[PolicyText]) -> None:
        self._texts = {one.version: one for one in texts}
        self._policies = Policies([_policy(one) for one in self._texts.values()])

    def in_force(self, at: datetime) -> Policy:
        """The policy in force at a time. See `Policies.in_force`."""
        return self._policies.in_force(at)

    def named(self, version: str) -> Policy:
        """The policy of a version. See `PolicyVersions`."""
        for policy in self._policies.versions:
            if policy.version == version:
                return policy
        raise UnknownPolicyVersion(version, list(self._texts))

    def text_of(self, version: str) -> PolicyText:
        """The document of a version. See `PolicyVersions`."""
        if version not in self._texts:
            raise UnknownPolicyVersion(version, list(self._texts))
        return self._texts[version]


def shipped() -> Documents:
    """The policy that comes with the program, as if it had always been in force."""
    document = shipped_policy()
    text = PolicyText(version=document.version, effective_from=EARLIEST, text=document.text)
    return Documents([text])


def _policy(text: PolicyText) -> Policy:
    content = text.text.encode()
    document = read_policy(content, f"policy {text.version}", bytes_max=len(content))
    return document.policy(text.effective_from)
