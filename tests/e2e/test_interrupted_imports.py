"""Ctrl+C in the first second, while the program is still imported, ends it without a word."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.server_process import environment

INTERRUPTED = 130
SCRIPTS = Path(sys.executable).parent
WAYS = {
    "python -m download_licensing": [sys.executable, "-m", "download_licensing", "serve"],
    "download-licensing": [str(SCRIPTS / "download-licensing"), "serve"],
    "python -m helenus": [sys.executable, "-m", "helenus", "--help"],
    "helenus": [str(SCRIPTS / "helenus"), "--help"],
}

SIGNALLED = """
import signal, sys
sys.stderr.write("imported;")
sys.stderr.flush()
signal.raise_signal(signal.SIGINT)
raise AssertionError("SIGINT was not heard.")
"""
"""A module in place of one that the program needs: so it is surely in its imports."""

IGNORED = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"

BUILDING = """
import signal
import typer.main
from {package}.__main__ import main

def interrupted(app):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("heard")
        raise

typer.main.get_command = interrupted
main()
"""
"""The program, which is interrupted when it begins to look what it was asked for."""


@pytest.mark.parametrize(
    ("way", "module"),
    [
        *[(way, "typer") for way in WAYS],
        *[(way, "rich") for way in WAYS if "helenus" in way],
        *[(way, module) for way in WAYS if "licensing" in way for module in ("msgspec", "uvicorn")],
    ],
)
def test_it_ends_without_a_word(tmp_path: Path, way: str, module: str) -> None:
    (tmp_path / f"{module}.py").write_text(SIGNALLED, encoding="utf-8")
    assert run(WAYS[way], tmp_path) == (INTERRUPTED, "", "imported;")


def test_where_it_is_ignored_it_goes_on_being_ignored(tmp_path: Path) -> None:
    """As a shell has it that starts a program in the background."""
    (tmp_path / "sitecustomize.py").write_text(IGNORED, encoding="utf-8")
    (tmp_path / "typer.py").write_text(SIGNALLED, encoding="utf-8")
    for command in WAYS.values():
        code, _, errors = run(command, tmp_path)
        assert code == 1
        assert "AssertionError: SIGINT was not heard." in errors


@pytest.mark.parametrize("package", ["download_licensing", "helenus"])
def test_once_all_is_imported_it_may_hear_it_itself(tmp_path: Path, package: str) -> None:
    program = [sys.executable, "-c", BUILDING.format(package=package)]
    assert run(program, tmp_path) == (INTERRUPTED, "heard\n", "")


def run(command: list[str], directory: Path) -> tuple[int, str, str]:
    """Its exit code, and what it wrote."""
    ran = subprocess.run(
        command,
        cwd=directory,
        env=environment(PYTHONPATH=str(directory)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr
