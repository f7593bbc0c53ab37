"""Every command, and the one way in which they fail: a clear line on stderr, and exit code 2."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from download_licensing.catalogue import Catalogue
from download_licensing.cli.debug import app as debug_app
from download_licensing.cli.export import export
from download_licensing.cli.keys import app as keys_app
from download_licensing.cli.policy import app as policy_app
from download_licensing.cli.serve import serve
from download_licensing.cli.settings_table import show_settings
from download_licensing.documents import DocumentError
from download_licensing.settings import SettingsError
from download_licensing.simulate.command import app as simulate_app
from helenus.errors import HelenusError

UNUSABLE = 2

app = typer.Typer(
    name="download-licensing",
    help="The licence accounting service for offline downloads.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
catalogue_app = typer.Typer(help="Plans and titles.", no_args_is_help=True)

app.command()(serve)
app.command()(export)
app.command(name="settings")(show_settings)
app.add_typer(catalogue_app, name="catalogue")
app.add_typer(debug_app, name="debug")
app.add_typer(keys_app, name="keys")
app.add_typer(policy_app, name="policy")
app.add_typer(simulate_app)  # without a name: its commands become ours


@catalogue_app.callback()
def _catalogue() -> None:
    """Plans and titles."""


@catalogue_app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A YAML file; by default the catalogue shipped.")
    ] = None,
) -> None:
    """Say whether a catalogue can be used, and list what to correct."""
    catalogue = Catalogue.load(file) if file else Catalogue.shipped()
    typer.echo(
        f"{file or 'The catalogue shipped'}: {len(catalogue.plans):,} plans,"
        f" {len(catalogue.titles):,} titles, no errors."
    )


def main() -> None:
    """Run the command line."""
    try:
        app()
    except (SettingsError, DocumentError, HelenusError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(_sentence(error))


def _fail(message: str) -> None:
    typer.echo(f"download-licensing: {message}", err=True)
    sys.exit(UNUSABLE)


def _sentence(error: OSError) -> str:
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}."
    return f"{error}."
