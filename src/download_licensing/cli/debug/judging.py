"""The commands of `debug` that judge decisions by another policy: `what-if` and `what-if-all`."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Annotated, Any

import msgspec
import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from download_licensing import settings as settings_module
from download_licensing.cli.debug import show
from download_licensing.cli.debug.answering import (
    CatalogueFile,
    Config,
    Customer,
    Opened,
    Store,
    moment_in_time,
    opened,
    policy_named,
    run,
)
from download_licensing.debugging.debugger import PolicyVerdict
from download_licensing.debugging.whatif import TOLD_MAX, Tally, WhatIf
from helenus.cli.output import AsJson, messages, print_json

INTERRUPTED = 130

PolicyChosen = Annotated[
    str | None,
    typer.Option(
        "--policy",
        help="A version of the policy, or a file; as if it had always been in force. Default: at"
        " each time the one in force then.",
        metavar="VERSION|FILE",
    ),
]
Since = Annotated[
    str | None, typer.Option(help="Only decisions from this time on, as 2026-03-01T18:30:00Z.")
]
Told = Annotated[
    int, typer.Option("--limit", min=0, max=TOLD_MAX, help="Most decisions that are told.")
]


class PopulationVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy would have said of everyone's decisions.

    Attributes:
        policy_version: of the policy; "": at each time the one in force then.
        complete: whether all customers were counted.
        cursor: where to go on after those that were; null: it is complete.
        seconds: how long it took.
        tally: the decisions counted, and those told that would have come out differently.
    """

    policy_version: str
    complete: bool
    cursor: str | None
    seconds: float
    tally: Tally


def what_if(
    customer: Customer,
    *,
    policy: PolicyChosen = None,
    since: Since = None,
    limit: Told = 100,
    store: Store = None,
    catalogue: CatalogueFile = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell which decisions of a customer a policy would have made differently.

    Each one is judged at its own moment, on the history as it was.
    """

    async def work() -> PolicyVerdict:
        begin = None if since is None else moment_in_time(since)
        settings = settings_module.load(config, {"store": store, "catalogue": catalogue})
        async with opened(settings) as on:
            by = policy_named(policy, on)
            return await on.debugger.what_if_customer(customer, by, since=begin, told_max=limit)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        show.verdict(found.customer_id, found.policy_version, found.tally)


def what_if_all(
    *,
    policy: PolicyChosen = None,
    since: Since = None,
    after: Annotated[str, typer.Option(help="A cursor, to go on from.")] = "",
    limit: Told = 20,
    store: Store = None,
    catalogue: CatalogueFile = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Count which decisions of all customers a policy would have made differently.

    It can be interrupted: what was counted until then is told, with the cursor to go on from.
    """
    judging = _Judging()

    async def work() -> None:
        begin = None if since is None else moment_in_time(since)
        settings = settings_module.load(config, {"store": store, "catalogue": catalogue})
        async with opened(settings) as on:
            by = policy_named(policy, on)
            judging.begin(on.debugger.what_if(by, since=begin, told_max=limit), by)
            await judging.count(on, after)

    run(work)
    found = judging.verdict()
    if as_json:
        print_json(found)
    else:
        show.verdict("All customers", found.policy_version, found.tally)
        show.console.print(f"{found.tally.decisions / found.seconds:,.0f} decisions/s")
        if found.cursor is not None:
            show.console.print(f"Interrupted; go on with --after {found.cursor}", markup=False)
    if not found.complete:
        raise typer.Exit(INTERRUPTED)


class _Judging:
    """One run over all customers, which may be interrupted."""

    def __init__(self) -> None:
        self._judge: WhatIf | None = None
        self._version = ""
        self._complete = False
        self._began = perf_counter()

    def begin(self, judge: WhatIf, policy: Any) -> None:
        self._judge = judge
        self._version = "" if policy is None else policy.version

    async def count(self, on: Opened, after: str) -> None:
        """Go through all customers; an interruption ends it without an error."""
        assert self._judge is not None
        with _progress() as progress, contextlib.suppress(asyncio.CancelledError):
            await self._judge.population(on.store, after=after, progress=progress)
            self._complete = True

    def verdict(self) -> PopulationVerdict:
        assert self._judge is not None
        return PopulationVerdict(
            policy_version=self._version,
            complete=self._complete,
            cursor=None if self._complete else self._judge.cursor,
            seconds=max(perf_counter() - self._began, 1e-9),
            tally=self._judge.tally,
        )


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[Tally], None] | None]:
    """A line on stderr that tells how far it is, where somebody looks."""
    if not messages.is_terminal:
        yield None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=messages, transient=True) as bars:
        task = bars.add_task("Judging", total=None)

        def tell(tally: Tally) -> None:
            bars.update(
                task,
                description=f"{tally.customers:,} customers · {tally.decisions:,} decisions"
                f" · {tally.differ:,} differ",
            )

        yield tell
