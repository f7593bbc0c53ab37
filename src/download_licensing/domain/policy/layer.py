"""One layer of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from download_licensing.domain.rule import Clause


@dataclass(frozen=True)
class Layer:
    """What a policy sets for all, or for one plan, agreement, title or country.

    Attributes:
        clauses: by their names; None: switched off, whatever an earlier layer says.
        countries: by ISO 3166 code, for a title alone: what holds for it in one country.
    """

    clauses: Mapping[str, Clause | None] = field(default_factory=dict)
    countries: Mapping[str, Layer] = field(default_factory=dict)

    @classmethod
    def of(cls, *clauses: Clause) -> Layer:
        """A layer that sets these."""
        return cls({clause.name: clause for clause in clauses})
