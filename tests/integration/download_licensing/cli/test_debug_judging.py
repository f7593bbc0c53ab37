"""`debug refusals`, `why`, `what-if` and `what-if-all`: what they show, and how they fail."""

import asyncio
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from download_licensing.debugging.whatif import WhatIf
from download_licensing.domain.title_withdrawal import TitleWithdrawal
from helenus import AggregateRepository
from helenus.stores.sqlite import SqliteStore
from tests.integration.download_licensing.cli.debug_runs import debug, store_with_a_customer

STRICT = """
version: strict
default:
  device-limit: {devices_max: 0}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store_with_a_customer(tmp_path_factory.mktemp("debug") / "store.sqlite3")


@pytest.fixture
def strict(tmp_path: Path) -> Path:
    file = tmp_path / "strict.yaml"
    file.write_text(STRICT)
    return file


def test_refusals_that_were_noted_are_listed(store: Path) -> None:
    ran = debug("refusals", "bob-1", "--store", store)
    assert "glass-harbour on phone" in ran.out
    assert "device-limit" in ran.out
    told = debug("refusals", "bob-1", "--store", store, "--json").json()
    assert [one["reasons"] for one in told["refusals"]] == [["device-limit"]]
    assert "No refusal of ada was noted." in debug("refusals", "ada", "--store", store).out


def test_the_last_refusal_is_explained(store: Path) -> None:
    ran = debug("why", "bob-1", "--store", store)
    assert ran.exit_code == 0
    assert "bob-1: download of glass-harbour on phone: refused" in ran.out
    assert "✗ device-limit  1 of 1 used" in ran.out
    assert "Device tv holds glass-harbour" in ran.out
    assert "✓ title-downloads-per-year  1 of 3 used" in ran.out


def test_a_title_that_was_withdrawn_is_shown(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "store.sqlite3"
    shutil.copy(store, copy)
    asyncio.run(withdrawn(copy))
    asked = ("--device", "tv", "--title", "glass-harbour", "--at", "2026-01-04T00:00:00Z")
    ran = debug("why", "bob-1", "--store", copy, *asked)
    assert "download of glass-harbour on tv: refused" in ran.out
    assert "✗ title-withdrawn  (titles/withdrawn)" in ran.out
    assert "1  glass-harbour: withdrawn 2026-01-03 00:00:00" in ran.out
    assert "A claim." in ran.out


async def withdrawn(path: Path) -> None:
    at = datetime(2026, 1, 3, tzinfo=UTC)
    async with (
        SqliteStore(path) as store,
        AggregateRepository(store, [TitleWithdrawal]) as repository,
    ):
        await repository.transact(
            "titles/withdrawn",
            lambda unit: unit.get(TitleWithdrawal, "glass-harbour").withdraw("A claim.", at),
        )


def test_any_question_is_explained(store: Path) -> None:
    asked = ("--device", "tv", "--title", "glass-harbour", "--at", "2026-01-04T00:00:00Z")
    found = debug("why", "bob-1", "--store", store, *asked, "--json").json()
    assert (found["allowed"], found["at"]) == (True, "2026-01-04T00:00:00Z")
    assert "allowed" in debug("why", "bob-1", "--store", store, *asked).out


def test_a_question_may_be_put_to_a_policy_in_a_file(store: Path, strict: Path) -> None:
    asked = ("--device", "tv", "--title", "glass-harbour", "--policy", strict)
    found = debug("why", "bob-1", "--store", store, *asked, "--json").json()
    assert (found["allowed"], found["policy_version"]) == (False, "strict")
    (told,) = [rule for rule in found["rules"] if not rule["met"]]
    assert (told["rule"], told["layer"]) == ("device-limit", "default")


def test_a_customer_is_judged_by_another_policy(store: Path, strict: Path) -> None:
    found = debug("what-if", "bob-1", "--store", store, "--policy", strict, "--json").json()
    assert found["policy_version"] == "strict"
    tally = found["tally"]
    assert (tally["granted"], tally["refused"]) == (1, 1)
    assert tally["would_be_refused"] == {"device-limit": 1}
    assert tally["would_be_granted"] == {}
    ran = debug("what-if", "bob-1", "--store", store, "--policy", strict)
    assert "1  grants would have been refused: device-limit" in ran.out
    assert "granted, would be refused (device-limit)" in ran.out


def test_by_the_policy_of_the_day_nothing_comes_out_differently(store: Path) -> None:
    for customer in ("ada", "bob-1"):
        ran = debug("what-if", customer, "--store", store)
        assert "0  would have come out the other way" in ran.out


def test_everyone_is_judged_and_counted(store: Path, strict: Path) -> None:
    ran = debug("what-if-all", "--store", store, "--policy", strict, "--json", "--limit", 2)
    found = ran.json()
    each = [
        debug("what-if", customer, "--store", store, "--policy", strict, "--json").json()["tally"]
        for customer in ("ada", "bob-0", "bob-1", "bob-2")
    ]
    tally = found["tally"]
    assert (found["complete"], found["cursor"], tally["customers"]) == (True, None, 4)
    for name in ("decisions", "granted", "refused"):
        assert tally[name] == sum(one[name] for one in each)
    assert tally["would_be_refused"] == {"device-limit": tally["granted"]}
    assert len(tally["told"]) == 2
    assert "decisions/s" in debug("what-if-all", "--store", store).out


def test_an_interrupted_count_tells_what_it_has_and_where_to_go_on(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = debug("what-if-all", "--store", store, "--json").json()["tally"]

    class Interrupted(WhatIf):
        """Ends as Ctrl-C ends it: its task is cancelled in the middle of the second page."""

        async def population(self, directory: Any, **options: Any) -> Any:
            task = asyncio.current_task()
            assert task is not None

            def cancel(tally: Any) -> None:
                if tally.customers == 3:
                    task.cancel()

            return await super().population(directory, **options | {"progress": cancel})

    monkeypatch.setattr("download_licensing.debugging.whatif.CUSTOMERS_PAGE", 2)
    monkeypatch.setattr("download_licensing.debugging.whatif.CUSTOMERS_AT_ONCE", 1)
    monkeypatch.setattr("download_licensing.debugging.debugger.WhatIf", Interrupted)
    ran = debug("what-if-all", "--store", store, "--json")
    assert ran.exit_code == 130
    first = msgspec.json.decode(ran.out)
    assert not first["complete"]
    assert first["tally"]["customers"] == 2
    monkeypatch.setattr("download_licensing.debugging.debugger.WhatIf", WhatIf)
    rest = debug("what-if-all", "--store", store, "--json", "--after", first["cursor"]).json()
    for name in ("customers", "decisions", "granted", "refused"):
        assert first["tally"][name] + rest["tally"][name] == whole[name]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "message"),
    [
        (("why", "ada"), 17, "No refusal of this customer was noted."),
        (("why", "bob-1", "--latest", 2), 17, "Only 1 refusal(s)"),
        (("why", "nobody", "--device", "tv", "--title", "glass-harbour"), 15, "has no account"),
        (("why", "ada", "--device", "tv"), 2, "about a device and a title, or about a licence"),
        (("why", "ada", "--device", "tv", "--title", "nowhere"), 17, "not in the catalogue"),
        (("why", "ada", "--license", "lic-1"), 17, "has no licence 'lic-1'"),
        (("why", "bob-1", "--policy", "none"), 18, "There is no policy 'none'. Use one of:"),
        (("why", "bob-1", "--policy", "none.yaml"), 2, "none.yaml"),
        (("why", "bob-1", "--at", "noon"), 2, "'noon' is no time."),
        (("why", "bob-1", "--catalogue", "none.yaml"), 2, "none.yaml"),
        (("what-if", "nobody"), 15, "has no account"),
        (("what-if", "ada", "--policy", "none"), 18, "There is no policy 'none'."),
        (("what-if", "ada", "--since", "noon"), 2, "'noon' is no time."),
        (("what-if-all", "--policy", "none"), 18, "There is no policy 'none'."),
        (("refusals", "nobody"), 15, "has no account"),
    ],
)
def test_what_cannot_be_answered_ends_with_a_sentence_and_a_code(
    store: Path, arguments: tuple[object, ...], exit_code: int, message: str
) -> None:
    ran = debug(*arguments, "--store", store)
    assert (ran.exit_code, ran.out) == (exit_code, ""), ran
    assert message in " ".join(ran.err.split())
    assert "Traceback" not in ran.err


def test_a_policy_file_that_is_none_is_told_with_its_line(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("version: bad\ndefault:\n  device-limit: {devices_max: -1}\n")
    ran = debug("what-if", "ada", "--store", store, "--policy", file)
    assert (ran.exit_code, ran.out) == (2, "")
    assert "bad.yaml:3" in ran.err.replace("\n", "")


def test_looking_writes_nothing(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.sqlite3"
    shutil.copy(store, copy)
    before = copy.read_bytes()
    for arguments in (("why", "bob-1"), ("what-if", "ada"), ("what-if-all",), ("timeline", "ada")):
        assert debug(*arguments, "--store", copy).exit_code == 0
    assert copy.read_bytes() == before
