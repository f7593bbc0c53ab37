"""The page on the tools names every command, exit code and kind of line."""

import re

import msgspec
import typer
from typer.core import TyperGroup

from helenus.cli import app
from helenus.cli.output import EXIT_CODES
from helenus.transfer import format as transfer_format
from helenus.verification import KINDS
from tests.unit.docs.pages import ROOT

PAGE = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")


def commands(group: TyperGroup, path: str) -> set[str]:
    found: set[str] = set()
    for name, command in group.commands.items():
        inner = f"{path} {name}"
        found |= commands(command, inner) if isinstance(command, TyperGroup) else {inner}
    return found


def test_every_command_is_named() -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    named = re.findall(r"^\| `(helenus [a-z ]+?)(?: [A-Z][A-Z ]*)?` \|", PAGE, re.MULTILINE)
    own = {name for name in commands(group, "helenus") if not name.startswith("helenus cassandra")}
    assert set(named) == own


def test_every_exit_code_is_explained_as_the_program_has_it() -> None:
    table = re.findall(r"^\| (\d+) \| (.+?) \|$", PAGE, re.MULTILINE)
    assert {int(code): meaning for code, meaning in table} == EXIT_CODES


def test_every_field_of_every_line_is_named() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE, re.MULTILINE))
    lines = (
        transfer_format.Header,
        transfer_format.CommitLine,
        transfer_format.Mark,
        transfer_format.End,
    )
    for line in lines:
        text = rows[str(line.__struct_config__.tag)]
        for field in msgspec.structs.fields(line):
            assert f"`{field.name}`" in text


def test_every_kind_of_finding_is_explained_as_the_program_has_it() -> None:
    table = PAGE.partition("| kind of finding | meaning |")[2]
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.+?) \|$", table, re.MULTILINE)) == KINDS
