"""Why a question about a history cannot be answered. Nothing is ever written to answer one.

Refusal (domain)
└── Unanswerable
    ├── PositionBeyondHead      the history is not that long
    ├── TimeBeforeHistory       nothing had been recorded yet
    ├── NotInOrder              the later of two moments lies before the earlier
    ├── UnknownPolicyVersion    no policy of this version was published
    ├── NoPolicyThen            no policy was in force at the time
    ├── NothingRefused          no refusal was noted that could be explained
    └── BundleRefused
        ├── BundleUnreadable        the file is no bundle, is cut, or was changed
        └── BundleOfOtherVersion    the format is not this program's
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from download_licensing.debugging.wording import moment
from download_licensing.domain.refusals import Refusal


class Unanswerable(Refusal):
    """The history cannot answer the question."""


class PositionBeyondHead(Unanswerable):
    """A position was named that the history has not reached."""

    reason = "position-beyond-head"

    def __init__(self, position: int, head: int) -> None:
        super().__init__(
            f"There is no position {position:,}: the history ends at {head:,}.",
            remedy=f"Name a position from 1 to {head:,}.",
        )


class TimeBeforeHistory(Unanswerable):
    """A time was named at which nothing had been recorded yet."""

    reason = "time-before-history"

    def __init__(self, at: datetime, first: datetime) -> None:
        super().__init__(
            f"Nothing had been recorded at {moment(at)}.",
            remedy=f"Name a time from {moment(first)} on, when the first event was recorded.",
        )


class NotInOrder(Unanswerable):
    """Of two moments the later one was named first."""

    reason = "moments-not-in-order"

    def __init__(self, before: int, after: int) -> None:
        super().__init__(
            f"The history went from position {after:,} to {before:,}, not the other way.",
            remedy="Name the earlier moment first.",
        )


class UnknownPolicyVersion(Unanswerable):
    """No policy of this version was published, or this program cannot read it."""

    reason = "policy-version-unknown"

    def __init__(self, version: str, known: Sequence[str], *, because: str = "") -> None:
        super().__init__(
            f"Policy {version!r} cannot be read: {because}"
            if because
            else f"There is no policy {version!r}.",
            remedy=f"Use one of: {', '.join(known[-20:])}." if known else "Publish one first.",
        )


class NoPolicyThen(Unanswerable):
    """No policy was in force at the time of a decision."""

    reason = "no-policy-then"

    def __init__(self, at: datetime) -> None:
        super().__init__(
            f"No policy was in force at {moment(at)}.", remedy="Name the version to judge by."
        )


class NothingRefused(Unanswerable):
    """No refusal was noted that could be explained."""

    reason = "nothing-refused"

    def __init__(self, noted: int) -> None:
        super().__init__(
            f"Only {noted:,} refusal(s) of this customer were noted."
            if noted
            else "No refusal of this customer was noted.",
            remedy="Ask about a device and a title, or about a licence.",
        )


class BundleRefused(Unanswerable):
    """A file cannot be replayed."""


class BundleUnreadable(BundleRefused):
    """The file is no bundle, is cut, or was changed."""

    reason = "bundle-unreadable"

    def __init__(self, source: str, line: int, what: str) -> None:
        place = f"{source}:{line}" if line else source
        super().__init__(
            f"{place}: {what.rstrip('.')}.", remedy="Name the file that `debug bundle` wrote."
        )


class BundleOfOtherVersion(BundleRefused):
    """The format of the bundle is not this program's."""

    reason = "bundle-of-other-version"

    def __init__(self, source: str, version: int, own: int) -> None:
        super().__init__(
            f"{source} is a bundle of version {version}; this program reads version {own}.",
            remedy="Replay it by the release that wrote it, or write it anew by this one.",
        )
