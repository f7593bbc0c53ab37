"""Two releases of a program at once on one file: the old one reads what it can, nothing is lost."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest

ROOT = Path(__file__).parents[4]
STREAM = "customer/ada"
JOINED = {"name": "Ada Lovelace", "tier": "basic"}


class Worker:
    """A process of one release."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, *words: Any) -> list[Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(words).decode() + "\n")
        self._process.stdin.flush()
        answer: list[Any] = msgspec.json.decode(self._process.stdout.readline())
        return answer

    def record(self, name: str, fields: dict[str, Any], command_id: str) -> list[Any]:
        return self.ask("record", STREAM, name, fields, command_id)

    def load(self) -> list[Any]:
        return self.ask("load", STREAM)


@contextlib.contextmanager
def running(release: str, path: Path) -> Iterator[Worker]:
    command = ["-m", "tests.integration.helenus.evolution.worker", release, str(path)]
    with subprocess.Popen(
        [sys.executable, "-W", "error", *command],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield Worker(process)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "members.sqlite3"


def test_the_old_release_goes_on_until_it_meets_a_newer_version(path: Path) -> None:
    with running("second", path) as old, running("third", path) as new:
        assert old.record("Joined", JOINED, "1") == ["ok"]
        assert new.load()[1:] == [1, new.load()[2] | {"last_name": "Lovelace", "country": "GB"}]
        # What the new one records in a version that both know, the old one reads, and goes on.
        assert new.record("Nicknamed", {"nickname": "Enchantress"}, "2") == ["ok"]
        assert old.load()[2]["nicknames"] == ["Enchantress"]
        # A field more needs no new version: the old one leaves it out.
        moved = {"street": "12 St James's Square", "city": "London", "postcode": "SW1"}
        assert new.record("Moved", moved, "3") == ["ok"]
        assert old.load()[2]["city"] == "London"
        assert old.record("Paid", {"euros": 9.95}, "4") == ["ok"]

        assert new.record("Paid", {"cents": 5}, "5") == ["ok"]
        for answer in (old.load(), old.record("Paid", {"euros": 1.0}, "6")):
            kind, error, message, outcome = answer
            assert (kind, error, outcome) == ("error", "UnknownEvent", "did not happen")
            assert "'customer/ada', position 5: event 'evolving-paid'" in message
            assert "version 2 by newer code; this program knows version 1" in message
            assert "or send the command to one that is" in message

        # Elsewhere, under the same id, it takes effect; other streams are not affected.
        assert new.record("Paid", {"cents": 100}, "6") == ["ok"]
        assert new.record("Paid", {"cents": 100}, "6") == ["ok"]
        assert old.ask("record", "customer/other", "Joined", JOINED, "1") == ["ok"]
        _, position, state = new.load()
        assert (position, state["cents"], state["city"]) == (6, 995 + 5 + 100, "London")


def test_the_old_release_names_an_event_that_it_has_never_heard_of(path: Path) -> None:
    with running("second", path) as old, running("third", path) as new:
        assert old.record("Joined", JOINED, "1") == ["ok"]
        assert new.record("Noted", {"text": "hello"}, "2") == ["ok"]
        for answer in (old.load(), old.record("Nicknamed", {"nickname": "x"}, "3")):
            assert answer[:2] == ["error", "UnknownEvent"]
            assert "position 2: no registered aggregate applies event 'evolving-noted'" in answer[2]
        assert new.load()[1] == 2


def test_nothing_is_lost_while_both_write_at_once(path: Path) -> None:
    commands = [f"c{number}" for number in range(30)]

    def old_ones(old: Worker) -> dict[str, list[Any]]:
        return {one: old.record("Nicknamed", {"nickname": one}, one) for one in commands}

    def new_ones(new: Worker) -> list[list[Any]]:
        shared = [new.record("Nicknamed", {"nickname": f"n{n}"}, f"n{n}") for n in range(15)]
        return shared + [new.record("Paid", {"cents": 1}, f"p{n}") for n in range(15)]

    with (
        running("second", path) as old,
        running("third", path) as new,
        ThreadPoolExecutor(2) as threads,
    ):
        first, second = threads.submit(old_ones, old), threads.submit(new_ones, new)
        answers = first.result()
        assert second.result() == [["ok"]] * 30
        refused = [one for one, answer in answers.items() if answer != ["ok"]]
        for one in refused:
            assert answers[one][1::2] == ["UnknownEvent", "did not happen"]
        assert old.load()[1] == "UnknownEvent"
        assert new.load()[1] == 30 + len(commands) - len(refused)
        # All are sent again to the new one: what had taken effect does not do so twice.
        for one in commands:
            assert new.record("Nicknamed", {"nickname": one}, one) == ["ok"]
        _, position, state = new.load()
        assert (position, state["cents"]) == (60, 15)
