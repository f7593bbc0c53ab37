"""``helenus snapshots``: which there are; dropping them; taking them anew."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from helenus.cli.aggregates import AggregatesName, load_aggregates
from helenus.cli.output import AsJson, counting, print_json, print_line, run
from helenus.cli.stores import StoreName, open_store
from helenus.cli.walking import names
from helenus.errors import InvalidArgument
from helenus.rebuilding import SnapshotBuilder
from helenus.settings import RepositorySettings

app = typer.Typer(
    no_args_is_help=True, help="Snapshots are a cache: without them every answer is the same."
)

Prefix = Annotated[str, typer.Option(help="Of streams whose names begin with it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")]

_DEFAULT = RepositorySettings()


@app.command(name="list")
def list_snapshots(store: StoreName, prefix: Prefix = "", as_json: AsJson = False) -> None:
    """List each stream's snapshot: position, bytes, fingerprint. With --json, one to a line."""

    async def work() -> None:
        async with open_store(store) as opened:
            async for stream in names(opened, prefix):
                snapshot = await opened.load_snapshot(stream)
                if snapshot is None:
                    continue
                told: dict[str, Any] = {
                    "stream": stream,
                    "position": snapshot.position,
                    "bytes": len(snapshot.body),
                    "fingerprint": snapshot.fingerprint,
                }
                if as_json:
                    print_json(told)
                else:
                    print_line(
                        f"{snapshot.position:>8}  {len(snapshot.body):>9,}  {snapshot.fingerprint}"
                        f"  {stream}"
                    )

    run(work)


@app.command()
def drop(
    store: StoreName, prefix: Prefix = "", dry_run: DryRun = False, as_json: AsJson = False
) -> None:
    """Drop the snapshots. Streams are replayed from their beginning until new ones are taken."""

    async def work() -> int:
        dropped = 0
        async with open_store(store) as opened:
            async for stream in names(opened, prefix):
                if await opened.load_snapshot(stream) is None:
                    continue
                dropped += 1
                if not dry_run:
                    await opened.save_snapshot(stream, None)
        return dropped

    dropped = run(work)
    if as_json:
        print_json({"snapshots": dropped, "dry_run": dry_run})
    else:
        print_line(f"{dropped:,} snapshots {'would be' if dry_run else 'were'} dropped.")


@app.command()
def rebuild(
    store: StoreName,
    *,
    aggregates: AggregatesName = None,
    prefix: Prefix = "",
    command_window_s: Annotated[
        int, typer.Option(min=1, help="For how long the writers remember a command.")
    ] = _DEFAULT.command_window_s,
    command_window_max: Annotated[
        int, typer.Option(min=1, help="How many commands the writers remember.")
    ] = _DEFAULT.command_window_max,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Take a snapshot of each stream from its events alone, in place of the one that is there."""
    settings = RepositorySettings(
        command_window_s=command_window_s, command_window_max=command_window_max
    )

    async def work() -> int:
        types = load_aggregates(aggregates)
        if not types:
            raise InvalidArgument("A snapshot is of aggregates.", remedy="Name them: --aggregates.")
        built = 0
        with counting("Rebuilding") as tell:
            async with open_store(store) as opened:
                builder = SnapshotBuilder(opened, types, settings)
                async for stream in names(opened, prefix):
                    await (builder.build(stream) if dry_run else builder.rebuild(stream))
                    built += 1
                    tell(f"{built:,} streams")
        return built

    built = run(work)
    if as_json:
        print_json({"snapshots": built, "dry_run": dry_run})
    else:
        print_line(f"{built:,} snapshots {'could be' if dry_run else 'were'} taken.")
