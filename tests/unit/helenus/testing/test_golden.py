"""Golden histories: written once, never changed, and every change of meaning is named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from helenus import Aggregate, AggregateRepository, CorruptData, Event, InvalidArgument, applies
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from helenus.testing import at
from helenus.testing.golden import GoldenMismatch, accept, capture, check, command, record
from helenus.testing.golden.files import read
from tests.unit.helenus.bank import (
    AGGREGATES,
    STREAM,
    Account,
    Closed,
    Deposited,
    Opened,
    Stored,
    Vault,
    Withdrawn,
    deposit,
)

A = "test-account/a"
SAMPLES = {
    "account": [
        at(Account, "a", Opened(owner="Ada")),
        at(Account, "a", Deposited(amount=10)),
        at(Account, "a", Withdrawn(amount=4)),
        at(Vault, "v", Stored(items=["b", "a"])),
        at(Account, "a", Closed()),
    ]
}


class LoudAccount(Account, name="test-account-loud"):
    """What another release may have made of the account; it stands in for it in `renamed`."""

    @applies
    def deposited(self, event: Deposited) -> None:
        self.balance += 2 * event.amount


def renamed(aggregate: type[Aggregate], name: str = "test-account") -> list[type[Aggregate]]:
    """Today's aggregates, with this one in the place of `Account`."""
    make: Any = type(aggregate)
    stand_in: Any = make(aggregate.__name__, (aggregate,), {})
    stand_in.aggregate_name = name
    for attribute in ("fingerprint", "containers", "may_finish", "decoder"):
        setattr(stand_in, attribute, getattr(aggregate, attribute))
    return [stand_in, Vault]


class Noted(Event, name="test-golden-noted"):
    pass


class Notes(Aggregate, name="test-golden-notes"):
    @applies
    def noted(self, event: Noted) -> None:
        pass


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    record(tmp_path / "golden", AGGREGATES, SAMPLES)
    return tmp_path / "golden"


def problems(directory: Path, aggregates: Any = AGGREGATES) -> list[str]:
    with pytest.raises(GoldenMismatch) as caught:
        check(directory, aggregates)
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems


def test_what_was_recorded_holds(golden: Path) -> None:
    checked = check(golden, AGGREGATES)
    assert (checked.histories, checked.events) == (1, 5)
    assert checked.kinds == {event.tag for kind in AGGREGATES for event in kind.handlers}


def test_the_file_holds_the_state_after_each_commit(golden: Path) -> None:
    history = read(golden / "account.1.json")
    states = [commit.states for commit in history.commits]
    assert [list(state) for state in states] == [[A], [A], [A], ["test-vault/v"], [A]]
    assert states[1][A] == {"owner": "Ada", "balance": 10, "is_open": True, "is_closed": False}
    assert states[3]["test-vault/v"] == {"items": ["b", "a"], "counts": {"a": 1, "b": 1}}
    assert states[4][A] is None  # finished


def test_recording_the_same_again_writes_nothing(golden: Path) -> None:
    before = (golden / "account.1.json").read_bytes()
    assert record(golden, AGGREGATES, SAMPLES) == []
    assert [path.name for path in golden.iterdir()] == ["account.1.json"]
    assert (golden / "account.1.json").read_bytes() == before


def test_what_is_recorded_otherwise_becomes_the_next_generation(golden: Path) -> None:
    more = {"account": [*SAMPLES["account"], at(Account, "b", Opened())]}
    assert record(golden, AGGREGATES, more) == [golden / "account.2.json"]
    assert record(golden, AGGREGATES, more) == []
    assert record(golden, AGGREGATES, SAMPLES) == [golden / "account.3.json"]
    assert check(golden, AGGREGATES).histories == 3


def test_a_changed_meaning_is_named_with_its_place(golden: Path) -> None:
    assert problems(golden, renamed(LoudAccount)) == [
        f"account.1.json: after position 2, {A}.balance is 20, where it was 10",
        f"account.1.json: after position 3, {A}.balance is 16, where it was 6",
    ]


def test_an_aggregate_that_is_no_longer_finished_is_a_change(golden: Path) -> None:
    class Lasting(Account, name="test-account-lasting"):
        def finished(self) -> bool:
            return False

    [problem] = problems(golden, renamed(Lasting))
    assert "after position 5" in problem
    assert "where it was finished" in problem


def test_a_field_that_is_gone_is_a_change_and_a_new_one_is_none(golden: Path) -> None:
    class Widened(Account, name="test-account-widened"):
        currency: str = "EUR"

    check(golden, renamed(Widened))

    history = msgspec.json.decode((golden / "account.1.json").read_bytes())
    history["commits"][0]["states"][A]["nickname"] = "x"
    (golden / "account.1.json").write_bytes(msgspec.json.encode(history))
    assert problems(golden) == [
        f"account.1.json: after position 1, {A}.nickname is gone; it was 'x'"
    ]


def test_an_event_that_cannot_be_read_any_more_is_named(golden: Path) -> None:
    class Poor(Aggregate, name="test-account-poor"):
        @applies
        def opened(self, event: Opened) -> None:
            pass

    found = problems(golden, renamed(Poor))
    assert found[-1].startswith(
        "account.1.json: Stream 'golden/account', position 2: no registered aggregate applies"
        " event 'test-deposited'."
    )


def test_an_event_that_cannot_be_applied_any_more_is_named(golden: Path) -> None:
    class Picky(Account, name="test-account-picky"):
        @applies
        def withdrawn(self, event: Withdrawn) -> None:
            raise ValueError("never")

    found = problems(golden, renamed(Picky))
    assert "position 3: applying 'test-withdrawn' to test-account 'a' failed" in found[-1]


def test_an_event_in_no_history_is_named(golden: Path) -> None:
    assert problems(golden, [*AGGREGATES, Notes]) == [
        "No golden history holds event 'test-golden-noted': record one."
    ]
    check(golden, [*AGGREGATES, Notes], complete=False)


def test_nothing_to_check_is_a_failure(tmp_path: Path) -> None:
    assert "holds no golden history" in problems(tmp_path)[0]
    assert "holds no golden history" in problems(tmp_path / "nowhere")[0]


def test_damage_is_named(golden: Path) -> None:
    path = golden / "account.1.json"
    good = msgspec.json.decode(path.read_bytes())

    def damaged(**changes: Any) -> str:
        commits = [good["commits"][0] | changes, *good["commits"][1:]]
        path.write_bytes(msgspec.json.encode(good | {"commits": commits}))
        return "\n".join(problems(golden))

    assert "checksum is wrong" in damaged(body="AAAA")
    assert "position 0 is followed by 2" in damaged(first=2)
    path.write_bytes(b"{")
    assert "account.1.json is not a golden history" in problems(golden)[0]
    path.write_bytes(msgspec.json.encode(good | {"format": 2}))
    assert "Upgrade helenus" in problems(golden)[0]
    path.write_bytes(msgspec.json.encode(good | {"commits": []}))
    assert "It holds no commit." in problems(golden)[0]


def test_accepting_takes_over_states_and_leaves_the_bytes(golden: Path) -> None:
    before = read(golden / "account.1.json")
    loud = renamed(LoudAccount)
    assert accept(golden, loud) == [golden / "account.1.json"]
    assert accept(golden, loud) == []
    check(golden, loud)
    after = read(golden / "account.1.json")
    assert [(c.body, c.meta, c.commit_id) for c in after.commits] == [
        (c.body, c.meta, c.commit_id) for c in before.commits
    ]
    assert after != before
    assert [path.name for path in golden.iterdir()] == ["account.1.json"]


async def test_a_stream_of_a_store_is_captured_as_it_is(tmp_path: Path) -> None:
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        await repository.transact(STREAM, deposit(5), command_id="c")
        await repository.transact(STREAM, deposit(6))
        [path] = await capture(tmp_path, AGGREGATES, store, [STREAM])
        assert path == tmp_path / "customer-1.1.json"
        assert await capture(tmp_path, AGGREGATES, store, [STREAM]) == []
        stored = [commit async for page in store.read(STREAM) for commit in page.commits]
        assert [commit.stored() for commit in read(path).commits] == stored
        with pytest.raises(InvalidArgument, match="no events"):
            await capture(tmp_path, AGGREGATES, store, ["customer/2"])
    check(tmp_path, AGGREGATES, complete=False)


@pytest.mark.parametrize("name", ["", "a/b", "..", "a.b", "a" * 101, "ä"])
def test_a_name_that_is_no_file_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="needs a name"):
        record(tmp_path, AGGREGATES, {name: SAMPLES["account"]})
    assert list(tmp_path.iterdir()) == []


def test_an_empty_sample_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match="no events"):
        record(tmp_path, AGGREGATES, {"a": []})


def test_a_history_that_is_not_ours_is_refused_on_accepting(golden: Path) -> None:
    (golden / "account.1.json").write_bytes(b"[]")
    with pytest.raises(CorruptData, match="not a golden history"):
        accept(golden, AGGREGATES)


BANK = ["--aggregates", "tests.unit.helenus.bank:AGGREGATES"]
HERE = "tests.unit.helenus.testing.test_golden"


def test_the_command_records_checks_and_accepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = ["--samples", f"{HERE}:SAMPLES"]
    assert command.main(["record", *BANK, *samples, str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/account.1.json written\n"
    assert command.main(["record", *BANK, *samples, str(tmp_path)]) == 0
    assert command.main(["check", *BANK, str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Nothing is written: all is as it was.",
        "1 histories with 5 events hold.",
    ]
    assert command.main(["accept", *BANK, str(tmp_path)]) == 0
    only_account = ["--aggregates", "tests.unit.helenus.bank:Account"]
    assert command.main(["check", *only_account, str(tmp_path)]) == 1
    assert "position 4: no registered aggregate applies" in capsys.readouterr().err


async def _fill(path: Path) -> None:
    async with SqliteStore(path) as store, AggregateRepository(store, AGGREGATES) as repository:
        await repository.transact(STREAM, deposit(5))


async def test_the_command_captures_from_a_file(tmp_path: Path) -> None:
    await _fill(tmp_path / "bank.sqlite3")
    arguments = ["capture", *BANK, "--store", str(tmp_path / "bank.sqlite3"), "--stream", STREAM]
    for printed in ("customer-1.1.json written", "Nothing is written"):
        ran = subprocess.run(  # noqa: ASYNC221  # nothing else happens meanwhile
            [sys.executable, "-m", "helenus.testing.golden", *arguments, str(tmp_path / "golden")],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            cwd=Path(__file__).parents[4],
        )
        assert printed in ran.stdout
    check(tmp_path / "golden", AGGREGATES, complete=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "--aggregates", "bank", "."], "must be MODULE:NAME"),
        (["check", "--aggregates", "nowhere_at_all:X", "."], "no module nowhere_at_all"),
        (["check", "--aggregates", "tests.unit.helenus.bank:X", "."], "has no X"),
        (["check", "--aggregates", "tests.unit.helenus.bank:Opened", "."], "no aggregate type"),
        (["check", "--aggregates", "tests.unit.helenus.bank:deposit", "."], "nor a list"),
        (["record", *BANK, "--samples", "tests.unit.helenus.bank:STREAM", "."], "must map"),
        (["capture", *BANK, "--store", "nowhere.db", "--stream", "a", "."], "There is no store"),
        (
            ["capture", *BANK, "--store", "postgres://y", "--stream", "a", "."],
            "no store for postgres:",
        ),
    ],
)
def test_wrong_usage_is_explained(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(arguments) == 2
    assert message in capsys.readouterr().err
