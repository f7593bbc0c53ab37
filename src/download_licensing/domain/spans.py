"""Spans of time in which something holds, such as the withdrawal of a title."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from download_licensing.domain.times import lasts

SPANS_MAX = 100
"""Spans of one thing that are remembered, the latest."""


class Span(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A span of time.

    Attributes:
        since: its first moment.
        until: the first moment after it; None: it has no end yet.
    """

    since: datetime
    until: datetime | None = None


def begun(spans: Sequence[Span], at: datetime) -> list[Span]:
    """The spans with one more that begins now."""
    return [*spans, Span(at)][-SPANS_MAX:]


def ended(spans: Sequence[Span], at: datetime) -> list[Span]:
    """The spans, the last of which ends now."""
    return [*spans[:-1], Span(spans[-1].since, max(at, spans[-1].since))]


def within(spans: Sequence[Span], at: datetime) -> bool:
    """Whether a moment lies in one of the spans."""
    return any(span.since <= at and lasts(span.until, at) for span in spans)
