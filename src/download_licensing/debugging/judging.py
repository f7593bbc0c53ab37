"""What a policy says of decisions that were made: each at its own moment, in one pass.

Pure: events come in, judgements go out. `Judging` folds a customer's history once and stops before
each recorded grant, renewal and refresh, and at each noted refusal, to check the rules of a policy
on the state that the decision was made on. The history stays as it was: what a policy would have
refused still happened, for all that comes after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from types import MappingProxyType

import msgspec

from download_licensing.debugging.folding import Fold
from download_licensing.domain.account import ACCOUNT_ID, Account
from download_licensing.domain.cuts import Cuts, Withdrawn
from download_licensing.domain.events import (
    DeviceRegistered,
    DownloadCounted,
    DownloadHeld,
    LicenseIssued,
    LicenseRenewed,
)
from download_licensing.domain.finding import Finding
from download_licensing.domain.license import License
from download_licensing.domain.policy import NoPolicyInForce, Policy, PolicySource
from download_licensing.domain.refusals import TitleWithdrawn
from download_licensing.domain.rule import Decision
from download_licensing.domain.rules import check_all
from download_licensing.domain.situation import Aggregates, Situation, survey
from download_licensing.domain.terms import Title, by_agreement
from download_licensing.service.noted_refusals import RefusalNoted
from helenus.aggregates import Aggregate
from helenus.codec import Entry

NONE_WITHDRAWN: Withdrawn = MappingProxyType({})


class Asked(msgspec.Struct, frozen=True, gc=False):
    """What a decision was about.

    Attributes:
        device_id: where the download was to lie, or lies.
        title_id: what it was to be of, or is.
        license_id: what was to be extended; "": a new download.
    """

    device_id: str
    title_id: str
    license_id: str = ""


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """What the rules of a policy say of one question at one moment.

    Attributes:
        decision: a new download, a renewal, or the refresh of an expired licence.
        policy_version: of the policy; "": none was in force.
        findings: of every rule that applies, in the order of refusals.
        situation: what the rules looked at.
        expires_at: when the licence would end; None: never.
    """

    decision: Decision
    policy_version: str
    findings: list[Finding]
    situation: Situation
    expires_at: datetime | None

    @property
    def allowed(self) -> bool:
        """Whether every rule is met."""
        return all(finding.unmet is None for finding in self.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Of the rules that are not met, in the order of refusals."""
        return tuple([one.unmet.reason for one in self.findings if one.unmet is not None])


class Judged(msgspec.Struct, frozen=True, gc=False):
    """A decision as it was recorded, and what the policy says of it.

    Attributes:
        position: of the event that recorded a grant; of the last event before a refusal.
        at: the time it was decided as of.
        asked: what it was about; the licence of a new download is told by `license_id`.
        license_id: what was granted or extended, or was to be; "": a refused new download.
        granted: whether it was.
        reasons: why it was not.
        policy_version: that it was decided by; "": recorded before there were any.
        expires_at: when the licence ended as it was granted; None: never, or it was not.
        times: how often it was asked for; grants count once.
        judgement: None: the policy cannot say, as its catalogue has no such title, the title was
            withdrawn, or no policy was in force.
    """

    position: int
    at: datetime
    asked: Asked
    license_id: str
    granted: bool
    reasons: tuple[str, ...]
    policy_version: str
    expires_at: datetime | None
    times: int
    judgement: Judgement | None

    @property
    def differs(self) -> bool:
        """Whether the policy would have allowed what was refused, or refused what was granted."""
        return self.judgement is not None and self.judgement.allowed != self.granted

    @property
    def lasts_otherwise(self) -> bool:
        """Whether the policy would have granted it as well, but for another time."""
        return (
            self.granted
            and self.judgement is not None
            and self.judgement.allowed
            and self.judgement.expires_at != self.expires_at
        )


_OUTSIDE_RULES = (TitleWithdrawn.reason,)
"""Why something was refused of which no policy has anything to say."""


class Always:
    """A policy as if it had been in force at any time."""

    __slots__ = ("_policy",)

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def in_force(self, at: datetime) -> Policy:  # at any time
        """The policy."""
        return self._policy


def judge(
    aggregates: Aggregates,
    asked: Asked,
    at: datetime,
    policy: Policy,
    title: Title,
    *,
    alongside: Set[str],
    withdrawn: Withdrawn = NONE_WITHDRAWN,
) -> Judgement:
    """What a policy says of a question, as the service would decide it.

    What a cancellation or a withdrawal had ended by then has ended, also where no event says so.

    Args:
        aggregates: of the customer, at the moment in question.
        asked: the question.
        at: the time it is decided as of.
        policy: to decide by.
        title: the one asked for.
        alongside: the ids of all titles under its agreement.
        withdrawn: the titles that were withdrawn.
    """
    account = aggregates.get(Account, ACCOUNT_ID)
    seen = Cuts(account, withdrawn, at).seen(aggregates)
    renewed = seen.get(License, asked.license_id) if asked.license_id else None
    situation = survey(
        seen,
        account,
        device_id=asked.device_id,
        title=title,
        alongside=alongside,
        at=at,
        renewed=renewed,
    )
    terms = policy.terms_for(account.plan, title, account.country)
    decision: Decision = "download"
    if renewed is not None:
        decision = "renewal" if renewed.active(situation.now) else "refresh"
    rules = terms.checked_at(decision, situation.renewals_max)
    return Judgement(
        decision,
        terms.policy_version,
        check_all(rules, situation),
        situation,
        terms.license_ends_at(situation.now),
    )


class Judging:
    """Judges the decisions of one customer, commit by commit.

    Args:
        types: the aggregate types of the customer's stream.
        policies: says which policy to judge by at a time; `Always` for one policy throughout.
        titles: those of the catalogue, by id.
        refusals: those that were noted, in any order.
        since: decisions made before are not judged; None: all are.
        alongside: the titles `by_agreement`, where it is known already.
        withdrawn: the titles that were withdrawn. What that ended is in the history where something
            was granted after it; a refusal leaves no event.

    Attributes:
        fold: the state after all commits so far.
    """

    __slots__ = ("_alongside", "_policies", "_refusals", "_since", "_titles", "_withdrawn", "fold")

    def __init__(
        self,
        types: Iterable[type[Aggregate]],
        policies: PolicySource,
        titles: Mapping[str, Title],
        refusals: Iterable[RefusalNoted] = (),
        *,
        since: datetime | None = None,
        alongside: Mapping[str, Set[str]] | None = None,
        withdrawn: Withdrawn = NONE_WITHDRAWN,
    ) -> None:
        self.fold = Fold(types)
        self._policies = policies
        self._titles = titles
        self._alongside = by_agreement(titles.values()) if alongside is None else alongside
        self._since = since
        self._withdrawn = withdrawn
        self._refusals = sorted(refusals, key=lambda one: (one.position, one.at), reverse=True)

    def commit(self, entries: Sequence[Entry]) -> list[Judged]:
        """Fold in the next commit; judge its decisions, and before it the refusals it came after.

        Args:
            entries: the events of the commit, in order, which follow those folded in so far.
        """
        if not self._refusals:
            return self._decided(entries)
        judged: list[Judged] = []
        while True:
            judged += self._refused()
            upto = self._refusals[-1].position - self.fold.position if self._refusals else None
            if upto is None or upto >= len(entries):
                return judged + self._decided(entries)
            judged += self._decided(entries[:upto])  # an item refused within the commit
            entries = entries[upto:]

    def _decided(self, entries: Sequence[Entry]) -> list[Judged]:
        """Fold in events, and judge the grants and extensions among them."""
        fold, done = self.fold, 0
        judged: list[Judged] = []
        for index, (_, aggregate_id, event) in enumerate(entries):
            if not isinstance(event, (LicenseIssued, LicenseRenewed)):
                continue
            begins = _begins(entries, done, index, aggregate_id)
            if done < begins:
                fold.apply(entries[done:begins])
            if self._since is None or event.at >= self._since:
                position = fold.position + index - begins + 1
                judged.append(self._granted(aggregate_id, event, position))
            fold.apply(entries[begins : index + 1])
            done = index + 1
        if done < len(entries):
            fold.apply(entries[done:] if done else entries)
        return judged

    def finish(self) -> list[Judged]:
        """Judge the refusals that came after the last commit."""
        return self._refused()

    def _granted(
        self, license_id: str, event: LicenseIssued | LicenseRenewed, position: int
    ) -> Judged:
        if isinstance(event, LicenseIssued):
            asked = Asked(event.device_id, event.title_id)
        else:
            license = self.fold.get(License, license_id)
            asked = Asked(license.device_id, license.title_id, license_id)
        return Judged(
            position,
            event.at,
            asked,
            license_id,
            True,  # granted; by position, as this runs a million times
            (),
            event.policy_version,
            event.expires_at,
            1,
            self._judge(asked, event.at),
        )

    def _refused(self) -> list[Judged]:
        waiting, judged = self._refusals, []
        while waiting and waiting[-1].position <= self.fold.position:
            one = waiting.pop()
            if self._since is None or one.at >= self._since:
                judged.append(self._refusal(one))
        return judged

    def _refusal(self, noted: RefusalNoted) -> Judged:
        asked = Asked(noted.device_id, noted.title_id)
        if noted.license_id:
            license = self.fold.get(License, noted.license_id)
            asked = Asked(license.device_id, license.title_id, license.id)
        return Judged(
            position=noted.position,
            at=noted.at,
            asked=asked,
            license_id=noted.license_id,
            granted=False,
            reasons=noted.reasons,
            policy_version=noted.policy_version,
            expires_at=None,
            times=noted.times,
            judgement=None
            if noted.reasons == _OUTSIDE_RULES
            else self._judge(asked, noted.at, self._withdrawn),
        )

    def _judge(
        self, asked: Asked, at: datetime, withdrawn: Withdrawn = NONE_WITHDRAWN
    ) -> Judgement | None:
        title = self._titles.get(asked.title_id)
        if title is None:
            return None
        try:
            policy = self._policies.in_force(at)
        except NoPolicyInForce:
            return None
        alongside = self._alongside[title.agreement]
        return judge(self.fold, asked, at, policy, title, alongside=alongside, withdrawn=withdrawn)


_GRANTING = (DeviceRegistered, DownloadCounted, DownloadHeld)
"""What a grant or renewal records before the event of its licence."""


def _begins(entries: Sequence[Entry], done: int, index: int, license_id: str) -> int:
    """Where the events of a decision begin that ends with the one at an index.

    A commit may hold several decisions, and reports in between: each was made on what came before
    its own events.
    """
    while index > done:
        event = entries[index - 1][2]
        if not isinstance(event, _GRANTING) or (
            not isinstance(event, DeviceRegistered) and event.license_id != license_id
        ):
            break
        index -= 1
    return index
