"""What keeps the program from starting is said in a line or two, with exit code 2."""

import os
import socket
import sqlite3
import sys
from pathlib import Path

import pytest

from tests.e2e.server_process import failed, serving


async def store_in(directory: Path) -> Path:
    """A store's file as a server leaves it."""
    path = directory / "s.sqlite3"
    async with serving(directory, "--store", str(path)):
        pass
    return path


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("PORT", "99999", "0 – 65,535"),
        ("PORT", "http", "DOWNLOAD_LICENSING_PORT"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("REQUESTS_IN_FLIGHT_MAX", "0", "1 – 100,000"),
    ],
)
async def test_a_bad_variable(tmp_path: Path, name: str, value: str, said: str) -> None:
    error = await failed("serve", directory=tmp_path, **{f"DOWNLOAD_LICENSING_{name}": value})
    assert said in error


async def test_a_bad_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    for text, said in (("hots = 1", "hots"), ("port =", "not TOML"), ("port = 1.5", "port")):
        path.write_text(text, encoding="utf-8")
        error = await failed("serve", "--config", str(path), directory=tmp_path)
        assert said in error
    assert "cannot be read" in await failed("serve", "--config", "none.toml", directory=tmp_path)


async def test_a_broken_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text("plans: {basic: {devices_max: -1}}\ntitles: []\n", encoding="utf-8")
    for arguments in (("serve", "--catalogue", str(path)), ("catalogue", "check", str(path))):
        error = await failed(*arguments, directory=tmp_path)
        assert "catalogue.yaml" in error
    assert not (tmp_path / "download-licensing-data").exists()
    assert "none.yaml" in await failed("serve", "--catalogue", "none.yaml", directory=tmp_path)


async def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        error = await failed("serve", "--port", port, directory=tmp_path)
    assert f"127.0.0.1:{port}" in error
    assert "--port" in error


async def test_an_address_that_is_not_of_this_machine(tmp_path: Path) -> None:
    error = await failed("serve", "--host", "192.0.2.1", directory=tmp_path)
    assert "192.0.2.1" in error
    assert "nowhere.invalid" in await failed(
        "serve", "--host", "nowhere.invalid", directory=tmp_path
    )


async def test_a_data_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("", encoding="utf-8")
    error = await failed(
        "serve", "--port", "0", directory=tmp_path, DOWNLOAD_LICENSING_DATA_DIRECTORY="data"
    )
    assert "data directory data cannot be made" in error


async def test_keys_that_everyone_may_read(tmp_path: Path) -> None:
    async with serving(tmp_path):
        pass
    keys = tmp_path / "download-licensing-data" / "token-keys"
    (key,) = keys.glob("*.pem")
    key.chmod(0o644)
    error = await failed("serve", "--port", "0", directory=tmp_path)
    assert f"chmod 600 {key.relative_to(tmp_path)}" in error
    assert key.read_text(encoding="utf-8").splitlines()[1] not in error


async def test_keys_that_were_named_and_are_not_there(tmp_path: Path) -> None:
    named = {"DOWNLOAD_LICENSING_TOKEN_KEYS_DIRECTORY": "keys"}
    error = await failed("serve", "--port", "0", directory=tmp_path, **named)
    assert "The directory of the keys that sign tokens, keys, cannot be read" in error
    assert not (tmp_path / "keys").exists()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "bad.pem").write_text("no key", encoding="utf-8")
    (tmp_path / "keys" / "bad.pem").chmod(0o600)
    error = await failed("serve", "--port", "0", directory=tmp_path, **named)
    assert "keys/bad.pem is no key that signs tokens" in error


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    store = locked / "s.sqlite3"
    error = await failed("serve", "--port", "0", "--store", str(store), directory=tmp_path)
    assert str(store) in error


@pytest.mark.skipif(sys.platform != "linux", reason="needs a directory even root cannot write in")
async def test_a_directory_that_nobody_can_write(tmp_path: Path) -> None:
    error = await failed("serve", "--port", "0", "--store", "/proc/s.sqlite3", directory=tmp_path)
    assert "/proc/s.sqlite3" in error


async def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    store = tmp_path / "none" / "s.sqlite3"
    error = await failed("serve", "--port", "0", "--store", str(store), directory=tmp_path)
    assert str(store) in error


async def test_a_file_of_another_program(tmp_path: Path) -> None:
    foreign, text = tmp_path / "f.sqlite3", tmp_path / "f.txt"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    text.write_text("Dear diary, " * 100, encoding="utf-8")
    for path in (foreign, text):
        before = path.read_bytes()
        error = await failed("serve", "--port", "0", "--store", str(path), directory=tmp_path)
        assert str(path) in error
        assert path.read_bytes() == before


async def test_a_file_of_a_newer_version(tmp_path: Path) -> None:
    path = await store_in(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    error = await failed("serve", "--port", "0", "--store", str(path), directory=tmp_path)
    assert "newer" in error


@pytest.mark.parametrize("left", [0, 50, 5_000])
async def test_a_truncated_file(tmp_path: Path, left: int) -> None:
    path = await store_in(tmp_path)
    for side in ("-wal", "-shm"):
        path.with_name(path.name + side).unlink(missing_ok=True)
    os.truncate(path, left)
    error = await failed("serve", "--port", "0", "--store", str(path), directory=tmp_path)
    assert str(path) in error
    assert path.stat().st_size == left


async def test_an_export_of_what_is_no_store(tmp_path: Path) -> None:
    missing = tmp_path / "none.sqlite3"
    assert "no file" in await failed("export", "--store", str(missing), directory=tmp_path)
    assert not missing.exists()
    path = await store_in(tmp_path)
    error = await failed(
        *("export", "--store", str(path), "--output", "no/such/place"), directory=tmp_path
    )
    assert "no" in error
