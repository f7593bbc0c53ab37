"""Runs the `helenus` command, and reads its answers."""

import json
from typing import Any

from typer.testing import CliRunner, Result

from helenus.cli import app


def helenus(*arguments: object) -> Result:
    """Run the command; it never ends with a traceback."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    assert "Traceback" not in result.output
    return result


def answer(*arguments: object) -> Any:
    """The JSON answer of a command that succeeds."""
    result = helenus(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)
