"""Progress bars on standard error; nothing where that is not a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from download_licensing.simulate.checking import Watch as CustomerWatch
from download_licensing.simulate.driver import Watch as CalendarWatch
from download_licensing.simulate.options import CheckOptions, SimulationOptions
from download_licensing.simulate.population import Population
from download_licensing.simulate.report import Report

_BETWEEN = 64
"""Customers checked between two drawings."""


@contextlib.contextmanager
def calendar_bar(
    population: Population, options: SimulationOptions
) -> Iterator[CalendarWatch | None]:
    """A bar that fills with the days of the simulated calendar."""
    with _bar(options.progress, "{task.fields[date]} · {task.fields[requests]:,} requests") as bar:
        if bar is None:
            yield None
            return
        task = bar.add_task("Living", total=options.days, date="", requests=0)

        def watch(now: datetime, report: Report) -> None:
            days = (now - population.begins_at).days
            bar.update(task, completed=days, date=f"{now:%Y-%m-%d}", requests=report.requests)

        yield watch


@contextlib.contextmanager
def customer_bar(options: CheckOptions) -> Iterator[CustomerWatch | None]:
    """A bar that fills with the customers checked."""
    with _bar(options.progress, "customers") as bar:
        if bar is None:
            yield None
            return
        task = bar.add_task("Checking", total=None)

        def watch(checked: int, of: int) -> None:
            if checked % _BETWEEN == 0 or checked == of:
                bar.update(task, completed=checked, total=of)

        yield watch


@contextlib.contextmanager
def _bar(wanted: bool, text: str) -> Iterator[Progress | None]:
    console = Console(stderr=True)
    if not wanted or not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(text),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        yield bar
