"""How the commands of `policy` answer: as tables for people, as structs for programs."""

from __future__ import annotations

from datetime import datetime
from itertools import zip_longest
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from download_licensing.debugging.comparing import Contrasts
from download_licensing.domain.rules import CLAUSES
from download_licensing.policies.differences import Difference
from download_licensing.policies.document import PolicyDocument, PolicyError
from download_licensing.policies.events import PublishedVersion
from download_licensing.policies.explaining import Explained
from download_licensing.policies.publishing import Publication
from download_licensing.policies.refusals import shown
from helenus.cli.output import print_line

_console = Console(highlight=False, soft_wrap=True, markup=False, width=200)


class ProblemShown(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to correct."""

    line: int | None
    column: int | None
    path: str
    message: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found.

    Attributes:
        source: the file.
        sound: whether it can be published.
        version: of a sound one.
        unset: rules that no layer of it says anything of, so that they never hold.
        problems: what to correct.
    """

    source: str
    sound: bool
    version: str
    unset: tuple[str, ...]
    problems: tuple[ProblemShown, ...]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What holds, and which line says so."""

    version: str
    source: str
    rules: tuple[Explained, ...]


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What differs between two policies.

    Attributes:
        document: what they say otherwise.
        days: the last days whose decisions were judged; null: none were.
        decisions: what they decide otherwise.
    """

    document: Difference
    days: int | None
    decisions: Contrasts | None

    @property
    def differs(self) -> bool:
        """Whether anything does."""
        return bool(self.document.changes)


class Published(msgspec.Struct, frozen=True, kw_only=True):
    """What was published.

    Attributes:
        publication: what came of it.
        after: the version that was the last before; "": none.
        changes: how much it says otherwise than that one.
        dry_run: whether nothing was written.
    """

    publication: Publication
    after: str
    changes: int
    dry_run: bool


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One version that was published.

    Attributes:
        version: its name.
        effective_from: when it takes effect.
        effective_until: when the next one does; null: none is known.
        published_at: when it was published.
        withdrawn_at: null: it was not.
        in_force: whether it is now.
    """

    version: str
    effective_from: datetime
    effective_until: datetime | None = None
    published_at: datetime
    withdrawn_at: datetime | None
    in_force: bool = False


def unsound(error: PolicyError) -> Report:
    """The report on a policy that cannot be published."""
    problems = [
        ProblemShown(
            line=problem.place.line if problem.place else None,
            column=problem.place.column if problem.place else None,
            path=problem.path,
            message=problem.message,
        )
        for problem in error.problems
    ]
    return Report(source=error.source, sound=False, version="", unset=(), problems=tuple(problems))


def sound(document: PolicyDocument) -> Report:
    """The report on a policy that can be published."""
    layers = [
        document.default,
        *[one for held in document.sections.values() for one in held.values()],
    ]
    layers += [own for layer in layers for own in layer.countries.values()]
    told = {rule for layer in layers for rule in layer.clauses}
    return Report(
        source=document.source,
        sound=True,
        version=document.version,
        unset=tuple(sorted(CLAUSES.keys() - told)),
        problems=(),
    )


def checked(document: PolicyDocument) -> None:
    """Say that a policy can be published, and what never holds by it."""
    report = sound(document)
    layers = 1 + sum(len(held) for held in document.sections.values())
    print_line(f"{report.source}: version {report.version}, {layers:,} layers, no errors.")
    if report.unset:
        print_line(f"Never in force by it: {', '.join(report.unset)}.")


def explanation(found: Explanation) -> None:
    """What holds, as a table."""
    print_line(f"Version {found.version}, {found.source}")
    table = Table("rule", "parameters", "decided by", "line", box=None, pad_edge=False)
    for one in found.rules:
        place = "" if one.line is None else f"{one.line}:{one.column}"
        via = "" if one.written_in == one.layer else f" (as {one.written_in})"
        table.add_row(one.rule, _parameters(one), f"{one.layer}{via}" or "nothing sets it", place)
    _console.print(table)


def comparison(found: Comparison) -> None:
    """What differs, in words and numbers."""
    document = found.document
    print_line(f"From {document.before} to {document.after}: {len(document.changes):,} changes.")
    for change in document.changes:
        lines = [str(line) for line in (change.line_before, change.line_after) if line is not None]
        print_line(f"  {change.words} (line {' → '.join(lines)})")
    if document.reach is not None and document.changes:
        reach = document.reach
        print_line(
            f"Something else holds in {reach.differ:,} of {reach.combinations:,} combinations of"
            f" plan, title and country: plans {', '.join(reach.plans) or 'none'};"
            f" {reach.titles:,} titles."
        )
    if found.decisions is not None:
        _decisions(found.decisions, found.days)


def _decisions(tally: Contrasts, days: int | None) -> None:
    print_line(
        f"Of {tally.decisions:,} decisions of the last {days:,} days, of {tally.customers:,}"
        f" customers, {tally.differ:,} come out differently:"
    )
    for words, counter in (
        ("granted before, refused after", tally.refused_instead),
        ("refused before, granted after", tally.granted_instead),
    ):
        by_reason = ", ".join(f"{reason} {count:,}" for reason, count in counter.most_common())
        print_line(f"  {words}: {counter.total():,}{f' ({by_reason})' if by_reason else ''}")
    print_line(f"  granted by both, for another time: {tally.last_otherwise:,}")
    if tally.cannot_say:
        print_line(f"  titles that the catalogue no longer has: {tally.cannot_say:,}")
    for one in tally.told:
        print_line(
            f"  {one.customer_id} at {one.position} ({shown(one.at)}), {one.title_id} on"
            f" {one.device_id}: {_outcome(one.before)} → {_outcome(one.after)}"
        )


def _outcome(reasons: tuple[str, ...]) -> str:
    return f"refused ({', '.join(reasons)})" if reasons else "granted"


def published(found: Published) -> None:
    """What came of a publication."""
    done = found.publication
    if not done.created:
        print_line(
            f"{done.version} was published before; it holds from {shown(done.effective_from)}."
        )
        return
    would = "would hold" if found.dry_run else "holds"
    print_line(f"{done.version} {would} from {shown(done.effective_from)} on.")
    if found.after:
        print_line(f"It says {found.changes:,} things otherwise than {found.after}.")
    if found.dry_run:
        print_line("Nothing was published.")


def listed(known: PublishedVersion) -> Listed:
    """A version in the form that is shown."""
    return Listed(
        version=known.version,
        effective_from=known.effective_from,
        published_at=known.published_at,
        withdrawn_at=known.withdrawn_at,
    )


def history_of(versions: list[PublishedVersion], now: datetime) -> list[Listed]:
    """All versions, each with the time in which it holds."""
    standing = [known for known in versions if known.withdrawn_at is None]
    until = {
        known.version: later.effective_from if later else None
        for known, later in zip_longest(standing, standing[1:])
    }
    found = []
    for known in versions:
        end = until.get(known.version)
        holds = known.effective_from <= now and (end is None or now < end)
        found.append(
            msgspec.structs.replace(
                listed(known), effective_until=end, in_force=known.version in until and holds
            )
        )
    return found


def history(found: list[Listed]) -> None:
    """All versions, as a table."""
    table = Table("version", "holds from", "until", "published", "", box=None, pad_edge=False)
    for one in found:
        state = "in force" if one.in_force else ""
        if one.withdrawn_at is not None:
            state = f"withdrawn {shown(one.withdrawn_at)}"
        until = "" if one.effective_until is None else shown(one.effective_until)
        table.add_row(one.version, shown(one.effective_from), until, shown(one.published_at), state)
    _console.print(table)


def _parameters(one: Explained) -> str:
    if not one.holds:
        return "off" if one.layer else "–"
    return ", ".join(f"{name} {_value(value)}" for name, value in one.parameters.items()) or "on"


def _value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
