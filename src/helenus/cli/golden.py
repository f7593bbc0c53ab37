"""``helenus golden``: histories that are kept with the code, and prove that old events are read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from helenus.aggregates import Aggregate
from helenus.cli.aggregates import AggregatesName, load_aggregates, load_named
from helenus.cli.output import FOUND, AsJson, messages, print_json, print_line, run, run_plain
from helenus.cli.stores import StoreName, open_store
from helenus.errors import InvalidArgument
from helenus.testing import golden

app = typer.Typer(
    no_args_is_help=True,
    help="Golden histories: stored events, kept with the code, that must stay readable.",
)

Directory = Annotated[
    Path, typer.Argument(metavar="DIR", help="Where the files are.", show_default=False)
]


@app.command()
def check(
    directory: Directory,
    aggregates: AggregatesName = None,
    incomplete: Annotated[
        bool, typer.Option("--incomplete", help="Allow events that are in no history.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Replay all histories; fail where an event or what followed from it does not hold."""

    def work() -> golden.Checked:
        return golden.check(directory, _required(aggregates), complete=not incomplete)

    try:
        checked = run_plain(work)
    except golden.GoldenMismatch as mismatch:
        if as_json:
            print_json({"problems": mismatch.problems})
        for problem in () if as_json else mismatch.problems:
            print_line(problem)
        messages.print(f"Error: {len(mismatch.problems):,} problems.")
        raise typer.Exit(FOUND) from None
    if as_json:
        print_json({"histories": checked.histories, "events": checked.events, "problems": []})
    else:
        print_line(f"{checked.histories:,} histories with {checked.events:,} events hold.")


@app.command()
def record(
    directory: Directory,
    *,
    aggregates: AggregatesName = None,
    samples: Annotated[
        str,
        typer.Option(
            metavar="MODULE:NAME",
            help="Names, each with a list of events made by helenus.testing.at.",
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Write what today's code stores for samples, if it is new. No file is ever changed."""

    def work() -> list[Path]:
        found = load_named(samples)
        if not isinstance(found, Mapping):
            raise InvalidArgument(f"{samples!r} does not map names to lists of events.")
        return golden.record(directory, _required(aggregates), found)

    _tell("written", run_plain(work), as_json=as_json)


@app.command()
def capture(
    store: StoreName,
    directory: Directory,
    *,
    stream: Annotated[list[str], typer.Option(help="May be given several times.")],
    aggregates: AggregatesName = None,
    as_json: AsJson = False,
) -> None:
    """Write streams of a store as they are stored. Mind whose data you check in."""

    async def work() -> list[Path]:
        types = _required(aggregates)
        async with open_store(store) as opened:
            return await golden.capture(directory, types, opened, stream)

    _tell("written", run(work), as_json=as_json)


@app.command()
def accept(
    directory: Directory, aggregates: AggregatesName = None, as_json: AsJson = False
) -> None:
    """Take over the states that today's code gives, where the change is meant. Bytes stay."""
    changed = run_plain(lambda: golden.accept(directory, _required(aggregates)))
    _tell("changed", changed, as_json=as_json)


def _required(name: str | None) -> list[type[Aggregate]]:
    types = load_aggregates(name)
    if not types:
        raise InvalidArgument("Events are those of aggregates.", remedy="Name them: --aggregates.")
    return types


def _tell(what: str, paths: list[Path], *, as_json: bool) -> None:
    if as_json:
        print_json({what: [str(path) for path in paths]})
        return
    for path in paths:
        print_line(f"{path} {what}")
    if not paths:
        print_line(f"Nothing is {what}: all is as it was.")
