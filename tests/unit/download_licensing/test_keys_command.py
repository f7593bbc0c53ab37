"""`download-licensing keys`: what an operator does with the keys that sign."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from download_licensing.cli.main import app
from download_licensing.settings import Settings, variable_of
from download_licensing.tokens.key_files import KeyDirectory, TokenKeysUnusable
from helenus.errors import InvalidArgument


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable_of(name), raising=False)
    monkeypatch.setenv("DOWNLOAD_LICENSING_DATA_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def keys(tmp_path: Path) -> KeyDirectory:
    return KeyDirectory(tmp_path / "data" / "token-keys")


def run(keys: KeyDirectory, *arguments: str) -> str:
    """What a command wrote, in which no private key is."""
    result = CliRunner().invoke(app, ["keys", *arguments])
    if result.exception is not None:
        raise result.exception
    for path in keys.path.glob("*.pem"):
        assert path.read_text().splitlines()[1] not in result.output
    return result.output


def test_the_first_key_signs_and_a_further_one_waits(keys: KeyDirectory) -> None:
    first = run(keys, "generate")
    second = run(keys, "generate")
    signing, waiting = keys.files()
    assert f"{signing.key.kid} signs" in first
    assert f"{waiting.key.kid} verifies from now on, but does not sign" in second
    listed = run(keys, "list")
    assert listed.index(signing.key.kid) < listed.index(waiting.key.kid)
    rows = msgspec.json.decode(run(keys, "list", "--json"))
    assert [(row["kid"], row["state"]) for row in rows] == [
        (signing.key.kid, "signs"),
        (waiting.key.kid, "next"),
    ]


def test_a_rotation_waits_for_caches_unless_it_is_told_not_to(keys: KeyDirectory) -> None:
    run(keys, "generate")
    run(keys, "generate")
    former, waiting = keys.files()
    with pytest.raises(InvalidArgument, match="--now"):
        run(keys, "rotate")
    published_s = Settings().key_set_max_age_s + Settings().token_keys_refresh_s
    written = waiting.written_at.timestamp() - published_s - 1
    os.utime(waiting.path, (written, written))
    assert run(keys, "rotate") == f"{waiting.key.kid} signs from now on.\n"
    assert run(keys, "rotate", former.key.kid[:10], "--now").startswith(former.key.kid)


def test_a_removal_is_said_first_and_done_when_it_is_confirmed(keys: KeyDirectory) -> None:
    run(keys, "generate")
    run(keys, "generate")
    signing, other = keys.files()
    assert "Nothing was done: add --yes" in run(keys, "remove", other.key.kid)
    assert len(keys.files()) == 2
    assert "is deleted" in run(keys, "remove", other.key.kid, "--yes")
    assert [file.key.kid for file in keys.files()] == [signing.key.kid]
    with pytest.raises(InvalidArgument, match="Rotate to another"):
        run(keys, "remove", signing.key.kid, "--yes")


def test_the_key_set_is_written_as_the_service_publishes_it(keys: KeyDirectory) -> None:
    run(keys, "generate")
    assert run(keys, "jwks").encode() == msgspec.json.encode(keys.ring().key_set) + b"\n"


def test_a_directory_can_be_named(tmp_path: Path) -> None:
    other = KeyDirectory(tmp_path / "other")
    run(other, "generate", "--directory", str(other.path))
    assert other.ring().signing.can_sign
    with pytest.raises(TokenKeysUnusable, match="keys generate"):
        run(other, "list")
