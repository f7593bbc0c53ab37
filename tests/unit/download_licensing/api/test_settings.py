"""Settings: where they come from, what they may be, and how a bad one is explained."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from download_licensing.cli.main import app
from download_licensing.cli.settings_table import page
from download_licensing.settings import (
    STORE_FILE,
    Settings,
    SettingsError,
    load,
    unknown_variables,
    variable_of,
)
from helenus.settings import RepositorySettings
from helenus.stores.cassandra import CassandraSettings, TlsSettings
from helenus.stores.sqlite import SqliteSettings

DOCUMENTED = Path(__file__).parents[4] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable_of(name), raising=False)


def file(directory: Path, text: str) -> Path:
    path = directory / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_default_is_in_its_range() -> None:
    assert load().port == 8080


def test_the_defaults_are_those_of_the_framework() -> None:
    assert load().repository() == RepositorySettings()
    assert load().sqlite() == SqliteSettings()
    on_cassandra = load(overrides={"store": "cassandra://127.0.0.1/helenus"})
    assert on_cassandra.cassandra() == CassandraSettings()


def test_the_command_line_is_stronger_than_the_environment_and_that_than_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file(tmp_path, 'host = "h1"\nport = 1\nretry_after_s = 1')
    monkeypatch.setenv("DOWNLOAD_LICENSING_PORT", "2")
    monkeypatch.setenv("DOWNLOAD_LICENSING_RETRY_AFTER_S", "2")
    settings = load(path, {"retry_after_s": 3, "host": None})
    assert (settings.host, settings.port, settings.retry_after_s) == ("h1", 2, 3)


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    path = file(tmp_path, "port = 7")
    assert load(environment={"DOWNLOAD_LICENSING_CONFIG": str(path)}).port == 7


def test_an_empty_variable_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWNLOAD_LICENSING_PORT", "")
    assert load().port == 8080


def test_the_store_is_in_the_data_directory_unless_it_is_named() -> None:
    assert load(overrides={"data_directory": "d"}).store_path == Path("d") / STORE_FILE
    assert load(overrides={"store": "s.sqlite3"}).store_path == Path("s.sqlite3")


@pytest.mark.parametrize(
    ("url", "contact_points", "port", "keyspace"),
    [
        ("cassandra://h", ("h",), 9042, "download_licensing"),
        ("cassandra://h1,h-2.example:9043/k_1", ("h1", "h-2.example"), 9043, "k_1"),
        ("cassandra://h1:1,h2:1/", ("h1", "h2"), 1, "download_licensing"),
        ("cassandra://[::1],10.0.0.1:65535/k", ("::1", "10.0.0.1"), 65535, "k"),
    ],
)
def test_a_url_names_a_keyspace_of_a_cluster(
    url: str, contact_points: tuple[str, ...], port: int, keyspace: str
) -> None:
    settings = load(overrides={"store": url})
    assert settings.on_cassandra
    assert settings.store_shown == url
    cluster = settings.cassandra()
    assert (cluster.contact_points, cluster.port) == (contact_points, port)
    assert cluster.keyspace == keyspace


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ("cassandra", "cassandra://HOST"),
        ("postgres://h/d", "cassandra://HOST"),
        ("cassandra://", "a node that is none"),
        ("cassandra:///k", "a node that is none"),
        ("cassandra://h:0", "from 1 to 65,535"),
        ("cassandra://h:99999", "from 1 to 65,535"),
        ("cassandra://h:1,i:2", "one port"),
        ("cassandra://h/K", "lower-case"),
        ("cassandra://h/k/l", "lower-case"),
        ("cassandra://h/k?tls=1", "lower-case"),
        ("cassandra://u:p@h/k", "cassandra_password"),
        ("", "store"),
    ],
)
def test_a_store_that_is_neither_file_nor_url_is_explained(store: str, said: str) -> None:
    with pytest.raises(SettingsError, match="--store") as error:
        load(overrides={"store": store})
    assert said in str(error.value)


def test_how_to_reach_the_cluster_is_set_beside_its_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOWNLOAD_LICENSING_CASSANDRA_PASSWORD", "secret")
    authority = tmp_path / "ca.pem"
    text = (
        'store = "cassandra://h"\ncassandra_username = "u"\ncassandra_data_center = "dc1"\n'
        f'cassandra_tls_authority = "{authority}"\ncassandra_tls_check_hostname = false'
    )
    settings = load(file(tmp_path, text))
    with pytest.raises(SettingsError, match=r"cassandra_tls_authority.*ca\.pem"):
        settings.cassandra()
    authority.touch()
    cluster = settings.cassandra()
    assert (cluster.username, cluster.password, cluster.data_center) == ("u", "secret", "dc1")
    assert cluster.tls == TlsSettings(authority=authority, check_hostname=False)
    assert "secret" not in repr(settings)


def test_a_key_without_an_authority_is_no_tls(tmp_path: Path) -> None:
    (tmp_path / "key.pem").touch()
    settings = load(overrides={"store": "cassandra://h", "cassandra_tls_key": tmp_path / "key.pem"})
    with pytest.raises(SettingsError, match="cassandra_tls_authority"):
        settings.cassandra()


def test_no_password_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWNLOAD_LICENSING_CASSANDRA_PASSWORD", "secret")
    for options in (["--json"], []):
        shown = CliRunner().invoke(app, ["settings", *options])
        assert shown.exit_code == 0
        assert "cassandra_password" in shown.output
        assert "secret" not in shown.output


def test_without_the_driver_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "acsylla", None)
    monkeypatch.setitem(sys.modules, "cassandra", None)
    with pytest.raises(SettingsError, match=r"helenus\[cassandra\]"):
        load(overrides={"store": "cassandra://h"}).cassandra()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 65536", "0 – 65,535"),
        ("port = -1", "0 – 65,535"),
        ('port = "x"', "port = 'x'"),
        ('log_level = "loud"', "debug, info, warning, error"),
        ('rehearsal = "perhaps"', "true, false"),
        ("hots = 1", "hots: there is no such setting"),
        ("[server]\nport = 1", "server: there is no such setting"),
        ("sqlite_busy_timeout_s = nan", "0 – 600"),
        ("host = ''", "host"),
        ("repository_commit_bytes_max = 8388609", "8,388,608"),
        ("requests_in_flight_max = true", "requests_in_flight_max"),
    ],
)
def test_a_bad_setting_is_explained(tmp_path: Path, text: str, said: str) -> None:
    path = file(tmp_path, text)
    with pytest.raises(SettingsError) as error:
        load(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)
    assert len(str(error.value).splitlines()) <= 24


def test_every_bad_setting_is_listed_with_where_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOWNLOAD_LICENSING_PORT", "99999")
    with pytest.raises(SettingsError) as error:
        load(file(tmp_path, "keep_alive_s = 0"), {"retry_after_s": 0})
    for origin in ("settings.toml", "DOWNLOAD_LICENSING_PORT", "--retry-after-s"):
        assert origin in str(error.value)


@pytest.mark.parametrize("text", ["port = \n", "port 1", "\x00"])
def test_a_file_that_is_no_toml_is_refused_with_the_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match=r"is not TOML: .*line 1"):
        load(file(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        load(tmp_path / "none.toml")


def test_a_misspelt_variable_is_noticed() -> None:
    environment = {
        "DOWNLOAD_LICENSING_PROT": "1",
        "DOWNLOAD_LICENSING_PORT": "1",
        "DOWNLOAD_LICENSING_CONFIG": "x",
        "PATH": "x",
    }
    assert unknown_variables(environment) == ["DOWNLOAD_LICENSING_PROT"]


def test_the_documentation_is_what_the_class_says() -> None:
    assert DOCUMENTED.read_text(encoding="utf-8") == page(), (
        "Run: download-licensing settings --markdown > docs/settings.md"
    )
