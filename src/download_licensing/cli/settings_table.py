"""`settings`: all settings, as a table, as JSON, or as the page of the documentation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from pydantic import SecretStr
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from download_licensing.settings import (
    CONFIG_VARIABLE,
    ENVIRONMENT_PREFIX,
    Settings,
    load,
    range_of,
    variable_of,
)

_PAGE = """\
# Settings

Every bound of the service, with its unit in its name. A setting is taken from, strongest first:

1. the command line of `download-licensing serve` (`--host`, `--port`, `--store`, `--catalogue`,
   `--policy`, `--rehearsal`);
2. the environment: `{prefix}` and its name in capitals, such as `{example}`;
3. a TOML file named by `--config` or `{config}`, with the names below as
   keys. A key that is not in this list is refused.

`download-licensing settings` shows them as they are in force. A value out of its range ends the
program at its start with exit code 2 and a line that says what is allowed. Paths are relative to
the working directory.

This page is generated: `download-licensing settings --markdown > docs/settings.md`.

| setting | default | range | meaning |
|---|---|---|---|
{rows}
"""


def show_settings(
    config: Annotated[
        Path | None, typer.Option(help="A TOML file of settings.", envvar=CONFIG_VARIABLE)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The defaults, as the documentation has them.")
    ] = False,
) -> None:
    """Show all settings: their value in force, default and range."""
    if markdown:
        typer.echo(page(), nl=False)
        return
    settings = load(config)
    if as_json:
        rows = list(_described(settings))
        typer.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    Console().print(_table(settings))


def page() -> str:
    """The page of the documentation."""
    rows = [
        f"| `{name}` | {_shown(field.default)} | {range_of(field)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return _PAGE.format(
        prefix=ENVIRONMENT_PREFIX,
        example=variable_of("port"),
        config=CONFIG_VARIABLE,
        rows="\n".join(rows),
    )


def _table(settings: Settings) -> Table:
    table = Table("setting", "value", "range", "meaning", title="Settings")
    table.columns[0].no_wrap = True
    for row in _described(settings):
        value = str(row["value"])
        if row["value"] != row["default"]:
            value = f"[bold]{escape(value)}[/bold] [dim](default: {row['default']})[/dim]"
        table.add_row(row["name"], value, row["range"], row["meaning"])
    return table


def _described(settings: Settings) -> Iterator[dict[str, Any]]:
    for name, field in Settings.model_fields.items():
        yield {
            "name": name,
            "variable": variable_of(name),
            "value": _plain(getattr(settings, name)),
            "default": _plain(field.default),
            "range": range_of(field),
            "meaning": field.description,
        }


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, (Path, SecretStr)) else value


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return f"`{str(value).lower()}`"
        case int() if value >= 10_000:
            return f"{value:,}"
        case int() | float():
            return f"{value:g}"
        case _:
            return f"`{value}`"
