"""The rules. A rule is one file in this folder, and is found by being here.

`CLAUSES` has all that a policy may set, by name; `RULES` those that can refuse, in the order of
refusals: the account, the title, the device, what it holds, the title's counts, the licence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from download_licensing.domain.finding import Finding
from download_licensing.domain.rule import Clause, Rule
from download_licensing.domain.situation import Situation
from download_licensing.domain.unmet import Unmet

__all__ = ["CLAUSES", "RULES", "by_name", "check_all", "unmet_of"]


def check_all(rules: Iterable[Rule], situation: Situation) -> list[Finding]:
    """What each rule says, in the order of the rules."""
    return [rule.check(situation) for rule in rules]


def unmet_of(findings: Iterable[Finding]) -> tuple[Unmet, ...]:
    """Those that are not met."""
    return tuple([finding.unmet for finding in findings if finding.unmet is not None])


def _in_this_folder() -> Iterator[type[Clause]]:
    for found in iter_modules(__path__):
        module = import_module(f"{__name__}.{found.name}")
        for value in vars(module).values():
            own = isinstance(value, type) and value.__module__ == module.__name__
            if own and issubclass(value, Clause):
                yield value


def by_name(clauses: Iterable[type[Clause]]) -> Mapping[str, type[Clause]]:
    """Clauses by their names.

    Raises:
        TypeError: one has no name, or that of another.
    """
    named: dict[str, type[Clause]] = {}
    for clause in clauses:
        if not clause.name or clause.name in named:
            raise TypeError(
                f"{clause.__module__}.{clause.__qualname__}: give it a name of its own, not"
                f" {clause.name!r}."
            )
        named[clause.name] = clause
    return MappingProxyType(named)


CLAUSES = by_name(_in_this_folder())
RULES = tuple(
    sorted(
        (clause for clause in CLAUSES.values() if issubclass(clause, Rule)),
        key=lambda rule: (rule.order, rule.name),
    )
)
