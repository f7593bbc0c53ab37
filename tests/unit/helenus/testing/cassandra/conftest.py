"""A machine of its own for each test: no cache, no state, no Java but what the test puts there."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from helenus.testing.cassandra import ClusterOptions, processes

Script = Callable[[str, str], Path]

ANY_PORTS = ClusterOptions(native_port=0, storage_port=0, jmx_port=0)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the path."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return folder


@pytest.fixture
def script(commands: Path) -> Script:
    """Puts a shell script on the path."""

    def write(name: str, text: str) -> Path:
        path = commands / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    return write


@pytest.fixture
def fake_java(commands: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A java whose nodes are up at once; the folder it lies in."""
    source = Path(__file__).with_name("fake_java.py").read_text()
    java = commands / "java"
    java.write_text(f"#!{sys.executable} -SE\n{source}")
    java.chmod(0o755)
    monkeypatch.setattr(processes, "libraries", lambda _: commands)
    return commands
