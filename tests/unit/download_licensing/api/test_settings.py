"""Settings: where they come from, what they may be, and how a bad one is explained."""

from pathlib import Path

import pytest

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
