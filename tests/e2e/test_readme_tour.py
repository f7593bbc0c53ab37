"""The tour of the README, as a reader would take it: every command is run, every answer compared.

What differs from run to run (times, ids that are made up, correlation ids) is compared by its form.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.server_process import environment
from tests.unit.docs.pages import README, ROOT, Block, blocks, run_script

SHOWN_ADDRESS = "127.0.0.1:8080"
START = "make run"
READY_S = 20

_FORMS = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "<time>"),
    (r"\b\d{4}-\d\d-\d\d\b", "<date>"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>"),
    (r"^[0-9a-f]{32}$", "<hex>"),
    (r"^eyJhbGciOiJFZDI1NTE5[\w-]+(…|\.[\w-]+\.[\w-]+)$", "<token>"),
]
_SECONDS_LEFT = re.compile(r"_remaining_s$")
_SECONDS_SHORT_MAX = 300
"""How much shorter than shown what is left may be, and how much longer."""


class Step(NamedTuple):
    """A command of the tour and the answer shown beneath it."""

    line: int
    command: str
    shown: str


def steps(parts: list[Block]) -> Iterator[Step]:
    """The commands of console blocks: lines with a ``$``, and after each what it answers."""
    for part in parts:
        for found in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", part.text, re.MULTILINE):
            line = part.line + part.text[: found.start()].count("\n")
            yield Step(line, found[1], found[2])


TOUR = list(steps([block for block in blocks(README) if block.language == "console"]))


class Shell:
    """As much of a shell as the tour needs: variables, quotes, one program at a time.

    Args:
        address: that the service really listens on.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._variables: dict[str, str] = {}

    def run(self, command: str) -> str:
        """Carry out one line and return what it wrote."""
        assignment = re.fullmatch(r"([A-Z_]+)=(\S+)", command)
        if assignment:
            self._variables[assignment[1]] = self._expand(assignment[2])
            return ""
        arguments = [self._expand(word) for word in shlex.split(command)]
        assert arguments[0] == "curl", f"The tour's shell cannot run {arguments[0]!r}."
        ran = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", "10", *arguments[1:]],
            capture_output=True,
            text=True,
            timeout=15,
            check=False,
            env=os.environ | {"no_proxy": "127.0.0.1"},
        )
        assert ran.returncode == 0, f"{command}\n{ran.stderr}"
        return ran.stdout

    def _expand(self, word: str) -> str:
        expanded = re.sub(r"\$([A-Z_]+)", lambda found: self._variables[found[1]], word)
        return expanded.replace(SHOWN_ADDRESS, self._address)


class Service(NamedTuple):
    """The running service: where it listens, and how it greeted."""

    address: str
    greeting: str


@pytest.fixture
def curl() -> None:
    """Say what is missing, rather than fail at the first command."""
    if shutil.which("curl") is None:
        pytest.fail("The tour needs the program curl, 7.82 or newer; it is not on the PATH.")
    version = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True)
    found = re.match(r"curl (\d+)\.(\d+)", version.stdout)
    if found is None or (int(found[1]), int(found[2])) < (7, 82):
        pytest.fail(
            f"The tour needs curl 7.82 or newer, for --json; this is {version.stdout[:12]}."
        )


@pytest.fixture
def service(tmp_path: Path, curl: None) -> Iterator[Service]:
    """What `make run` starts, on a free port, in an empty directory."""
    assert re.search(
        r"^run:.*\n\t@exec \$\(BIN\)/download-licensing serve$",
        (ROOT / "Makefile").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    with (
        (tmp_path / "errors.txt").open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "download_licensing", "serve", "--port", "0"],
            cwd=tmp_path,
            env=environment(PYTHONUNBUFFERED="1"),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            greeting = process.stdout.readline()
            address = re.search(r"http://([\d.]+:\d+)", greeting)
            assert address, (tmp_path / "errors.txt").read_text()
            _wait_until_ready(address[1])
            yield Service(address[1], greeting)
        finally:
            process.terminate()
            try:
                ended = process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
    assert ended == 0


def _wait_until_ready(address: str) -> None:
    subprocess.run(
        [
            *("curl", "--silent", "--fail", "--retry-connrefused", "--noproxy", "*"),
            *("--retry", str(READY_S * 10), "--retry-delay", "0", "--retry-max-time", str(READY_S)),
            f"http://{address}/health/ready",
        ],
        capture_output=True,
        timeout=READY_S + 5,
        check=True,
    )


def test_every_command_of_the_tour_answers_what_is_shown(service: Service) -> None:
    start, *rest = TOUR
    assert start.command == START
    assert service.greeting.replace(service.address, SHOWN_ADDRESS) == start.shown
    shell = Shell(service.address)
    for step in rest:
        answered = shell.run(step.command)
        assert _normal(answered) == _normal(step.shown), f"README.md:{step.line}: {step.command}"


def test_the_tour_shows_what_it_promises() -> None:
    commands = "\n".join(step.command for step in TOUR)
    parts = ("/account", "/licenses", "/renewals", "/plays", "/release", "/devices/", "/allowance")
    assert [part for part in (*parts, "/history") if part not in commands] == []


def test_the_program_on_one_page_prints_what_is_shown(tmp_path: Path) -> None:
    (program,) = [block for block in blocks(README) if block.language == "python"]
    (shown,) = [block for block in blocks(README) if block.language == "text"]
    ran = run_script(README, [program], tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == shown.text


def test_no_block_of_the_readme_goes_unnoticed() -> None:
    console = [block.text for block in blocks(README) if block.language == "console"]
    untried = [text for text in console if not text.startswith("$ ")]
    assert [line.split("#")[0].strip() for line in "".join(untried).splitlines()] == [
        "make run",
        "make test",
    ]
    assert {block.language for block in blocks(README)} == {"console", "python", "text"}


def _normal(text: str) -> Any:
    """An answer without what differs from run to run."""
    return _of_form(json.loads(text)) if text.strip().startswith("{") else text


def _of_form(value: Any, name: str = "") -> Any:
    match value:
        case dict():
            return {key: _of_form(inner, key) for key, inner in value.items()}
        case list():
            return [_of_form(inner) for inner in value]
        case str():
            for pattern, form in _FORMS:
                value = re.sub(pattern, form, value)
            return value
        case int() if _SECONDS_LEFT.search(name) and value:
            # Whole seconds to an end that lies days ahead: all but the last minutes are the same.
            return round(value / _SECONDS_SHORT_MAX)
        case _:
            return value
