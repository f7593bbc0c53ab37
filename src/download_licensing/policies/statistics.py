"""What a process tells of its policies: which one is in force, and whether it is up to date."""

from __future__ import annotations

from typing import ClassVar

import msgspec


class PolicyStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """The policy in force, and what became of looking for newer ones.

    Attributes:
        version: of the policy in force; empty: none is, or none was read yet.
        effective_from_seconds: since when it is, in seconds since 1970; before that negative.
        published: versions that were published and not withdrawn.
        reloads: looks at store and file that succeeded, whether or not anything was new.
        reloads_failed: those that failed, as the store did; what was in force stayed.
        reloaded_at_seconds: when the last one succeeded, in seconds since 1970; 0: none did.
        files_refused: times that what the watched file said could not be published.
    """

    gauges: ClassVar[frozenset[str]] = frozenset(
        {"effective_from_seconds", "published", "reloaded_at_seconds"}
    )

    version: str
    effective_from_seconds: float
    published: int
    reloads: int
    reloads_failed: int
    reloaded_at_seconds: float
    files_refused: int
