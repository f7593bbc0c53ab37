"""Runs measurements several times and prints medians with what they were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import statistics
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

console = Console(width=118)


class Row(NamedTuple):
    """One line of a report.

    Attributes:
        case: what was done.
        subject: who did it.
        unit: of the values.
        values: one for each run.
        target: what the project wants to reach, in words.
    """

    case: str
    subject: str
    unit: str
    values: list[float]
    target: str = ""

    @property
    def median(self) -> float:
        """The value to quote."""
        return statistics.median(self.values)


def alternate(runs: int, *subjects: Callable[[], float]) -> list[list[float]]:
    """Run the subjects in turn, `runs` times each, so that drift of the machine meets all alike."""
    values: list[list[float]] = [[] for _ in subjects]
    for _ in range(runs):
        for kept, subject in zip(values, subjects, strict=True):
            kept.append(subject())
    return values


def print_environment(runs: int) -> None:
    """Print what the figures depend on."""
    packages = (
        *("helenus", "msgspec", "cassandra-driver", "eventsourcing", "uvloop", "litestar"),
        "uvicorn",
    )
    console.print(
        f"Python {sys.version.split()[0]}, SQLite {sqlite3.sqlite_version},"
        f" {platform.system()} {platform.release()}, {os.cpu_count()} processors;"
        f" {', '.join(f'{name} {version(name)}' for name in packages)}; medians of {runs} runs"
    )


def print_rows(title: str, rows: list[Row]) -> None:
    """Print a table of measurements."""
    table = Table(title=title, title_justify="left")
    for heading in ("case", "subject"):
        table.add_column(heading, overflow="fold")
    for heading in ("median", "min", "max", "unit"):
        table.add_column(heading, justify="right")
    table.add_column("wanted")
    case = ""
    for row in rows:
        table.add_row(
            row.case if row.case != case else "",
            row.subject,
            _number(row.median),
            _number(min(row.values)),
            _number(max(row.values)),
            row.unit,
            row.target,
        )
        case = row.case
    console.print(table)


def print_side_by_side(title: str, tables: dict[str, list[Row]]) -> None:
    """Print the medians of the same cases under several conditions, and the last ÷ the first."""
    table = Table(title=title, title_justify="left")
    for heading in ("case", "subject"):
        table.add_column(heading, overflow="fold")
    for heading in (*tables, "last ÷ first", "unit"):
        table.add_column(heading, justify="right")
    case = ""
    columns = [{(row.case, row.subject): row for row in rows} for rows in tables.values()]
    for key, row in columns[0].items():
        medians = [column[key].median for column in columns if key in column]
        if len(medians) == len(columns):
            change = _number(medians[-1] / medians[0]) if medians[0] else "–"
            name = row.case if row.case != case else ""
            table.add_row(name, row.subject, *map(_number, medians), change, row.unit)
            case = row.case
    console.print(table)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
