"""`debug timeline`, `state` and `changes`: what they show, and how they fail."""

from pathlib import Path

import msgspec
import pytest

from tests.integration.download_licensing.cli.debug_runs import debug, store_with_a_customer


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_with_a_customer(tmp_path_factory.mktemp("debug") / "store.sqlite3")


def test_the_timeline_is_told_in_sentences(store: Path) -> None:
    ran = debug("timeline", "ada", "--store", store)
    assert ran.exit_code == 0
    assert "The account was opened with the plan standard." in ran.out
    assert "ada, 2" in ran.out


def test_the_timeline_goes_on_where_the_page_says(store: Path) -> None:
    first = debug("timeline", "ada", "--store", store, "--limit", 3)
    assert first.out.rstrip().endswith("--after 3")
    second = debug("timeline", "ada", "--store", store, "--after", 3, "--json").json()
    assert second["entries"][0]["position"] == 4


def test_the_state_is_shown_at_a_position_and_at_the_head(store: Path) -> None:
    opened = debug("state", "ada", "--store", store, "--position", 1)
    assert "at position 1 of" in opened.out
    assert 'plan="standard"' in opened.out
    licenses = debug("state", "ada", "--store", store, "--aggregate", "license", "--json").json()
    assert {one["type"] for one in licenses["aggregates"]} == {"license"}


def test_more_than_fits_is_counted(store: Path) -> None:
    assert (
        "more aggregates: raise --limit"
        in debug("state", "ada", "--store", store, "--limit", 1).out
    )


def test_changes_are_shown_field_by_field(store: Path) -> None:
    ran = debug("changes", "ada", "--store", store, "--to-position", 1)
    assert "account account appeared" in ran.out
    assert 'plan: "standard"' in ran.out
    later = debug("changes", "ada", "--store", store, "--from-position", 1)
    assert "devices.tv: " in later.out


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("timeline", "nobody"), 15, "Customer 'nobody' has no account."),
        (("timeline", "ada", "--after", 99), 17, "There is no position 99"),
        (("state", "ada", "--position", 99), 17, "Name a position from 1 to"),
        (("state", "ada", "--time", "1999-01-01T00:00:00Z"), 17, "Nothing had been recorded at"),
        (("state", "ada", "--time", "1999-01-01T00:00:00"), 2, "needs a time zone"),
        (("state", "ada", "--time", "yesterday"), 2, "'yesterday' is no time."),
        (
            ("state", "ada", "--time", "1767225600"),
            2,
            "'1767225600' is no time. Write 2026-03-01T18:30:00Z.",
        ),
        (("state", "ada", "--time", "0001-01-01T00:00:00+09:00"), 2, "outside the years"),
        (("state", "ada", "--position", 1, "--time", "2026-01-01T00:00:00Z"), 2, "not both"),
        (("state", "ada", "--aggregate", "licence"), 2, "There are no aggregates 'licence'."),
        (("changes", "ada", "--from-position", 2, "--to-position", 1), 17, "earlier moment first"),
        (("state", "ada", "--position", -1), 2, "greater than or equal to 0"),
        (("timeline", "ada", "--limit", 0), 2, "greater than or equal to 1"),
        (("timeline", "two words"), 2, "no customer's id"),
        (("timeline", "../ada"), 2, "no customer's id"),
    ],
)
def test_what_cannot_be_answered_ends_with_a_sentence_and_a_code(
    store: Path, arguments: tuple[object, ...], exit_code: int, message: str
) -> None:
    ran = debug(*arguments, "--store", store)
    assert (ran.exit_code, ran.out) == (exit_code, "")
    assert message in " ".join(ran.err.replace("│", "").split())
    assert "Traceback" not in ran.err


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    ran = debug("timeline", "ada", "--store", tmp_path / "none.sqlite3")
    assert (ran.exit_code, ran.out) == (2, "")
    assert "There is no file" in ran.err
    assert list(tmp_path.iterdir()) == []


def test_settings_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("colour = 1")
    ran = debug("timeline", "ada", "--config", config)
    assert (ran.exit_code, ran.out) == (2, "")
    assert "there is no such setting" in ran.err


def test_a_file_that_is_no_store_is_told_as_such(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("no store")
    ran = debug("timeline", "ada", "--store", file)
    assert ran.exit_code == 10
    assert file.read_text() == "no store"


def test_an_answer_in_json_is_one_line(store: Path) -> None:
    for command in ("timeline", "state", "changes"):
        assert msgspec.json.decode(debug(command, "ada", "--store", store, "--json").out)
