"""The ``helenus`` command. Each group of commands is a module; what one needs it alone imports."""

from __future__ import annotations

try:
    import rich as _rich  # noqa: F401  # the modules below need it
    import typer
except ModuleNotFoundError as error:
    raise SystemExit(f"The helenus command needs {error.name}: install helenus[cli].") from None

from helenus.cli import bench, events, golden, snapshots, streams, transfer, verify

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Tools of the helenus event-sourcing framework.",
)
app.add_typer(streams.app, name="streams")
app.command(name="export")(transfer.export)
app.command(name="import")(transfer.import_)
app.command()(verify.verify)
app.command()(events.stats)
app.command()(bench.bench)
app.add_typer(events.app, name="events")
app.add_typer(snapshots.app, name="snapshots")
app.add_typer(golden.app, name="golden")

try:
    from helenus.cli.cassandra import cassandra, parse_replication
except ModuleNotFoundError as error:
    if error.name is None or error.name.startswith("helenus"):
        raise
    _missing = error.name

    @app.command(
        name="cassandra",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def _cassandra() -> None:
        """A real Cassandra on this machine, for development: not installed."""
        raise SystemExit(
            f"helenus cassandra needs {_missing}: install helenus[cassandra-local]."
        ) from None
else:
    app.add_typer(cassandra, name="cassandra")

__all__ = ["app", "main", "parse_replication"]


def main() -> None:
    """Run the command."""
    app()
