"""What is recorded about policies, on a stream of their own: which one held when is history too."""

from __future__ import annotations

from datetime import datetime

import msgspec

from download_licensing.policies.document import digest_of
from helenus.aggregates import Aggregate, applies
from helenus.events import Event

POLICY_STREAM = "policy/downloads"
BOOK_ID = "downloads"


class PolicyPublished(Event, name="policy-published"):
    """Policy book: a version holds from a date on, until that of the next one.

    Attributes:
        version: no other one has this name.
        effective_from: later than that of every version published before.
        document: all of its text, so that every clause of it has a line.
        source: what the document was called when it was published.
        at: the time of the decision.
    """

    version: str
    effective_from: datetime
    document: str
    source: str
    at: datetime


class PolicyWithdrawn(Event, name="policy-withdrawn"):
    """Policy book: a version was taken back before it took effect, and never holds."""

    version: str
    at: datetime


class PublishedVersion(msgspec.Struct, frozen=True, array_like=True):
    """One version that was published.

    Attributes:
        version: its name.
        effective_from: from then on it holds, if it was not withdrawn.
        published_at: when it was published.
        digest: of its document.
        withdrawn_at: None: it was not.
    """

    version: str
    effective_from: datetime
    published_at: datetime
    digest: str
    withdrawn_at: datetime | None = None


class PolicyBook(Aggregate[PolicyPublished | PolicyWithdrawn], name="policy-book"):
    """All versions of the policy that were published.

    Attributes:
        versions: in the order of their publication, which is that of their dates, too.
    """

    versions: list[PublishedVersion] = msgspec.field(default_factory=list)

    def named(self, version: str) -> PublishedVersion | None:
        """The version of this name, withdrawn or not."""
        return next((known for known in self.versions if known.version == version), None)

    def last(self) -> PublishedVersion | None:
        """The one that takes effect last of those not withdrawn."""
        standing = [known for known in self.versions if known.withdrawn_at is None]
        return standing[-1] if standing else None

    @applies
    def _published(self, event: PolicyPublished) -> None:
        self.versions.append(
            PublishedVersion(
                version=event.version,
                effective_from=event.effective_from,
                published_at=event.at,
                digest=digest_of(event.document),
            )
        )

    @applies
    def _withdrawn(self, event: PolicyWithdrawn) -> None:
        self.versions = [
            msgspec.structs.replace(known, withdrawn_at=event.at)
            if known.version == event.version
            else known
            for known in self.versions
        ]
