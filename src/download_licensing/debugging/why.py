"""Why something was refused, or would be: each rule with its numbers, and where they came from.

A question is decided again as it was: on the events up to a position, as of a time, by a version of
the policy. To find the events behind a rule's numbers, the rule is asked after each event of the
history, always about the same question and time: an event that moved its numbers is one they came
from. This holds for any rule, also for one that is written tomorrow.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping, Set
from datetime import datetime
from typing import Any

import msgspec

from download_licensing.debugging.errors import NoPolicyThen, NothingRefused, PositionBeyondHead
from download_licensing.debugging.folding import Fold
from download_licensing.debugging.judging import Asked, Judgement, judge
from download_licensing.debugging.noted import refusals_of
from download_licensing.debugging.sentences import sentence
from download_licensing.debugging.timeline import decided_at, head_of
from download_licensing.debugging.versions import PolicyVersions
from download_licensing.debugging.withdrawn import WithdrawalTold, withdrawals
from download_licensing.domain.account import ACCOUNT_ID, Account
from download_licensing.domain.cuts import Withdrawn
from download_licensing.domain.finding import Finding
from download_licensing.domain.license import License
from download_licensing.domain.policy import NoPolicyInForce, Policy
from download_licensing.domain.refusals import (
    AccountNotFound,
    LicenseNotFound,
    LicenseReleased,
    LicenseRevoked,
    TitleNotFound,
)
from download_licensing.domain.rule import Decision
from download_licensing.domain.terms import Title, by_agreement
from download_licensing.service.licensing import AGGREGATES, stream_of
from helenus.errors import InvalidArgument
from helenus.events import Event, RecordedEvent
from helenus.repository import AggregateRepository

CAUSES_MAX = 100
"""Most events that are told for one rule: the latest."""

EVENTS_BETWEEN_BREATHS = 500
"""Events looked at between two chances for others to run."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked, and as of when.

    Attributes:
        device_id: of a new download.
        title_id: of a new download.
        license_id: to be extended; instead of device and title.
        position: of the last event that counts; None: the head.
        at: the time of the decision; None: that of the last event that counts.
        policy_version: to decide by; None: the one in force at that time.
    """

    device_id: str | None = None
    title_id: str | None = None
    license_id: str | None = None
    position: int | None = None
    at: datetime | None = None
    policy_version: str | None = None


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a rule's numbers came from.

    Attributes:
        position: of the event.
        at: when it was decided.
        sentence: what happened.
        used_before: the use that the rule saw before it; null: none, or the rule does not count.
        used_after: the use that the rule saw after it.
    """

    position: int
    at: datetime | None
    sentence: str
    used_before: int | None
    used_after: int | None


class RuleTold(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule says, and why.

    Attributes:
        rule: as policies name it.
        met: whether it allows it.
        limit: the most that it allows; null: it does not count.
        used: the use so far; null: it does not count.
        reason: of the refusal; "" where it is met.
        detail: what is the matter, as a sentence; "" where it is met.
        resets_at: when it would allow it if nothing else happened; null: it is met, or never.
        layer: of the policy that set it; "": the licence, which keeps the number of its grant.
        parameters: as set there.
        events: what moved its numbers, oldest first.
        events_left_out: how many earlier ones there are.
    """

    rule: str
    met: bool
    limit: int | None
    used: int | None
    reason: str
    detail: str
    resets_at: datetime | None
    layer: str
    parameters: dict[str, Any]
    events: list[Cause]
    events_left_out: int


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """Why a question is answered as it is.

    Attributes:
        customer_id: whose.
        decision: a new download, a renewal, or the refresh of an expired licence.
        device_id: where the download would lie, or lies.
        title_id: what it would be of, or is.
        license_id: what would be extended; "": a new download.
        position: of the last event that counts.
        at: the time it is decided as of.
        policy_version: that it is decided by.
        allowed: whether the title is not withdrawn and every rule is met.
        rules: all that apply, in the order of refusals.
        withdrawal: of the title, at that time: then no rule was asked, and the rules tell what
            they would have said; null: it was not withdrawn.
    """

    customer_id: str
    decision: Decision
    device_id: str
    title_id: str
    license_id: str
    position: int
    at: datetime
    policy_version: str
    allowed: bool
    rules: list[RuleTold]
    withdrawal: WithdrawalTold | None = None


async def question_of_refusal(
    repository: AggregateRepository, customer_id: str, latest: int = 1
) -> Question:
    """The question that a noted refusal answered, exactly as it was.

    Args:
        repository: of streams of refusals.
        customer_id: whose.
        latest: 1 for the last one, 2 for the one before it.

    Raises:
        NothingRefused: not that many were noted.
        helenus.InvalidArgument: `latest` is below 1.
    """
    if latest < 1:
        raise InvalidArgument(f"The last refusal is number 1; there is no number {latest}.")
    noted = await refusals_of(repository, customer_id)
    if len(noted) < latest:
        raise NothingRefused(len(noted))
    refusal = noted[-latest]
    return Question(
        device_id=refusal.device_id or None,
        title_id=refusal.title_id or None,
        license_id=refusal.license_id or None,
        position=refusal.position,
        at=refusal.at,
        policy_version=refusal.policy_version or None,
    )


async def explain(
    repository: AggregateRepository,
    customer_id: str,
    question: Question,
    policies: PolicyVersions,
    titles: Mapping[str, Title],
    *,
    policy: Policy | None = None,
) -> Explanation:
    """Decide a question again, and tell what each rule saw.

    Args:
        repository: of the customers' streams, and of that of the titles.
        customer_id: whose.
        question: what is asked, and as of when.
        policies: where the policy is found.
        titles: those of the catalogue, by id.
        policy: to decide by, in place of one of `policies`.

    Raises:
        AccountNotFound: nothing was recorded for this customer, or the account was not open then.
        LicenseNotFound: the customer had no such licence then.
        LicenseReleased: it had been given back, so no rule was asked.
        LicenseRevoked: it had been taken away, so no rule was asked.
        TitleNotFound: the title is not in the catalogue.
        PositionBeyondHead: the history is not that long.
        UnknownPolicyVersion: no policy of this version was published.
        NoPolicyThen: no policy was in force at the time.
        helenus.InvalidArgument: neither a licence nor a device and a title are named, or both.
    """
    _check(question)
    head = await head_of(repository, customer_id)
    position = head if question.position is None else question.position
    if position > head:
        raise PositionBeyondHead(position, head)
    stream = stream_of(customer_id)
    view = await repository.load(stream, at_position=position)
    account = view.get(Account, ACCOUNT_ID)
    if account.opened_at is None:
        raise AccountNotFound(customer_id)
    if question.license_id is None:
        asked = Asked(question.device_id or "", question.title_id or "")
    else:
        license = view.get(License, question.license_id)
        if license.issued_at is None:
            raise LicenseNotFound(question.license_id)
        if license.released_at is not None:
            raise LicenseReleased(license.id)
        if license.revoked_at is not None:
            raise LicenseRevoked(license.id)
        asked = Asked(license.device_id, license.title_id, license.id)
    title = titles.get(asked.title_id)
    if title is None:
        raise TitleNotFound(asked.title_id)
    at = question.at or await _time_of(repository, stream, position)
    if policy is None:
        policy = _policy(policies, question.policy_version, at)
    alongside = by_agreement(titles.values())[title.agreement]
    known = await withdrawals(repository)
    tracing = _Tracing(asked, at, policy, title, alongside=alongside, withdrawn=known.spans)
    async for recorded in repository.history(stream, upto=position):
        tracing.take(recorded)
        if recorded.position % EVENTS_BETWEEN_BREATHS == 0:
            await asyncio.sleep(0)
    withdrawal = await known.of(title.title_id, at)
    return tracing.explanation(customer_id, account, withdrawal)


class _Trace:
    """What moved the numbers of one rule."""

    __slots__ = ("causes", "finding", "moved")

    def __init__(self) -> None:
        self.finding: Finding | None = None
        self.causes: deque[Cause] = deque(maxlen=CAUSES_MAX)
        self.moved = 0


class _Tracing:
    """Asks one question after each event of a history."""

    def __init__(
        self,
        asked: Asked,
        at: datetime,
        policy: Policy,
        title: Title,
        *,
        alongside: Set[str],
        withdrawn: Withdrawn,
    ) -> None:
        self._asked, self._at, self._policy, self._title = asked, at, policy, title
        self._alongside, self._withdrawn = alongside, withdrawn
        self._fold = Fold(AGGREGATES)
        self._traces: dict[str, _Trace] = {}
        self._ask(None)

    def take(self, recorded: RecordedEvent[Event]) -> None:
        """Fold in the next event, and ask again."""
        self._fold.apply([(recorded.aggregate_type, recorded.aggregate_id, recorded.event)])
        self._ask(recorded)

    def explanation(
        self, customer_id: str, account: Account, withdrawal: WithdrawalTold | None
    ) -> Explanation:
        """The answer after all events."""
        judgement = self._judge()
        terms = self._policy.terms_for(account.plan, self._title, account.country)
        return Explanation(
            customer_id=customer_id,
            decision=judgement.decision,
            device_id=self._asked.device_id,
            title_id=self._asked.title_id,
            license_id=self._asked.license_id,
            position=self._fold.position,
            at=judgement.situation.now,
            policy_version=judgement.policy_version,
            allowed=withdrawal is None and judgement.allowed,
            rules=[self._told(one, terms.sources) for one in judgement.findings],
            withdrawal=withdrawal,
        )

    def _ask(self, recorded: RecordedEvent[Event] | None) -> None:
        found = {finding.rule: finding for finding in self._judge().findings}
        for rule in self._traces.keys() | found.keys():
            trace = self._traces.setdefault(rule, _Trace())
            before, after = trace.finding, found.get(rule)
            if recorded is not None and _numbers(before) != _numbers(after):
                trace.moved += 1
                trace.causes.append(_cause(recorded, before, after))
            trace.finding = after

    def _judge(self) -> Judgement:
        return judge(
            *(self._fold, self._asked, self._at, self._policy, self._title),
            alongside=self._alongside,
            withdrawn=self._withdrawn,
        )

    def _told(self, finding: Finding, sources: Mapping[str, str]) -> RuleTold:
        trace, unmet = self._traces[finding.rule], finding.unmet
        return RuleTold(
            rule=finding.rule,
            met=finding.met,
            limit=finding.limit,
            used=finding.used,
            reason="" if unmet is None else unmet.reason,
            detail="" if unmet is None else unmet.detail,
            resets_at=None if unmet is None else unmet.resets_at,
            layer=sources.get(finding.rule, ""),
            parameters=self._parameters(finding.rule),
            events=list(trace.causes),
            events_left_out=trace.moved - len(trace.causes),
        )

    def _parameters(self, rule: str) -> dict[str, Any]:
        account = self._fold.get(Account, ACCOUNT_ID)
        terms = self._policy.terms_for(account.plan, self._title, account.country)
        clause = terms.clauses.get(rule)
        return {} if clause is None else msgspec.to_builtins(clause)


def _numbers(finding: Finding | None) -> tuple[object, ...] | None:
    """What a rule's answer rests on, as far as it tells."""
    if finding is None:
        return None
    resets_at = None if finding.unmet is None else finding.unmet.resets_at
    return (finding.met, finding.limit, finding.used, resets_at)


def _cause(recorded: RecordedEvent[Event], before: Finding | None, after: Finding | None) -> Cause:
    return Cause(
        position=recorded.position,
        at=decided_at(recorded.event),
        sentence=sentence(recorded.event, recorded.aggregate_id),
        used_before=None if before is None else before.used,
        used_after=None if after is None else after.used,
    )


def _check(question: Question) -> None:
    download = question.device_id is not None and question.title_id is not None
    partly = question.device_id is not None or question.title_id is not None
    if download == (question.license_id is not None) or partly != download:
        raise InvalidArgument(
            "A question is about a device and a title, or about a licence.",
            remedy="Name the two for a new download, or the licence for its extension.",
        )


def _policy(policies: PolicyVersions, version: str | None, at: datetime) -> Policy:
    if version is not None:
        return policies.named(version)
    try:
        return policies.in_force(at)
    except NoPolicyInForce:
        raise NoPolicyThen(at) from None


async def _time_of(repository: AggregateRepository, stream: str, position: int) -> datetime:
    last = repository.history(stream, after=position - 1, upto=position)
    recorded = await anext(aiter(last))
    return decided_at(recorded.event) or recorded.recorded_at
