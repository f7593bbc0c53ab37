"""The commands of `policy`, on files and on a store of customers."""

from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
from typer.testing import CliRunner, Result

from download_licensing.cli import app
from download_licensing.cli.policy import DIFFERENT, EXIT_CODES, REFUSED, UNUSABLE
from download_licensing.policies.shipped import shipped_policy
from tests.integration.download_licensing.cli.debug_runs import store_with_a_customer
from tests.integration.download_licensing.member import DAY, START

STRICT = (
    shipped_policy()
    .text.replace("version: shipped-1", "version: strict")
    .replace("title-downloads-per-year: {downloads_max: 3}", "title-downloads-per-year: off", 1)
    .replace("device-limit: {devices_max: 2}", "device-limit: {devices_max: 0}")
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    path = tmp_path / "strict.yaml"
    path.write_text(STRICT)
    return path


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["policy", *[str(argument) for argument in arguments]])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code in EXIT_CODES
    assert "Traceback" not in result.output
    return result


def answer(*arguments: object, code: int = 0) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    return msgspec.json.decode(result.stdout)


def test_the_policy_shipped_is_sound() -> None:
    assert "version shipped-1" in run("check").stdout
    assert answer("check")["sound"] is True


def test_an_unsound_policy_is_told_with_lines_and_columns(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("version: a\ndefault:\n  device-limit: {devices_max: -1}\nplan: {}\n")

    told = run("check", file)

    assert told.exit_code == UNUSABLE
    assert f"{file}:3:31: default.device-limit.devices_max: Expected `int` >= 0" in told.stderr
    assert f"{file}:4:1: plan: a policy has no such part. Did you mean plans?" in told.stderr
    report = answer("check", file, code=UNUSABLE)
    assert (report["sound"], len(report["problems"])) == (False, 2)
    assert (report["problems"][0]["line"], report["problems"][0]["column"]) == (3, 31)


def test_what_never_holds_by_a_policy_is_told(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text("version: a\ndefault: {operator-block: on}\n")

    assert "operator-block" not in answer("check", file)["unset"]
    assert "device-limit" in answer("check", file)["unset"]
    assert "Never in force by it" in run("check", file).stdout


def test_the_schema_is_written() -> None:
    jsonschema.Draft202012Validator.check_schema(msgspec.json.decode(run("schema").stdout))


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"a: &a [*a]", b"", b"#" * 10_000_000, b"!!python/name:os.system x"]
)
def test_no_file_leads_to_a_traceback(tmp_path: Path, store: Path, content: bytes) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes(content)

    for arguments in (
        ("check", file),
        ("diff", file, "shipped"),
        ("explain", file, "--plan", "basic"),
        ("publish", file, "--store", store),
    ):
        assert run(*arguments).exit_code == UNUSABLE
    assert not store.exists()


def test_what_holds_is_explained_with_its_layer_and_line() -> None:
    explained = answer("explain", "shipped", "--plan", "standard", "--title", "the-salt-road")

    rules = {one["rule"]: one for one in explained["rules"]}
    assert rules["device-limit"]["parameters"] == {"devices_max": 2}
    assert rules["device-limit"]["layer"] == "plans.standard"
    line = shipped_policy().text.splitlines()[rules["title-downloads-per-year"]["line"] - 1]
    assert line == "    title-downloads-per-year: {downloads_max: 2}"
    table = run("explain", "shipped", "--plan", "standard", "--title", "the-salt-road").stdout
    assert "titles.the-salt-road" in table


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--plan", "standrd"), "There is no plan 'standrd'. Did you mean standard?"),
        (("--plan", "basic", "--title", "the-salt-rod"), "Did you mean the-salt-road?"),
        (("--plan", "basic", "--country", "UK"), "There is no country 'UK'."),
        (("--plan", "basic", "--at", "soon"), "soon"),
    ],
)
def test_what_cannot_be_explained_is_named(arguments: tuple[str, ...], hint: str) -> None:
    result = run("explain", "shipped", *arguments)

    assert result.exit_code == UNUSABLE
    assert hint in result.stderr


def test_a_policy_is_published_listed_shown_and_withdrawn(store: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.yaml", tmp_path / "second.yaml"
    first.write_text("version: one # the first\n")
    second.write_text("version: two\neffective_from: 2999-01-01T00:00:00Z\n")
    on = ("--store", store)

    dry = run("publish", first, "--dry-run", *on)
    assert (dry.exit_code, "Nothing was published" in dry.stdout) == (0, True)
    assert answer("history", *on) == []
    assert run("publish", first, *on).exit_code == 0
    assert "was published before" in run("publish", first, *on).stdout
    published = answer("publish", second, *on)
    assert (published["after"], published["publication"]["created"]) == ("one", True)

    listed = answer("history", *on)
    assert [(known["version"], known["in_force"]) for known in listed] == [
        ("one", True),
        ("two", False),
    ]
    assert listed[0]["effective_until"] == "2999-01-01T00:00:00Z"
    assert run("show", *on).stdout == "version: one # the first\n"
    assert run("show", "two", *on).stdout == second.read_text()
    assert "in force" in run("history", *on).stdout

    assert run("withdraw", "two", *on).exit_code == 0
    assert answer("history", *on)[1]["withdrawn_at"] is not None
    assert answer("history", *on)[0]["effective_until"] is None


def test_what_cannot_be_published_is_refused_with_its_own_exit_code(
    store: Path, tmp_path: Path
) -> None:
    file, on = tmp_path / "p.yaml", ("--store", store)
    file.write_text("version: one\neffective_from: 2999-01-01T00:00:00Z\n")
    assert run("publish", file, *on).exit_code == REFUSED
    file.write_text("version: one\n")
    assert run("publish", file, *on).exit_code == 0
    file.write_text("version: one # changed\n")
    assert "Give the document a version of its own" in run("publish", file, *on).stderr
    file.write_text("version: two\n")

    overtaken = run("publish", file, "--expect", "zero", *on)

    assert (overtaken.exit_code, "is one, not zero" in overtaken.stderr) == (REFUSED, True)
    assert run("withdraw", "one", *on).exit_code == REFUSED
    assert run("withdraw", "three", *on).exit_code == REFUSED
    assert len(answer("history", *on)) == 1


def test_a_store_or_version_that_is_not_there_is_named(store: Path, tmp_path: Path) -> None:
    missing = run("history", "--store", store)
    assert (missing.exit_code, "There is no file" in missing.stderr) == (UNUSABLE, True)
    (tmp_path / "p.yaml").write_text("version: one\n")
    run("publish", tmp_path / "p.yaml", "--store", store)

    assert "Did you mean one?" in run("show", "onee", "--store", store).stderr
    assert run("diff", "one", "none.yaml", "--store", store).exit_code == UNUSABLE


def test_the_same_policy_does_not_differ(strict: Path) -> None:
    assert run("diff", "shipped", "shipped").exit_code == 0
    assert answer("diff", strict, strict)["document"]["changes"] == []


def test_what_changed_is_said_in_words_and_numbers(strict: Path) -> None:
    told = run("diff", "shipped", strict)

    assert told.exit_code == DIFFERENT
    assert "plans.standard: device-limit changes: devices_max 2 → 0. (line" in told.stdout
    assert "agreements.tidewater: title-downloads-per-year is switched off" in told.stdout
    assert "Something else holds in" in told.stdout
    reach = answer("diff", "shipped", strict, code=DIFFERENT)["document"]["reach"]
    assert 0 < reach["differ"] < reach["combinations"]


def test_decisions_that_come_out_differently_are_counted_and_told(
    store: Path, strict: Path
) -> None:
    store_with_a_customer(store)
    arguments = ("diff", "shipped", strict, "--days", "3650", "--store", store)

    found = answer(*arguments, code=DIFFERENT)["decisions"]

    assert found["customers"] == 4
    assert found["decisions"] > 6
    # ada's plan, standard, allows no device any more; the plan of the others is as it was.
    assert list(found["refused_instead"]) == ["device-limit"]
    assert found["granted_instead"] == {}
    assert {one["customer_id"] for one in found["told"]} == {"ada"}
    assert found["refused_instead"]["device-limit"] == len(found["told"])
    assert all(one["before"] == [] and one["after"] for one in found["told"])
    back = answer("diff", strict, "shipped", *arguments[3:], code=DIFFERENT)["decisions"]
    assert back["granted_instead"] == found["refused_instead"]
    words = run(*arguments).stdout
    assert "granted before, refused after" in words
    assert "ada at " in words


def test_decisions_before_the_last_days_are_not_judged(
    store: Path, strict: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_with_a_customer(store)
    monkeypatch.setattr("download_licensing.cli.policy._now", lambda: START + 300 * DAY)

    judged = [
        answer("diff", "shipped", strict, "--days", days, "--store", store, code=DIFFERENT)
        for days in (1, 299, 301)
    ]

    counts = [found["decisions"]["decisions"] for found in judged]
    assert counts[0] == 0
    assert 0 < counts[1] < counts[2]
