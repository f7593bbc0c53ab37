"""`keys`: the keys that sign licence tokens. No private key is ever shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from download_licensing.settings import CONFIG_VARIABLE, load
from download_licensing.tokens.key_files import KeyDirectory, KeyState

app = typer.Typer(help="Keys that sign licence tokens.", no_args_is_help=True)

Directory = Annotated[
    Path | None, typer.Option(help="Directory of the keys; by default that of the settings.")
]
Config = Annotated[
    Path | None, typer.Option(help="A TOML file of settings.", envvar=CONFIG_VARIABLE)
]

_STATES: dict[KeyState, str] = {
    "signs": "signs, verifies",
    "next": "verifies; has not signed yet",
    "former": "verifies; signed before",
    "verifies": "verifies; no private half here",
}


@app.command()
def generate(directory: Directory = None, config: Config = None) -> None:
    """Make a key. The first one signs; a further one verifies, and signs after `keys rotate`."""
    keys, _ = _keys(directory, config)
    if keys.found():
        (file,) = keys.files()
        typer.echo(f"{file.key.kid} signs. It is in {file.path}: keep that file secret and safe.")
        return
    file = keys.add()
    typer.echo(
        f"{file.key.kid} verifies from now on, but does not sign. It is in {file.path}: keep that"
        " file secret and safe.\n"
        "When every cached key set has it: `download-licensing keys rotate`."
    )


@app.command(name="list")
def show(
    directory: Directory = None,
    config: Config = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """List the keys, the one that signs first."""
    keys, _ = _keys(directory, config)
    files = keys.files()
    if as_json:
        rows = [
            {
                "kid": file.key.kid,
                "state": file.state,
                "written_at": file.written_at,
                "path": str(file.path),
            }
            for file in files
        ]
        typer.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    table = Table("key", "state", "written", title=str(keys.path))
    table.columns[0].no_wrap = True
    for file in files:
        written = f"{file.written_at:%Y-%m-%d %H:%M}Z"
        table.add_row(file.key.kid, _STATES[file.state], written)
    Console().print(table)


@app.command()
def rotate(
    kid: Annotated[
        str | None,
        typer.Argument(help="The key, or how its id begins; by default the one that is next."),
    ] = None,
    *,
    now: Annotated[
        bool, typer.Option("--now", help="Even if cached key sets may not have it yet.")
    ] = False,
    directory: Directory = None,
    config: Config = None,
) -> None:
    """Sign with another key. The present one goes on to verify until it is removed.

    Services that run take it up within `token_keys_refresh_s`.
    """
    keys, published_for = _keys(directory, config)
    wait = timedelta() if now else published_for
    file = keys.rotate(kid, now=datetime.now(UTC), published_for=wait)
    typer.echo(f"{file.key.kid} signs from now on.")


@app.command()
def remove(
    kid: Annotated[str, typer.Argument(help="The key, or how its id begins.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it is only said.")] = False,
    directory: Directory = None,
    config: Config = None,
) -> None:
    """Delete a key that does not sign. Tokens that it signed are refused from then on."""
    keys, _ = _keys(directory, config)
    file = keys.removable(kid)
    if not yes:
        typer.echo(
            f"{file.key.kid} would be deleted ({file.path}), and every token that it signed be"
            " refused. Nothing was done: add --yes."
        )
        return
    keys.remove(file.key.kid)
    typer.echo(f"{file.key.kid} is deleted.")


@app.command(name="jwks")
def key_set(directory: Directory = None, config: Config = None) -> None:
    """Write the key set that verifies tokens, as the service publishes it."""
    keys, _ = _keys(directory, config)
    typer.echo(msgspec.json.encode(keys.ring().key_set).decode())


def _keys(directory: Path | None, config: Path | None) -> tuple[KeyDirectory, timedelta]:
    """The directory, and how long a key must have been published before it signs."""
    settings = load(config)
    published_for = timedelta(seconds=settings.key_set_max_age_s + settings.token_keys_refresh_s)
    return KeyDirectory(directory or settings.token_keys_path), published_for
