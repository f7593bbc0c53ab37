"""Answers of `debug` for people: what fits a terminal, with what matters in bold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from download_licensing.debugging.bundle import DecisionLine
from download_licensing.debugging.debugger import NotedRefusals
from download_licensing.debugging.replaying import Replayed
from download_licensing.debugging.states import AggregateChange, Changes, StateAt
from download_licensing.debugging.timeline import Entry, Timeline
from download_licensing.debugging.whatif import DecisionTold, Tally
from download_licensing.debugging.why import Explanation, RuleTold
from download_licensing.debugging.withdrawn import WithdrawalTold
from download_licensing.debugging.wording import counted, moment

console = Console(highlight=False, soft_wrap=True)


def timeline(found: Timeline) -> None:
    """A page of a timeline: what one command recorded stands together."""
    console.print(f"[bold]{escape(found.customer_id)}[/], {counted(found.head, 'event')}")
    _entries(found.entries)
    if found.next_after is not None:
        left = found.head - found.next_after
        console.print(f"… {counted(left, 'more event')}: --after {found.next_after}")


def state(found: StateAt) -> None:
    """The state at a moment, an aggregate to a line."""
    console.print(
        f"[bold]{escape(found.customer_id)}[/] at position {found.position:,} of {found.head:,}"
        f"{_when(found)}"
    )
    for one in found.aggregates:
        fields = " ".join(f"{name}={_text(value)}" for name, value in one.state.items())
        console.print(f"  [bold]{one.type}[/] {escape(one.id)}  {escape(fields)}")
    _left_out(found.left_out, "more aggregate")


def changes(found: Changes) -> None:
    """What happened between two moments, and then what came of it."""
    console.print(
        f"[bold]{escape(found.customer_id)}[/] from position {found.before:,} to {found.after:,}"
    )
    _entries(found.events)
    _left_out(found.events_left_out, "more event")
    for one in found.aggregates:
        console.print(f"  [bold]{one.type}[/] {escape(one.id)} {one.change}")
        for line in _fields(one):
            console.print(f"    {line}", markup=False)
    _left_out(found.aggregates_left_out, "more aggregate")


def refusals(found: NotedRefusals) -> None:
    """Noted refusals, the last one first, numbered as `why --latest` takes them."""
    if not found.refusals:
        console.print(f"No refusal of {escape(found.customer_id)} was noted.")
    for number, one in enumerate(found.refusals, start=1):
        asked = (
            f"licence {one.license_id}" if one.license_id else f"{one.title_id} on {one.device_id}"
        )
        times = f", {one.times} times" if one.times > 1 else ""
        console.print(
            f"{number:>4}  [dim]{moment(one.at)}[/]  {escape(asked)}"
            f"  [bold]{', '.join(one.reasons)}[/]{times}"
            f"  [dim](position {one.position:,}{_by(one.policy_version)})[/]"
        )


def _by(policy_version: str) -> str:
    return f", policy {escape(policy_version)}" if policy_version else ""


def explanation(found: Explanation) -> None:
    """Why a question is answered as it is: the rules that are not met first to see."""
    verdict = "[green]allowed[/]" if found.allowed else "[red]refused[/]"
    asked = f"{found.title_id} on {found.device_id}"
    if found.license_id:
        asked += f", licence {found.license_id}"
    console.print(
        f"[bold]{escape(found.customer_id)}[/]: {found.decision} of {escape(asked)}: {verdict}"
    )
    console.print(
        f"decided as of {moment(found.at)}, on position {found.position:,},"
        f" by policy {escape(found.policy_version)}"
    )
    if found.withdrawal is not None:
        _withdrawal(found.withdrawal)
    for rule in found.rules:
        _rule(rule)


def verdict(who: str, policy_version: str, tally: Tally) -> None:
    """What a policy would have said, in numbers, and then some of the decisions."""
    by = f"policy {policy_version}" if policy_version else "the policy in force at each time"
    console.print(f"[bold]{escape(who)}[/] by {escape(by)}")
    for number, what in _counts(tally):
        console.print(f"{number:>12,}  {what}")
    for one in tally.told:
        console.print(f"  {_decision(one)}")
    _left_out(tally.differ - len(tally.told), "more decision")


def replayed(found: Replayed) -> None:
    """What became of the decisions of a bundle."""
    console.print(
        f"[bold]{escape(found.customer_id)}[/], {counted(found.head, 'event')}:"
        f" {found.as_before:,} of {counted(found.decisions, 'decision')} came out as before"
    )
    for before, now in found.differing:
        console.print(
            f"[red]✗[/] position {before.position:,}: {_outcome(before)}, now {_outcome(now)}"
        )


def _outcome(line: DecisionLine) -> str:
    rules = ", ".join(
        f"{rule.rule} {'met' if rule.met else 'unmet'} {rule.used} of {rule.limit}"
        for rule in line.rules
    )
    word = {True: "allowed", False: "refused", None: "cannot say"}[line.allowed]
    return escape(f"{word} ({rules})")


def _counts(tally: Tally) -> Iterable[tuple[int, str]]:
    yield tally.customers, "customer(s)"
    yield tally.decisions, f"decisions: {tally.granted:,} granted, {tally.refused:,} refused"
    for reason, number in tally.would_be_refused.most_common():
        yield number, f"grants would have been refused: [bold]{escape(reason)}[/]"
    for reason, number in tally.would_be_granted.most_common():
        yield number, f"refusals would have been granted: [bold]{escape(reason)}[/]"
    if not tally.differ:
        yield 0, "would have come out the other way"
    if tally.would_last_otherwise:
        yield tally.would_last_otherwise, "grants would have been for another time"
    if tally.cannot_say:
        yield tally.cannot_say, "decisions that the policy cannot say anything of"


def _decision(one: DecisionTold) -> str:
    asked = f"{one.decision or 'decision'} of {one.title_id} on {one.device_id}"
    was = "granted" if one.granted else f"refused ({', '.join(one.reasons)})"
    would = "granted" if one.would_be_granted else f"refused ({', '.join(one.would_be_reasons)})"
    return (
        f"{escape(one.customer_id)} {one.position:,}  [dim]{moment(one.at)}[/]  {escape(asked)}:"
        f" {was}, would be {would}"
    )


def _withdrawal(told: WithdrawalTold) -> None:
    console.print(f"[red]✗[/] [bold]title-withdrawn[/]  [dim]({told.stream})[/]")
    console.print(f"    {escape(told.detail)} {escape(told.remedy)}")
    since = f"withdrawn {moment(told.withdrawn_at)}"
    if told.reinstated_at is not None:
        since += f", reinstated {moment(told.reinstated_at)}"
    console.print(
        f"    {told.position:>6,}  {escape(told.title_id)}: {since}. {escape(told.reason)}"
    )


def _rule(rule: RuleTold) -> None:
    mark = "[green]✓[/]" if rule.met else "[red]✗[/]"
    numbers = "" if rule.limit is None else f"  {rule.used:,} of {rule.limit:,} used"
    source = f"  [dim]({escape(rule.layer)})[/]" if rule.layer else ""
    console.print(f"{mark} [bold]{rule.rule}[/]{numbers}{source}")
    if not rule.met:
        console.print(f"    {escape(rule.detail)}")
        resets = "never by waiting" if rule.resets_at is None else f"at {moment(rule.resets_at)}"
        console.print(f"    It would be met {resets}.")
    _left_out(rule.events_left_out, "earlier event", hint="")
    for cause in rule.events:
        use = (
            ""
            if cause.used_after is None
            else f"  [dim]{_use(cause.used_before)} → {_use(cause.used_after)}[/]"
        )
        console.print(f"    {cause.position:>6,}  {escape(cause.sentence)}{use}")


def _use(number: int | None) -> str:
    return "–" if number is None else f"{number:,}"


def _fields(change: AggregateChange) -> Iterable[str]:
    for one in change.fields:
        if one.change == "changed":
            yield f"{one.field}: {_text(one.before)} → {_text(one.after)}"
        elif one.change == "appeared":
            yield f"{one.field}: {_text(one.after)}"
        else:
            yield f"{one.field}: {_text(one.before)}, gone"


def _entries(entries: Iterable[Entry]) -> None:
    previous = None
    for entry in entries:
        same = previous is not None and previous.commit_id == entry.commit_id
        at = "" if same else moment(entry.at or entry.recorded_at)
        _entry(entry, at)
        previous = entry


def _entry(entry: Entry, at: str) -> None:
    """In columns where somebody looks, else in one line."""
    if not console.is_terminal:
        console.print(f"{entry.position:>6,}  {at:<23}  {escape(entry.sentence)}")
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", min_width=6, no_wrap=True)
    grid.add_column(min_width=23, no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(f"{entry.position:,}", f"[dim]{at}[/]", escape(entry.sentence))
    console.print(grid, soft_wrap=False)


def _when(found: StateAt) -> str:
    parts = []
    if found.decided_at is not None:
        parts.append(f"decided {moment(found.decided_at)}")
    if found.recorded_at is not None:
        parts.append(f"recorded {moment(found.recorded_at)}")
    return f" ({', '.join(parts)})" if parts else ""


def _left_out(number: int, what: str, *, hint: str = ": raise --limit") -> None:
    if number:
        console.print(f"… {counted(number, what)}{hint}")


def _text(value: Any) -> str:
    return moment(value) if isinstance(value, datetime) else msgspec.json.encode(value).decode()
