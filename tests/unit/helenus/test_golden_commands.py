"""`helenus golden` records, checks, captures and accepts, and says what does not hold."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from helenus.repository import AggregateRepository
from helenus.stores.sqlite import SqliteStore
from tests.unit.helenus.bank import AGGREGATES, STREAM, deposit
from tests.unit.helenus.cli_runs import answer, helenus

BANK = ("--aggregates", "tests.unit.helenus.bank:AGGREGATES")
SAMPLES = ("--samples", "tests.unit.helenus.testing.test_golden:SAMPLES")
ONLY_ACCOUNT = ("--aggregates", "tests.unit.helenus.bank:Account")


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    assert answer("golden", "record", *BANK, *SAMPLES, tmp_path) == {
        "written": [f"{tmp_path}/account.1.json"]
    }
    return tmp_path


def test_what_was_recorded_holds_and_is_not_recorded_again(recorded: Path) -> None:
    again = helenus("golden", "record", *BANK, *SAMPLES, recorded)
    assert (again.exit_code, again.stdout) == (0, "Nothing is written: all is as it was.\n")
    checked = helenus("golden", "check", *BANK, recorded)
    assert (checked.exit_code, checked.stdout) == (0, "1 histories with 5 events hold.\n")
    assert answer("golden", "check", *BANK, recorded) == {
        "histories": 1,
        "events": 5,
        "problems": [],
    }
    assert answer("golden", "accept", *BANK, recorded) == {"changed": []}


def test_what_does_not_hold_is_told_and_fails_the_build(recorded: Path) -> None:
    path = recorded / "account.1.json"
    path.write_text(path.read_text().replace('"balance": 10', '"balance": 11', 1))
    problem = "account.1.json: after position 2, test-account/a.balance is 10, where it was 11"
    checked = helenus("golden", "check", *BANK, recorded)
    assert checked.exit_code == 14
    assert checked.stdout == f"{problem}\n"
    told = helenus("golden", "check", *BANK, recorded, "--json")
    assert (told.exit_code, json.loads(told.stdout)) == (14, {"problems": [problem]})
    assert answer("golden", "accept", *BANK, recorded) == {"changed": [str(path)]}
    assert helenus("golden", "check", *BANK, recorded).exit_code == 0


def test_an_event_that_nobody_applies_any_more_is_told(recorded: Path) -> None:
    checked = helenus("golden", "check", *ONLY_ACCOUNT, recorded)
    assert checked.exit_code == 14
    assert "position 4: no registered aggregate applies" in checked.stdout


async def _fill(path: Path) -> None:
    async with SqliteStore(path) as store, AggregateRepository(store, AGGREGATES) as repository:
        await repository.transact(STREAM, deposit(5))


def test_streams_are_captured_from_a_store(tmp_path: Path) -> None:
    asyncio.run(_fill(tmp_path / "bank.sqlite3"))
    golden = tmp_path / "golden"
    arguments = ("golden", "capture", tmp_path / "bank.sqlite3", golden, *BANK, "--stream", STREAM)
    (written,) = answer(*arguments)["written"]
    assert answer(*arguments) == {"written": []}
    assert Path(written).parent == golden
    assert helenus("golden", "check", *BANK, golden, "--incomplete").exit_code == 0
    assert helenus("golden", "check", *BANK, golden).exit_code == 14


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "."), "Name them: --aggregates"),
        (("check", "--aggregates", "bank", "."), "not of the form MODULE:NAME"),
        (("record", *BANK, "--samples", "tests.unit.helenus.bank:STREAM", "."), "does not map"),
        (("record", *BANK, "--samples", "tests.unit.helenus.bank:X", "."), "cannot be loaded"),
        (("capture", "nowhere.db", ".", *BANK, "--stream", "a"), "no file nowhere.db"),
    ],
)
def test_wrong_usage_is_explained(arguments: tuple[str, ...], message: str) -> None:
    result = helenus("golden", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
