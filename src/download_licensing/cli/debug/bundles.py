"""The commands of `debug` that take a case elsewhere: `bundle` and `replay`."""

from __future__ import annotations

from pathlib import Path
from typing import IO, Annotated

import typer

from download_licensing import settings as settings_module
from download_licensing.cli.debug import show
from download_licensing.cli.debug.answering import (
    DIFFERS,
    UNUSABLE,
    CatalogueFile,
    Config,
    Customer,
    Store,
    opened,
    run,
)
from download_licensing.cli.export import destination
from download_licensing.debugging.judging import Judging
from download_licensing.debugging.replaying import Replayed, open_case
from helenus.cli.output import AsJson, fail, messages, print_json
from helenus.codec import Entry
from helenus.errors import InvalidArgument


def bundle(
    customer: Customer,
    *,
    output: Annotated[
        Path | None, typer.Option(help="File to write; by default standard output.")
    ] = None,
    store: Store = None,
    catalogue: CatalogueFile = None,
    config: Config = None,
) -> None:
    """Write a customer's events, policies and decisions into a file, masked, to be replayed.

    Pseudonyms are the same within a bundle; with the setting bundle_key, also among bundles.
    """

    async def work(file: IO[bytes]) -> None:
        settings = settings_module.load(config, {"store": store, "catalogue": catalogue})
        async with opened(settings) as on:
            async for line in on.debugger.bundle(customer):
                file.write(line)
            file.flush()

    try:
        with destination(output) as file:
            run(lambda: work(file))
    except InvalidArgument as error:
        fail(str(error), UNUSABLE)
    if output is not None:
        messages.print(f"{output}: written.", markup=False, soft_wrap=True)


def replay(
    file: Annotated[Path, typer.Argument(metavar="BUNDLE", help="What `debug bundle` wrote.")],
    *,
    break_at: Annotated[
        int | None,
        typer.Option(min=1, help="Enter the debugger before the decision at this position."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Load a bundle into a store in memory, and judge its decisions again by this program.

    Exits with 14 where one comes out differently from what the bundle says.
    """

    async def work() -> Replayed:
        async with open_case(file) as case:
            if break_at is not None and break_at > case.head:
                raise InvalidArgument(f"The history ends at position {case.head}.")
            return case.replay(break_at=break_at, stop=_enter_debugger)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        show.replayed(found)
    if found.differing:
        raise typer.Exit(DIFFERS)


def _enter_debugger(judging: Judging, events: list[Entry]) -> None:
    """Stops before a commit is judged: `judging.fold` has the state, `events` what comes next."""
    breakpoint()  # what was asked for
