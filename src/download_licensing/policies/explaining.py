"""Which rule holds for whom, with which parameters, and which line of the document says so."""

from __future__ import annotations

from typing import Any

import msgspec

from download_licensing.domain.policy import Policy
from download_licensing.domain.rule import Clause
from download_licensing.domain.rules import CLAUSES, RULES
from download_licensing.domain.terms import Title
from download_licensing.policies.document import PolicyDocument


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy says of one rule or duration, for one customer and title.

    Attributes:
        rule: as policies name it.
        holds: False: it is switched off, or nothing sets it.
        parameters: by name.
        layer: the last one that says something of it; "": none does.
        written_in: the layer that has the line, where that one extends it.
        line: of the document, from 1 on; None: there is none.
        column: from 1 on; None: there is none.
    """

    rule: str
    holds: bool
    parameters: dict[str, Any]
    layer: str
    written_in: str
    line: int | None
    column: int | None


def explain(
    document: PolicyDocument, policy: Policy, plan_id: str, title: Title | None, country: str
) -> list[Explained]:
    """What holds: first all rules in the order of refusals, then the durations by name.

    Args:
        document: as it was written.
        policy: the same as a model.
        plan_id: the customer's.
        title: None: whichever it is.
        country: the account's; "": unknown.
    """
    sources = policy.terms_for(plan_id, title, country).sources
    rules = [rule.name for rule in RULES]
    names = [*rules, *sorted(CLAUSES.keys() - set(rules))]
    return [_explained(document, name, sources.get(name, "")) for name in names]


def parameters_of(clause: Clause | None) -> dict[str, Any]:
    """The parameters of a clause as a document has them."""
    if clause is None:
        return {}
    content: dict[str, Any] = msgspec.to_builtins(clause)
    return content


def _explained(document: PolicyDocument, name: str, layer: str) -> Explained:
    written = document.written(layer, name) if layer else None
    return Explained(
        rule=name,
        holds=written is not None and written.clause is not None,
        parameters={} if written is None else parameters_of(written.clause),
        layer=layer,
        written_in="" if written is None else written.layer,
        line=None if written is None else written.place.line,
        column=None if written is None else written.place.column,
    )
