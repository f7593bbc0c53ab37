"""One line of settings picks the store, and a wrong one says what would be right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from helenus import AggregateRepository, InvalidArgument, StoreUnusable
from helenus.stores import open_store
from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.stores.cassandra_url import CassandraUrl
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteSettings, SqliteStore
from tests.unit.helenus.bank import AGGREGATES, STREAM, deposit


def test_each_form_names_its_adapter(tmp_path: Path) -> None:
    assert isinstance(open_store("memory:"), MemoryStore)
    for path in (
        f"{tmp_path}/b.sqlite3",
        "b.sqlite3",
        "sqlite:b.sqlite3",
        "./memory",
        "a/b:c",
        "x",
    ):
        assert isinstance(open_store(path), SqliteStore), path
    assert isinstance(open_store("cassandra://h"), CassandraStore)


@pytest.mark.parametrize("form", ["{}", "sqlite:{}", "SQLite:{}"])
async def test_a_path_is_the_file_that_is_made(form: str, tmp_path: Path) -> None:
    path = tmp_path / "bank.sqlite3"
    for wanted in (1, 2):
        async with (
            open_store(form.format(path)) as store,
            AggregateRepository(store, AGGREGATES) as repository,
        ):
            assert await repository.transact(STREAM, deposit(1)) == wanted
    assert path.is_file()


def test_a_cassandra_url_stands_in_for_where_the_settings_say_it_is() -> None:
    settings = CassandraSettings(contact_points=("old",), port=1, username="u", keyspace="old")
    store: Any = open_store("cassandra://h1,[::1]:9999/bank", settings)
    assert store._settings == CassandraSettings(
        contact_points=("h1", "::1"), port=9999, username="u", keyspace="bank"
    )
    bare: Any = open_store("cassandra://h1")
    assert bare._settings == CassandraSettings(contact_points=("h1",))


def test_settings_of_the_adapter_are_handed_to_it() -> None:
    settings = SqliteSettings(readers=7)
    store: Any = open_store("b.sqlite3", settings)
    assert store._settings is settings


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "names no file"),
        (" ", "names no file"),
        ("sqlite:", "names no file"),
        ("a\0b", "names no file"),
        ("sqlite:///b.sqlite3", "without slashes"),
        ("sqlite::memory:", "memory:"),
        ("memory:bank", "has no name"),
        ("memory", r"write \./memory"),
        ("sqlite", r"write \./sqlite"),
        ("cassandra", r"write \./cassandra"),
        ("cassandra:h", "cassandra://HOST"),
        ("cassandra://", "a node that is none"),
        ("cassandra://h:0", "one port"),
        ("cassandra://h:1,i:2", "one port"),
        ("cassandra://u:p@h", "username"),
        ("cassandra://h/Bank", "lower-case"),
        ("postgres://h/bank", "no store for postgres:"),
    ],
)
def test_what_names_no_store_is_refused_with_the_forms_that_do(url: str, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason) as caught:
        open_store(url)
    assert caught.value.remedy == (
        "Use a path, sqlite:PATH, memory: or cassandra://HOST,HOST:PORT/KEYSPACE."
    )


def test_a_password_in_a_url_is_not_repeated_in_the_error() -> None:
    with pytest.raises(InvalidArgument) as caught:
        open_store("cassandra://user:hunter2@h")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "settings"),
    [
        ("memory:", SqliteSettings()),
        ("b.sqlite3", CassandraSettings()),
        ("cassandra://h", SqliteSettings()),
    ],
)
def test_settings_of_another_adapter_are_refused(url: str, settings: Any) -> None:
    with pytest.raises(InvalidArgument, match="takes"):
        open_store(url, settings)


def test_without_a_driver_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("helenus.stores.cassandra.drivers.find_spec", lambda _: None)
    with pytest.raises(StoreUnusable, match=r"Install helenus\[cassandra\]"):
        open_store("cassandra://h")


def test_no_adapter_is_imported_before_it_is_asked_for() -> None:
    program = (
        "import sys, helenus.stores\n"
        "assert not {'sqlite3', 'cassandra'} & sys.modules.keys()\n"
        "helenus.stores.open_store('b.sqlite3')\n"
        "assert 'sqlite3' in sys.modules and 'cassandra' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_a_url_without_a_keyspace_means_the_one_asked_for() -> None:
    assert CassandraUrl.parse("cassandra://h", keyspace="mine").keyspace == "mine"
    assert CassandraUrl.parse("cassandra://h/theirs", keyspace="mine").keyspace == "theirs"
