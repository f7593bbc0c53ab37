"""Replays a bundle: the case as it was, in a store in memory, under a debugger if you like.

    async with open_case(Path("case.jsonl")) as case:
        explanation = await case.debugger.why(case.customer_id, Question(...))
        replayed = case.replay()

What is in memory is the whole case, so that every question can be put to it, and commands as well.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from download_licensing.catalogue import Catalogue
from download_licensing.debugging.bundle import (
    FORMAT,
    LINE_BYTES_MAX,
    VERSION,
    AnyLine,
    CommitLine,
    DecisionLine,
    End,
    Header,
    PlanLine,
    PolicyLine,
    RefusalLine,
    TitleLine,
    decision_line,
)
from download_licensing.debugging.debugger import Debugger
from download_licensing.debugging.errors import BundleOfOtherVersion, BundleUnreadable
from download_licensing.debugging.judging import Judging
from download_licensing.debugging.versions import Documents, PolicyText
from download_licensing.domain.terms import Plan, Title
from download_licensing.policies.document import PolicyError
from download_licensing.service.licensing import AGGREGATES, LicensingService, stream_of
from download_licensing.service.noted_refusals import (
    REFUSALS_ID,
    RefusalNoted,
    Refusals,
    refusals_stream_of,
)
from helenus.codec import Codec, CommitMeta, Entry, checksum
from helenus.errors import CodecError
from helenus.events import to_microseconds
from helenus.repository import AggregateRepository
from helenus.store import Commit, Head
from helenus.stores.memory import MemoryStore


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the decisions of a bundle.

    Attributes:
        customer_id: the customer's pseudonym.
        head: the position that the history ends at.
        decisions: that were judged.
        as_before: of them, those that came out as the bundle says, each rule with the same numbers.
        differing: the others: as the bundle has it, and as it came out.
    """

    customer_id: str
    head: int
    decisions: int
    as_before: int
    differing: list[tuple[DecisionLine, DecisionLine]]


class Case(msgspec.Struct, frozen=True):
    """A bundle in memory.

    Attributes:
        customer_id: the customer's pseudonym.
        head: the position that the history ends at.
        store: holds the customer's stream and that of the refusals.
        service: carries out commands on it.
        debugger: answers questions about it.
        commits: the events of each.
        refusals: those that were noted.
        decisions: as the bundle says that they came out.
        policies: those that were in force.
        catalogue: the plans, and the titles of the history.
    """

    customer_id: str
    head: int
    store: MemoryStore
    service: LicensingService
    debugger: Debugger
    commits: Sequence[CommitLine]
    refusals: Sequence[RefusalNoted]
    decisions: Sequence[DecisionLine]
    policies: Documents
    catalogue: Catalogue

    def replay(
        self,
        *,
        break_at: int | None = None,
        stop: Callable[[Judging, list[Entry]], None] | None = None,
    ) -> Replayed:
        """Judge every decision again by today's code.

        Args:
            break_at: a position.
            stop: is called before the commit with that position is judged, with the state before
                it; by default it does nothing.
        """
        judging = Judging(AGGREGATES, self.policies, self.catalogue.titles, self.refusals)
        found: list[DecisionLine] = []
        for commit in self.commits:
            last = commit.first + len(commit.events) - 1
            if stop is not None and break_at is not None and commit.first <= break_at <= last:
                stop(judging, commit.events)
            found += [decision_line(one) for one in judging.commit(commit.events)]
        found += [decision_line(one) for one in judging.finish()]
        pairs = list(zip(self.decisions, found, strict=False))
        differing = [(before, now) for before, now in pairs if before != now]
        return Replayed(
            customer_id=self.customer_id,
            head=self.head,
            decisions=len(found),
            as_before=len(pairs) - len(differing),
            differing=differing,
        )


@asynccontextmanager
async def open_case(path: Path) -> AsyncIterator[Case]:
    """Load a bundle into a store in memory.

    Raises:
        BundleUnreadable: the file cannot be read, is cut, was changed, or is no bundle.
        BundleOfOtherVersion: its format is not this program's.
    """
    read = _Reading(str(path))
    try:
        with path.open("rb") as file:
            for line in read.lines(file):
                read.take(line)
    except OSError as error:
        raise BundleUnreadable(str(path), 0, error.strerror or "it cannot be read") from error
    policies = read.policies()
    catalogue = Catalogue(read.plans, read.titles)
    async with (
        MemoryStore() as store,
        AggregateRepository(store, AGGREGATES) as customers,
        AggregateRepository(store, [Refusals]) as refusals,
    ):
        await read.fill(store)
        service = LicensingService(customers, catalogue, policies=policies)
        debugger = Debugger(
            store=store,
            customers=customers,
            refusals=refusals,
            policies=policies,
            catalogue=catalogue,
        )
        yield Case(
            read.header.customer_id,
            read.header.head,
            store,
            service,
            debugger,
            read.commits,
            read.refusals,
            read.decisions,
            policies,
            catalogue,
        )


class _Reading:
    """Takes the lines of a bundle, and says which one is wrong."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._number = 0
        self._decode = msgspec.json.Decoder(AnyLine).decode
        self.plans: dict[str, Plan] = {}
        self.titles: dict[str, Title] = {}
        self.texts: list[PolicyText] = []
        self.commits: list[CommitLine] = []
        self.refusals: list[RefusalNoted] = []
        self.decisions: list[DecisionLine] = []
        self.header: Header

    def lines(self, file: BinaryIO) -> Iterator[AnyLine]:
        """Every line but the end, whose digest is held against them."""
        digest = hashlib.sha256()
        while line := file.readline(LINE_BYTES_MAX + 1):
            self._number += 1
            if len(line) > LINE_BYTES_MAX:
                raise self._wrong(f"it is longer than {LINE_BYTES_MAX:,} bytes")
            read = self._read(line)
            if self._number == 1:
                self._begin(read)
            elif isinstance(read, Header):
                raise self._wrong("a second header")
            if isinstance(read, End):
                self._end(read, digest.hexdigest())
                if file.read(1):
                    raise self._wrong("something follows the end")
                return
            digest.update(line)
            yield read
        raise self._wrong("the end is missing: the file is cut" if self._number else "it is empty")

    def take(self, line: AnyLine) -> None:
        """Keep what a line says."""
        match line:
            case PlanLine():
                self.plans[line.plan.plan_id] = line.plan
            case TitleLine():
                self.titles[line.title.title_id] = line.title
            case PolicyLine():
                self.texts.append(line.policy)
            case CommitLine():
                last = self.commits[-1] if self.commits else None
                expected = 1 if last is None else last.first + len(last.events)
                if line.first != expected or not line.events:
                    raise self._wrong(f"position {line.first} follows, not {expected}")
                self.commits.append(line)
            case RefusalLine():
                self.refusals.append(line.refusal)
            case DecisionLine():
                self.decisions.append(line)
            case _:
                pass

    def policies(self) -> Documents:
        """The policies of the bundle."""
        try:
            return Documents(self.texts)
        except (PolicyError, ValueError) as error:
            raise BundleUnreadable(self._source, 0, f"its policies: {error}") from error

    async def fill(self, store: MemoryStore) -> None:
        """Append all commits and refusals."""
        customer = self.header.customer_id
        codec, head = Codec(AGGREGATES), Head(0)
        for line in self.commits:
            commit = self._commit(codec, line)
            head = await store.append(stream_of(customer), [commit], head)
        codec, head = Codec([Refusals]), Head(0)
        for number, refusal in enumerate(self.refusals, start=1):
            line = CommitLine(
                first=number,
                recorded_at=refusal.at,
                events=[(Refusals.aggregate_name, REFUSALS_ID, refusal)],
            )
            commit = self._commit(codec, line)
            head = await store.append(refusals_stream_of(customer), [commit], head)

    def _commit(self, codec: Codec, line: CommitLine) -> Commit:
        meta = CommitMeta(
            command_id=line.command_id,
            actor=line.actor,
            correlation_id=line.correlation_id,
            causation_id=line.causation_id,
        )
        try:
            encoded, body = codec.encode_meta(meta), codec.encode_body(line.events)
        except CodecError as error:
            raise BundleUnreadable(self._source, 0, str(error)) from error
        return Commit(
            hashlib.blake2b(b"%d/" % line.first + encoded + body, digest_size=16).digest(),
            line.first,
            line.first + len(line.events) - 1,
            to_microseconds(line.recorded_at),
            tuple([event.tag for _, _, event in line.events]),
            encoded,
            body,
            checksum(encoded, body),
        )

    def _read(self, line: bytes) -> AnyLine:
        try:
            read: AnyLine = self._decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            if self._number == 1:
                self._require_format(line)
            raise self._wrong(str(error)) from error
        return read

    def _require_format(self, line: bytes) -> None:
        """Say so where the file is of another version, whose lines may be others."""
        try:
            said = msgspec.json.decode(line, type=dict[str, msgspec.Raw])
            form = msgspec.json.decode(said["format"], type=str)
            version = msgspec.json.decode(said["version"], type=int)
        except (msgspec.MsgspecError, UnicodeDecodeError, KeyError):
            return
        if form == FORMAT and version != VERSION:
            raise BundleOfOtherVersion(self._source, version, VERSION)

    def _begin(self, line: AnyLine) -> None:
        if not isinstance(line, Header) or line.format != FORMAT:
            raise self._wrong("it is no bundle")
        if line.version != VERSION:
            raise BundleOfOtherVersion(self._source, line.version, VERSION)
        self.header = line

    def _end(self, end: End, digest: str) -> None:
        if end.lines != self._number - 1 or end.sha256 != digest:
            raise self._wrong("the lines before it are not those that were written")
        last = self.commits[-1] if self.commits else None
        reached = 0 if last is None else last.first + len(last.events) - 1
        if reached != self.header.head:
            raise self._wrong(f"the history ends at {reached}, not at {self.header.head}")

    def _wrong(self, what: str) -> BundleUnreadable:
        return BundleUnreadable(self._source, self._number, what)
