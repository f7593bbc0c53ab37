"""Answers of `debug` for people: what fits a terminal, with what matters in bold."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from download_licensing.debugging.states import AggregateChange, Changes, StateAt
from download_licensing.debugging.timeline import Entry, Timeline
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
        grid = Table.grid(padding=(0, 2))
        grid.add_column(justify="right", min_width=6, no_wrap=True)
        grid.add_column(min_width=23, no_wrap=True)
        grid.add_column(overflow="fold")
        same = previous is not None and previous.commit_id == entry.commit_id
        at = "" if same else moment(entry.at or entry.recorded_at)
        grid.add_row(f"{entry.position:,}", f"[dim]{at}[/]", escape(entry.sentence))
        console.print(grid, soft_wrap=False)
        previous = entry


def _when(found: StateAt) -> str:
    parts = []
    if found.decided_at is not None:
        parts.append(f"decided {moment(found.decided_at)}")
    if found.recorded_at is not None:
        parts.append(f"recorded {moment(found.recorded_at)}")
    return f" ({', '.join(parts)})" if parts else ""


def _left_out(number: int, what: str) -> None:
    if number:
        console.print(f"… {counted(number, what)}: raise --limit")


def _text(value: Any) -> str:
    return moment(value) if isinstance(value, datetime) else msgspec.json.encode(value).decode()
