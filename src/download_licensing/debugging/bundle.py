"""A bundle: one customer's case in a file, masked, so that a developer can replay it anywhere.

Lines of JSON: a header, the plans, the noted refusals; then the history in order, each commit
followed by its decisions as the policy in force judges them, each title and policy before the first
line that needs it; and an end with a digest, so that a cut or changed file is noticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import datetime
from typing import Any, Union

import msgspec

from download_licensing.catalogue import Catalogue
from download_licensing.debugging.errors import UnknownPolicyVersion
from download_licensing.debugging.judging import Judged, Judging
from download_licensing.debugging.masking import Mask
from download_licensing.debugging.timeline import head_of
from download_licensing.debugging.versions import PolicyText, PolicyVersions
from download_licensing.domain.terms import Plan, Title
from download_licensing.service.licensing import AGGREGATES, stream_of
from download_licensing.service.noted_refusals import RefusalNoted
from helenus.events import Event, RecordedEvent
from helenus.repository import AggregateRepository

FORMAT = "download-licensing-bundle"
VERSION = 1
LINE_BYTES_MAX = 16 * 1024 * 1024
"""Longest line that is read: a commit of the largest size, and some."""

_EVENTS: Any = Union[tuple(event for one in AGGREGATES for event in one.handlers)]  # noqa: UP007  # at run time


class Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="line"):
    """Base of all lines."""


class Header(Line, frozen=True, kw_only=True, tag="header"):
    """What the file is.

    Attributes:
        format: always the same.
        version: of the format.
        customer_id: the customer's pseudonym.
        head: the position that the history ends at.
    """

    format: str = FORMAT
    version: int = VERSION
    customer_id: str
    head: int


class PlanLine(Line, frozen=True, kw_only=True, tag="plan"):
    """A plan of the catalogue."""

    plan: Plan


class TitleLine(Line, frozen=True, kw_only=True, tag="title"):
    """A title that the history is about."""

    title: Title


class PolicyLine(Line, frozen=True, kw_only=True, tag="policy"):
    """A version of the policy that decisions of the history were made or are judged by."""

    policy: PolicyText


class CommitLine(Line, frozen=True, kw_only=True, tag="commit"):
    """What one command recorded.

    Attributes:
        first: the position of its first event.
        recorded_at: when it was committed.
        command_id: the pseudonym of the command's key, and so on.
        events: each with the type and id of the aggregate it is addressed to.
    """

    first: int
    recorded_at: datetime
    command_id: str | None = None
    actor: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    events: list[tuple[str, str, _EVENTS]]


class RefusalLine(Line, frozen=True, kw_only=True, tag="refusal"):
    """A refusal that was noted."""

    refusal: RefusalNoted


class RuleSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule saw."""

    rule: str
    met: bool
    limit: int | None
    used: int | None


class DecisionLine(Line, frozen=True, kw_only=True, tag="decision"):
    """A decision, and what the policy in force then says of it.

    Attributes:
        position: of the event that recorded a grant; of the last event before a refusal.
        at: the time it was decided as of.
        granted: whether it was.
        allowed: whether the policy allows it; null: it cannot say.
        policy_version: that it is judged by; "": it cannot say.
        rules: all that apply, with the numbers that they saw.
    """

    position: int
    at: datetime
    granted: bool
    allowed: bool | None
    policy_version: str
    rules: list[RuleSeen]


class End(Line, frozen=True, kw_only=True, tag="end"):
    """The file is whole.

    Attributes:
        lines: before this one.
        sha256: of all lines before this one.
    """

    lines: int
    sha256: str


AnyLine = Header | PlanLine | TitleLine | PolicyLine | CommitLine | RefusalLine | DecisionLine | End

_encode = msgspec.json.Encoder().encode


class Bundler:
    """Writes bundles of customers.

    Args:
        repository: of the customers' streams.
        mask: gives pseudonyms.
        policies: where the policies are found.
        catalogue: the plans and titles there are.
    """

    def __init__(
        self,
        repository: AggregateRepository,
        mask: Mask,
        policies: PolicyVersions,
        catalogue: Catalogue,
    ) -> None:
        self._repository = repository
        self._mask = mask
        self._policies = policies
        self._catalogue = catalogue

    async def bundle(
        self, customer_id: str, refusals: Sequence[RefusalNoted] = ()
    ) -> AsyncIterator[bytes]:
        """The lines of a bundle, each with its line break.

        Memory does not grow with the history.

        Args:
            customer_id: whose.
            refusals: those that were noted.

        Raises:
            AccountNotFound: nothing was ever recorded for this customer; before the first line.
        """
        head = await head_of(self._repository, customer_id)
        digest, number = hashlib.sha256(), 0
        async for line in self._lines(customer_id, head, refusals):
            encoded = _encode(line) + b"\n"
            digest.update(encoded)
            number += 1
            yield encoded
        yield _encode(End(lines=number, sha256=digest.hexdigest())) + b"\n"

    async def _lines(
        self, customer_id: str, head: int, refusals: Sequence[RefusalNoted]
    ) -> AsyncIterator[AnyLine]:
        yield Header(customer_id=self._mask.customer(customer_id), head=head)
        for plan in self._catalogue.plans.values():
            yield PlanLine(plan=plan)
        masked = [self._mask.event(one) for one in refusals if one.position <= head]
        for refusal in masked:
            yield RefusalLine(refusal=refusal)
        bundling = _Bundling(self._mask, self._policies, self._catalogue, masked)
        async for commit in self._commits(customer_id, head):
            for line in bundling.commit(commit):
                yield line
        for line in bundling.finish():
            yield line

    async def _commits(
        self, customer_id: str, head: int
    ) -> AsyncIterator[list[RecordedEvent[Event]]]:
        commit: list[RecordedEvent[Event]] = []
        async for recorded in self._repository.history(stream_of(customer_id), upto=head):
            if commit and commit[0].commit_id != recorded.commit_id:
                yield commit
                commit = []
            commit.append(recorded)
        yield commit


class _Bundling:
    """Makes the lines of a history, and remembers what was told already."""

    def __init__(
        self,
        mask: Mask,
        policies: PolicyVersions,
        catalogue: Catalogue,
        refusals: Sequence[RefusalNoted],
    ) -> None:
        self._mask = mask
        self._policies = policies
        self._titles = catalogue.titles
        self._told: set[tuple[str, str]] = set()
        # What is judged is masked already, so that no judgement can hold what is not.
        self._judging = Judging(AGGREGATES, policies, catalogue.titles, refusals)

    def commit(self, commit: Sequence[RecordedEvent[Event]]) -> Iterator[AnyLine]:
        """The lines of one commit: what it needs, itself, its decisions."""
        mask, first = self._mask, commit[0]
        entries = [
            (one.aggregate_type, mask.aggregate_id(one.aggregate_type, one.aggregate_id), event)
            for one in commit
            for event in [mask.event(one.event)]
        ]
        for _, aggregate_id, event in entries:
            yield from self._title(getattr(event, "title_id", aggregate_id))
        judged = self._judging.commit(entries)
        yield CommitLine(
            first=first.position,
            recorded_at=first.recorded_at,
            command_id=mask.metadata("command_id", first.command_id),
            actor=mask.metadata("actor", first.actor),
            correlation_id=mask.metadata("correlation_id", first.correlation_id),
            causation_id=mask.metadata("causation_id", first.causation_id),
            events=entries,
        )
        yield from self._decisions(judged)

    def finish(self) -> Iterator[AnyLine]:
        """The lines of refusals that came after the last commit."""
        yield from self._decisions(self._judging.finish())

    def _decisions(self, judged: Sequence[Judged]) -> Iterator[AnyLine]:
        for one in judged:
            yield from self._title(one.asked.title_id)
            line = decision_line(one)
            for version in (one.policy_version, line.policy_version):
                yield from self._policy(version)
            yield line

    def _title(self, title_id: str) -> Iterator[AnyLine]:
        title = self._titles.get(title_id)
        if title is not None and ("title", title_id) not in self._told:
            self._told.add(("title", title_id))
            yield TitleLine(title=title)

    def _policy(self, version: str) -> Iterator[AnyLine]:
        if not version or ("policy", version) in self._told:
            return
        self._told.add(("policy", version))
        try:
            yield PolicyLine(policy=self._policies.text_of(version))
        except UnknownPolicyVersion:
            return  # of before there were any, or read by another program: judged without it


def decision_line(judged: Judged) -> DecisionLine:
    """A judged decision as a line."""
    judgement = judged.judgement
    findings = [] if judgement is None else judgement.findings
    return DecisionLine(
        position=judged.position,
        at=judged.at,
        granted=judged.granted,
        allowed=None if judgement is None else judgement.allowed,
        policy_version="" if judgement is None else judgement.policy_version,
        rules=[
            RuleSeen(rule=one.rule, met=one.met, limit=one.limit, used=one.used) for one in findings
        ],
    )
