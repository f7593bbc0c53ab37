"""Reports and verdicts for people: tables on standard output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from download_licensing.simulate.checking import Verdict
from download_licensing.simulate.report import Report

_DONE = {
    "open": "accounts opened",
    "plan": "changes of plan",
    "region": "moves",
    "standing": "standings told",
    "block": "blocks",
    "unblock": "blocks lifted",
    "request": "grants",
    "renew": "renewals",
    "release": "releases",
    "play": "plays",
    "session": "sessions",
    "sync": "syncs",
    "revoke": "licences revoked",
    "remove": "devices removed",
    "license": "licences queried",
    "devices": "device lists queried",
    "allowance": "allowances queried",
    "renewals": "renewals in bulk",
    "withdraw": "titles withdrawn",
    "reinstate": "titles reinstated",
}
_SAMPLES_MAX = 10


def show_report(report: Report, console: Console) -> None:
    """Print what a simulation did."""
    table = _table("Simulation")
    _add(table, "", {_DONE[kind]: report.done[kind] for kind in _DONE if report.done[kind]})
    _add(table, "refused: ", report.refusals)
    _add(table, "problem: ", report.problems)
    _add(table, "", {"replays": report.replays, "answers of 503, retried": report.unavailable})
    _add(table, "", {"attempts without an answer, retried": report.unreachable})
    _add(table, "", {"requests given up": report.unanswered})
    _add(table, "", {"answers against the contract": report.violations})
    table.add_section()
    latencies = report.latencies()
    _add(table, "", {"requests": report.requests})
    table.add_row("duration, s", f"{report.duration_s:,.1f}")
    table.add_row("requests/s", f"{report.requests_per_s:,.0f}")
    table.add_row("latency p50, ms", f"{latencies.p50_ms:,.1f}")
    table.add_row("latency p99, ms", f"{latencies.p99_ms:,.1f}")
    table.add_row("latency max, ms", f"{latencies.max_ms:,.1f}")
    console.print(table)
    if report.stopped:
        console.print(f"It ended early: {report.stopped}.", markup=False)
    _list(console, report.violation_samples[:_SAMPLES_MAX], report.violations)


def show_verdict(verdict: Verdict, console: Console, shown_max: int) -> None:
    """Print what the oracle found."""
    table = _table("Oracle")
    _add(table, "", {"customers": verdict.customers, "events": verdict.events})
    _add(table, "", {"answers held against them": verdict.answers})
    table.add_row("duration, s", f"{verdict.duration_s:,.1f}")
    _add(table, "found: ", {str(kind): number for kind, number in verdict.kinds.items()})
    console.print(table)
    if not verdict.whole:
        console.print("Without a complete journal, events that nobody asked for go unnoticed.")
    _list(console, [str(found) for found in verdict.findings[:shown_max]], verdict.kinds.total())
    if verdict.accepted:
        console.print("No limit was passed, nothing refused below its limit, nothing lost.")


def _table(title: str) -> Table:
    table = Table(title=title, show_header=False, title_justify="left")
    table.add_column()
    table.add_column(justify="right")
    return table


def _add(table: Table, prefix: str, counts: Mapping[str, int]) -> None:
    for name, number in counts.items():
        table.add_row(f"{prefix}{name}", f"{number:,}")


def _list(console: Console, lines: Sequence[str], of: int) -> None:
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if len(lines) < of:
        console.print(f"… and {of - len(lines):,} more.")
