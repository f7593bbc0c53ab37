"""What changed between two policies, in words and in numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from download_licensing.catalogue import Catalogue
from download_licensing.domain.times import EARLIEST
from download_licensing.policies.document import DEFAULT, SECTIONS, PolicyDocument, Written
from download_licensing.policies.explaining import parameters_of

Kind = Literal["set", "unset", "changed", "switched-off", "switched-on"]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What one layer says otherwise of one rule.

    Attributes:
        layer: its place in the policy.
        rule: as policies name it.
        kind: what happened to it.
        before: its parameters in the first policy; None: off, or not set there.
        after: its parameters in the second.
        line_before: in the first document; None: it is not there.
        line_after: in the second.
        words: the change as a sentence.
    """

    layer: str
    rule: str
    kind: Kind
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    line_before: int | None
    line_after: int | None
    words: str


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """For whom the difference matters.

    Attributes:
        combinations: of a plan, a title and a country that one of the two names, or any other.
        differ: those of them in which something else holds.
        plans: those in which something else holds, for some title.
        titles: those for which something else holds, in some plan.
    """

    combinations: int
    differ: int
    plans: tuple[str, ...]
    titles: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """All that differs between two policies.

    Attributes:
        before: version of the first.
        after: version of the second.
        effective_from: of the second, if it gives one.
        changes: by layer, the first to hold first.
        reach: for whom; None: without a catalogue it cannot be said.
    """

    before: str
    after: str
    effective_from: datetime | None
    changes: tuple[Change, ...]
    reach: Reach | None


def compare(
    before: PolicyDocument, after: PolicyDocument, catalogue: Catalogue | None = None
) -> Difference:
    """What changed from one policy to another.

    Args:
        before: the first.
        after: the second.
        catalogue: the plans and titles to say for whom.
    """
    return Difference(
        before=before.version,
        after=after.version,
        effective_from=after.effective_from,
        changes=tuple(_changes(before, after)),
        reach=None if catalogue is None else _reach(before, after, catalogue),
    )


def _changes(before: PolicyDocument, after: PolicyDocument) -> Iterator[Change]:
    old, new = _layers(before), _layers(after)
    for path in [*old, *(path for path in new if path not in old)]:
        was, now = old.get(path, {}), new.get(path, {})
        for rule in [*was, *(rule for rule in now if rule not in was)]:
            change = _change(path, rule, was.get(rule), now.get(rule))
            if change is not None:
                yield change


def _layers(document: PolicyDocument) -> dict[str, Mapping[str, Written]]:
    found: dict[str, Mapping[str, Written]] = {DEFAULT: document.default.clauses}
    for section in SECTIONS:
        for layer in document.sections[section].values():
            found[layer.path] = layer.clauses
            found.update({own.path: own.clauses for own in layer.countries.values()})
    return found


def _change(path: str, rule: str, was: Written | None, now: Written | None) -> Change | None:
    if was is not None and now is not None and was.clause == now.clause:
        return None
    kind, words = _told(was, now)
    return Change(
        layer=path,
        rule=rule,
        kind=kind,
        before=None if was is None or was.clause is None else parameters_of(was.clause),
        after=None if now is None or now.clause is None else parameters_of(now.clause),
        line_before=None if was is None else was.place.line,
        line_after=None if now is None else now.place.line,
        words=f"{path}: {rule} {words}.",
    )


def _told(was: Written | None, now: Written | None) -> tuple[Kind, str]:
    if was is None:
        assert now is not None
        return "set", f"is set: {_shown(now)}"
    if now is None:
        return "unset", f"is not set any more; it was {_shown(was)}"
    if now.clause is None:
        return "switched-off", f"is switched off; it was {_shown(was)}"
    if was.clause is None:
        return "switched-on", f"is switched on: {_shown(now)}"
    old, new = parameters_of(was.clause), parameters_of(now.clause)
    moved = [
        f"{name} {_value(old.get(name))} → {_value(new.get(name))}"
        for name in new
        if old.get(name) != new.get(name)
    ]
    return "changed", f"changes: {', '.join(moved)}"


def _shown(written: Written) -> str:
    if written.clause is None:
        return "off"
    parameters = parameters_of(written.clause)
    return ", ".join(f"{name} {_value(value)}" for name, value in parameters.items()) or "on"


def _value(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _reach(before: PolicyDocument, after: PolicyDocument, catalogue: Catalogue) -> Reach:
    old, new = before.policy(EARLIEST), after.policy(EARLIEST)
    everywhere = {""} | {
        code for document in (before, after) for code in document.sections["countries"]
    }
    combinations = differ = 0
    plans, titles = set(), set()
    for title in catalogue.titles.values():
        own = {
            code
            for document in (before, after)
            if (layer := document.sections["titles"].get(title.title_id)) is not None
            for code in layer.countries
        }
        for plan_id in catalogue.plans:
            for country in everywhere | own:
                combinations += 1
                key = (plan_id, title, country)
                if old.terms_for(*key).clauses != new.terms_for(*key).clauses:
                    differ += 1
                    plans.add(plan_id)
                    titles.add(title.title_id)
    return Reach(
        combinations=combinations,
        differ=differ,
        plans=tuple([plan_id for plan_id in catalogue.plans if plan_id in plans]),
        titles=len(titles),
    )
