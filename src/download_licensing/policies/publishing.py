"""Publishing policies: each version is an event, decided on the stream of policies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import PurePath

import msgspec

from download_licensing.domain.times import EARLIEST, utc
from download_licensing.policies.document import PolicyDocument, digest_of
from download_licensing.policies.events import (
    BOOK_ID,
    POLICY_STREAM,
    PolicyBook,
    PolicyPublished,
    PolicyWithdrawn,
    PublishedVersion,
)
from download_licensing.policies.refusals import (
    DatesOverlap,
    FirstTooLate,
    InForceAlready,
    PolicyOvertaken,
    TooEarly,
    UnknownVersion,
    VersionTaken,
)
from helenus.errors import CommandRefused, LimitExceeded
from helenus.repository import AggregateRepository
from helenus.service import AggregateService, CommandContext, Hook, handles
from helenus.unit_of_work import UnitOfWork

LEAD_S = 10
VERSIONS_MAX = 10_000


class PublishPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Publish a document that was checked.

    Attributes:
        version: its version.
        effective_from: None: as soon as it can.
        document: its text.
        source: what it is called.
        expected: the version published last, as the publisher knows it, "": none; None: whichever.
    """

    version: str
    effective_from: datetime | None
    document: str
    source: str
    expected: str | None = None

    @classmethod
    def of(cls, document: PolicyDocument, expected: str | None = None) -> PublishPolicy:
        """The command that publishes a document."""
        return cls(
            version=document.version,
            effective_from=document.effective_from,
            document=document.text,
            source=PurePath(document.source).name,
            expected=expected,
        )


class WithdrawPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Take a version back that has not taken effect."""

    version: str


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to `PublishPolicy`.

    Attributes:
        version: that was published.
        effective_from: from then on it holds.
        created: whether this command published it; False: the same document was published before.
    """

    version: str
    effective_from: datetime
    created: bool


class PolicyService(AggregateService):
    """Publishes policies, and lists those that were published.

    Args:
        repository: made with `PolicyBook` among its aggregates.
        lead_s: seconds from a publication until it can take effect, in which every process learns
            of it.
        hooks: entered around each command.
    """

    def __init__(
        self,
        repository: AggregateRepository,
        *,
        lead_s: float = LEAD_S,
        hooks: Iterable[Hook] = (),
    ) -> None:
        super().__init__(repository, hooks=hooks)
        self._lead = timedelta(seconds=lead_s)

    def stream_of(self, command: object) -> str:
        return POLICY_STREAM

    @handles
    def publish(
        self, unit: UnitOfWork, command: PublishPolicy, context: CommandContext
    ) -> Publication:
        """Publish a version, once. The first of all holds for all times before it, too.

        Raises:
            VersionTaken: another document has this version.
            PolicyOvertaken: the last version is not the one expected.
            FirstTooLate: it is the first, and would take effect later.
            TooEarly: it would take effect before every process can know.
            DatesOverlap: it would take effect before another one that is published.
            helenus.LimitExceeded: `VERSIONS_MAX` were published.
        """
        book = unit.get(PolicyBook, BOOK_ID)
        known = book.named(command.version)
        if known is not None:
            if known.digest != digest_of(command.document) or known.withdrawn_at is not None:
                raise VersionTaken(command.version, known.published_at, known.withdrawn_at)
            return _publication(known, created=False)
        last = book.last()
        actual = "" if last is None else last.version
        if command.expected is not None and command.expected != actual:
            raise PolicyOvertaken(command.expected, actual)
        if len(book.versions) >= VERSIONS_MAX:
            raise LimitExceeded(f"{VERSIONS_MAX:,} versions were published, the most there can be.")
        at = utc(context.at, "at")
        start = self._start(command, last, at)
        book.record(
            PolicyPublished(
                version=command.version,
                effective_from=start,
                document=command.document,
                source=command.source,
                at=at,
            )
        )
        return _publication(book.versions[-1], created=True)

    @handles
    def withdraw(
        self, unit: UnitOfWork, command: WithdrawPolicy, context: CommandContext
    ) -> PublishedVersion:
        """Take a version back before it takes effect; a repetition changes nothing.

        Raises:
            UnknownVersion: it was never published.
            InForceAlready: it has taken effect, or will before every process can know.
        """
        book = unit.get(PolicyBook, BOOK_ID)
        known = book.named(command.version)
        if known is None:
            raise UnknownVersion(command.version, [other.version for other in book.versions])
        if known.withdrawn_at is None:
            at = utc(context.at, "at")
            if known.effective_from < at + self._lead:
                raise InForceAlready(known.version, known.effective_from)
            book.record(PolicyWithdrawn(version=known.version, at=at))
        withdrawn = book.named(command.version)
        assert withdrawn is not None
        return withdrawn

    async def preview(self, command: PublishPolicy, context: CommandContext) -> Publication:
        """What publishing would lead to. Nothing is written; it raises what `publish` does."""

        def decide(unit: UnitOfWork) -> None:
            raise _Previewed(self.publish(unit, command, context))

        try:
            await self.repository.transact(POLICY_STREAM, decide)
        except _Previewed as previewed:
            return previewed.publication
        raise AssertionError("A preview is never carried out.")

    async def versions(self) -> list[PublishedVersion]:
        """All versions that were published, the first first."""
        view = await self.repository.load(POLICY_STREAM)
        return list(view.get(PolicyBook, BOOK_ID).versions)

    async def text_of(self, version: str) -> PolicyPublished:
        """A version as it was published.

        Raises:
            UnknownVersion: it was not.
        """
        known = []
        async for recorded in self.repository.history(POLICY_STREAM):
            if isinstance(recorded.event, PolicyPublished):
                if recorded.event.version == version:
                    return recorded.event
                known.append(recorded.event.version)
        raise UnknownVersion(version, known)

    def _start(
        self, command: PublishPolicy, last: PublishedVersion | None, at: datetime
    ) -> datetime:
        """From when on it holds.

        Raises:
            FirstTooLate, TooEarly, DatesOverlap: it cannot.
        """
        asked = command.effective_from
        if last is None:
            if asked is not None and asked > at:
                raise FirstTooLate(command.version, asked)
            return EARLIEST  # nothing held before it, and no decision goes without a policy
        earliest = at + self._lead
        if asked is not None and asked < earliest:
            raise TooEarly(command.version, asked, earliest)
        start = earliest if asked is None else asked
        if start <= last.effective_from:
            raise DatesOverlap(command.version, start, last.version, last.effective_from)
        return start


class _Previewed(CommandRefused):
    """Ends a preview, so that nothing is written."""

    def __init__(self, publication: Publication) -> None:
        super().__init__("This was a preview.")
        self.publication = publication


def _publication(known: PublishedVersion, *, created: bool) -> Publication:
    return Publication(version=known.version, effective_from=known.effective_from, created=created)
