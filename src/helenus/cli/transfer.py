"""``helenus export`` and ``helenus import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from helenus.cli.output import AsJson, answers, counting, print_json, run
from helenus.cli.stores import StoreName, open_store
from helenus.transfer import Exported, Imported, export_streams, import_streams
from helenus.transfer.format import Totals

FileName = Annotated[Path, typer.Argument(metavar="FILE", help="Lines of JSON in zstd.")]


def export(
    store: StoreName,
    file: FileName,
    prefix: Annotated[str, typer.Option(help="Only streams whose names begin with it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write the commits of a store to a file.

    It is FILE.partial until it is whole. Where one is there, the export goes on from its end.
    """

    async def work() -> Exported:
        with counting("Exporting") as tell:
            async with open_store(store) as source:
                return await export_streams(
                    source, file, prefix=prefix, progress=lambda totals: tell(_so_far(totals))
                )

    exported = run(work)
    if as_json:
        print_json(exported)
        return
    resumed = f", {exported.resumed_commits:,} of them before" if exported.resumed_commits else ""
    answers.print(
        f"{file}: {exported.commits:,} commits{resumed}, {exported.events:,} events,"
        f" {exported.streams:,} streams.",
        markup=False,
    )


def import_(
    file: FileName,
    store: StoreName,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Compare file and store; write nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the commits of a file into a store. Repeating it writes nothing twice."""

    async def work() -> Imported:
        with counting("Importing") as tell:
            async with open_store(store, create=not dry_run) as target:
                return await import_streams(
                    target, file, dry_run=dry_run, progress=lambda totals: tell(_so_far(totals))
                )

    imported = run(work)
    if as_json:
        print_json(imported)
        return
    would = "would be" if dry_run else "were"
    answers.print(
        f"{file}: {imported.commits:,} commits, {imported.events:,} events,"
        f" {imported.streams:,} streams; {imported.written_commits:,} commits {would} written,"
        f" {imported.commits - imported.written_commits:,} were there.",
        markup=False,
    )


def _so_far(totals: Totals) -> str:
    return f"{totals.commits:,} commits of {totals.streams:,} streams"
