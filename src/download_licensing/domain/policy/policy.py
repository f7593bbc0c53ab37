"""One version of the policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from download_licensing.domain.policy.layer import Layer
from download_licensing.domain.policy.terms import Terms
from download_licensing.domain.rule import Clause
from download_licensing.domain.terms import Title

TERMS_KEPT_MAX = 20_000
"""Combined terms that a policy keeps for the next decision; beyond it, the oldest make room."""

_NOTHING = Layer()


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What holds from a date on. Immutable; the mappings must not be changed.

    Attributes:
        version: its name in grants and refusals.
        effective_from: from this moment on, until the next version's.
        default: for everyone.
        plans: by plan id.
        agreements: by the id of a studio agreement.
        titles: by title id.
        countries: by ISO 3166 code of the account.
    """

    version: str
    effective_from: datetime
    default: Layer = _NOTHING
    plans: Mapping[str, Layer] = field(default_factory=dict)
    agreements: Mapping[str, Layer] = field(default_factory=dict)
    titles: Mapping[str, Layer] = field(default_factory=dict)
    countries: Mapping[str, Layer] = field(default_factory=dict)
    _kept: dict[tuple[str, str, str, str], Terms] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def terms_for(self, plan_id: str, title: Title | None = None, country: str = "") -> Terms:
        """What holds for a customer with this plan, in this country, who asks for this title.

        Args:
            plan_id: the customer's.
            title: None: what holds whichever title it is.
            country: the account's; "": unknown, so that no country's layer holds.
        """
        title_id, agreement = (title.title_id, title.agreement) if title else ("", "")
        key = (plan_id, title_id, agreement, country)
        terms = self._kept.get(key)
        if terms is None:
            terms = self._combined(key)
            if len(self._kept) >= TERMS_KEPT_MAX:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = terms
        return terms

    def layers_for(self, key: tuple[str, str, str, str]) -> Iterator[tuple[str, Layer]]:
        """The layers that hold for a plan, title, agreement and country, the first first.

        Each comes with its place in the policy, as in "titles.glass-harbour.countries.DE".
        """
        plan_id, title_id, agreement, country = key
        yield "default", self.default
        for section, layers, name in (
            ("plans", self.plans, plan_id),
            ("agreements", self.agreements, agreement),
            ("titles", self.titles, title_id),
            ("countries", self.countries, country),
        ):
            if name in layers:
                yield f"{section}.{name}", layers[name]
        own = self.titles.get(title_id, _NOTHING).countries
        if country in own:
            yield f"titles.{title_id}.countries.{country}", own[country]

    def _combined(self, key: tuple[str, str, str, str]) -> Terms:
        clauses: dict[str, Clause] = {}
        sources: dict[str, str] = {}
        for source, layer in self.layers_for(key):
            for name, clause in layer.clauses.items():
                sources[name] = source
                if clause is None:
                    clauses.pop(name, None)
                else:
                    clauses[name] = clause
        return Terms(self.version, clauses, sources)
