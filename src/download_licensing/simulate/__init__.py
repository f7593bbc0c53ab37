"""A population that drives the running service over HTTP, and an oracle that judges the result."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

from download_licensing.simulate.checking import Verdict, check_all
from download_licensing.simulate.driver import Driver
from download_licensing.simulate.histories import fetch_titles
from download_licensing.simulate.journal import Journal
from download_licensing.simulate.options import CheckOptions, InvalidOptions, SimulationOptions
from download_licensing.simulate.oracle import Mark, read_terms
from download_licensing.simulate.population import BEGINS_AT, Population, PopulationSettings
from download_licensing.simulate.preflight import ServiceUnfit, await_services
from download_licensing.simulate.progress import calendar_bar, customer_bar
from download_licensing.simulate.publishing import publish_policies
from download_licensing.simulate.report import Report
from download_licensing.simulate.transport import HttpTransport

__all__ = [
    "INTERRUPTED",
    "CheckOptions",
    "InvalidOptions",
    "Report",
    "ServiceUnfit",
    "SimulationOptions",
    "Verdict",
    "check",
    "run_simulation",
]

T = TypeVar("T")
INTERRUPTED = "it was interrupted"
"""What a report says that Ctrl-C ended early."""


def run_simulation(options: SimulationOptions) -> Report:
    """Run a population against the service at `options.urls`.

    Ctrl-C ends it early: requests under way are finished, and the report is of what was done.

    Raises:
        UnreadableTerms: the catalogue or a policy cannot be read.
        OSError: the journal cannot be written.
        ServiceUnfit: no service answers, or it takes no rehearsal time.
        HistoryUnavailable: what was withdrawn before cannot be had.
        Unreachable: likewise.
    """
    return _run(_simulate(options))


def check(options: CheckOptions) -> Verdict:
    """Let the oracle judge what the service recorded.

    Raises:
        UnreadableTerms: the catalogue or a policy cannot be read.
        OSError: a file cannot be read.
        msgspec.DecodeError: a file is damaged.
        HistoryUnavailable: a history cannot be had.
        Unreachable: the service does not answer.
    """
    return _run(_check(options))


async def _simulate(options: SimulationOptions) -> Report:
    terms = read_terms(options.catalogue, options.policies)
    await await_services(
        options.urls,
        options.run,
        BEGINS_AT,
        timeout_s=options.timeout_s,
        patience_s=options.patience_s,
    )
    await publish_policies(
        options.urls, options.policies, terms, BEGINS_AT, timeout_s=options.timeout_s
    )
    begin = Mark(mark="begin", run=options.run, seed=options.seed, members=options.members)
    report = Report()
    async with HttpTransport(options.urls, options.connections, options.timeout_s) as transport:
        spared = frozenset(event.aggregate_id for event in await fetch_titles(transport))
        population = Population(_settings(options, spared), terms)
        with Journal(options.journal, begin) as journal, calendar_bar(population, options) as watch:
            driver = Driver(
                population,
                transport,
                journal,
                report,
                connections=options.connections,
                patience_s=options.patience_s,
                duration_max_s=options.duration_max_s,
                watch=watch,
            )
            with _interruptible(driver):
                await driver.run()
    return report


def _settings(options: SimulationOptions, spared: frozenset[str]) -> PopulationSettings:
    """Who lives.

    Args:
        options: of the simulation.
        spared: titles that earlier runs withdrew, in a year that is the same.
    """
    return PopulationSettings(
        run=options.run,
        seed=options.seed,
        members=options.members,
        actions_per_member=options.actions_per_member,
        days=options.days,
        zipf_exponent=options.zipf_exponent,
        withdrawals=options.withdrawals,
        spared=spared,
        processes=len(options.urls),
    )


async def _check(options: CheckOptions) -> Verdict:
    with customer_bar(options) as watch:
        return await check_all(options, watch)


@contextlib.contextmanager
def _interruptible(driver: Driver) -> Any:
    """Take the first Ctrl-C as the wish to end; a second one ends at once."""
    loop = asyncio.get_running_loop()

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        driver.halt(INTERRUPTED)

    try:
        loop.add_signal_handler(signal.SIGINT, interrupt)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        yield
        return
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)


def _run(main: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop where it is there: it halves the client's share of the processor."""
    if sys.platform != "win32":
        with contextlib.suppress(ImportError):
            import uvloop  # noqa: PLC0415  # not there on every platform

            return uvloop.run(main)
    return asyncio.run(main)
