"""`helenus streams`, `export` and `import` on files, and what they say to a mistake."""

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from helenus.cli.stores import open_store
from helenus.errors import InvalidArgument
from helenus.repository import AggregateRepository
from helenus.stores.cassandra import CassandraSettings, TlsSettings
from helenus.stores.sqlite import SqliteStore
from helenus.unit_of_work import UnitOfWork
from tests.unit.helenus.bank import Account, Deposited, Opened
from tests.unit.helenus.cli_runs import answer, helenus

STREAMS = ["customer/1", "customer/10", "customer/2", "house"]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A file with some accounts."""

    def open_account(unit: UnitOfWork) -> None:
        account = unit.get(Account, "giro")
        account.record(Opened(owner="Zoë"))
        account.record(Deposited(amount=5))

    async def fill() -> None:
        async with SqliteStore(path) as store, AggregateRepository(store, [Account]) as bank:
            for stream in STREAMS:
                await bank.transact(stream, open_account, command_id=f"open-{stream}")

    path = tmp_path / "bank.sqlite3"
    asyncio.run(fill())
    return path


def test_streams_are_listed(store: Path) -> None:
    assert helenus("streams", "list", store).stdout.split() == STREAMS
    assert answer("streams", "list", store, "--prefix", "customer/1")["streams"] == STREAMS[:2]


def test_a_listing_goes_on_from_its_cursor(store: Path) -> None:
    for limit in (1, 2, 3, 4):
        seen: list[str] = []
        cursor = ""
        while page := answer("streams", "list", store, "--limit", limit, "--after", cursor):
            if not page["streams"]:
                break
            assert len(page["streams"]) <= limit
            seen, cursor = seen + page["streams"], page["cursor"]
        assert seen == STREAMS


def test_streams_are_found_by_a_part_of_their_name(store: Path) -> None:
    assert answer("streams", "find", store, "er/1") == {"streams": STREAMS[:2]}
    assert answer("streams", "find", store, "er/1", "--limit", 1) == {"streams": STREAMS[:1]}
    assert helenus("streams", "find", store, "nothing").stdout == ""


def test_a_stream_is_shown_as_it_is_stored(store: Path) -> None:
    shown = helenus("streams", "show", store, "house").stdout.splitlines()
    assert [line.split()[0] for line in shown] == ["1", "2"]
    assert 'test-opened  test-account giro  owner="Zoë"' in shown[0]
    lines = helenus("streams", "show", store, "house", "--after", 1, "--json").stdout.splitlines()
    [event] = [json.loads(line) for line in lines]
    assert (event["position"], event["name"], event["data"]) == (2, "test-deposited", {"amount": 5})
    assert event["command_id"] == "open-house"
    assert len(helenus("streams", "show", store, "house", "--upto", 1).stdout.splitlines()) == 1


def test_an_export_is_imported_once(store: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "all.jsonl.zst", tmp_path / "other.sqlite3"
    assert answer("export", store, file)["commits"] == 4
    assert not other.exists()
    assert helenus("import", file, other, "--dry-run").exit_code == 2  # there is nothing to compare
    assert answer("import", file, other)["written_commits"] == 4
    assert answer("import", file, other)["written_commits"] == 0
    assert answer("import", file, other, "--dry-run")["written_commits"] == 0
    said = helenus("import", file, other).stdout
    assert "4 commits, 8 events, 4 streams; 0 commits were written, 4 were there" in said
    assert answer("streams", "list", other)["streams"] == STREAMS


def test_an_export_that_is_there_is_left(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl.zst"
    assert "4 commits" in helenus("export", store, file).stdout
    result = helenus("export", store, file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "there already" in result.stderr


def test_a_cut_file_has_an_exit_code(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl.zst"
    helenus("export", store, file)
    file.write_bytes(file.read_bytes()[:-20])
    result = helenus("import", file, tmp_path / "other.sqlite3")
    assert result.exit_code == 12
    assert "was cut" in result.stderr


def test_a_target_that_differs_has_an_exit_code(store: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.jsonl.zst"
    helenus("export", store, file, "--prefix", "house")
    with sqlite3.connect(store) as connection:
        connection.execute("DELETE FROM commits WHERE stream = 'house'")
        connection.execute("UPDATE commits SET stream = 'house' WHERE stream = 'customer/1'")
    connection.close()
    result = helenus("import", file, store)
    assert result.exit_code == 13
    assert "Stream 'house', position 1" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        (("streams", "list", "{}/none"), 2, "There is no file"),
        (("streams", "list", "http://x/y"), 2, "no store for http"),
        (("streams", "list", "cassandra://a b"), 2, "a node that is none"),
        (("streams", "list", "{}"), 10, "is not a file"),
        (("streams", "show", "{}/bank.sqlite3", "none"), 15, "There is no stream 'none'"),
        (("streams", "show", "{}/bank.sqlite3", "house", "--after", "3", "--upto", "2"), 2, "upto"),
        (("streams", "show", "{}/bank.sqlite3", ""), 2, "stream name"),
        (("export", "{}/bank.sqlite3", "{}/none/f"), 2, "no directory"),
        (("import", "{}/none", "{}/new"), 2, "There is no file"),
        (("import", "{}/bank.sqlite3", "{}/new"), 12, "decompressed"),
    ],
)
@pytest.mark.usefixtures("store")
def test_a_mistake_is_explained(
    arguments: tuple[str, ...], exit_code: int, says: str, tmp_path: Path
) -> None:
    result = helenus(*(argument.replace("{}", str(tmp_path)) for argument in arguments))
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert says in result.stderr


def test_damaged_bytes_have_an_exit_code(store: Path) -> None:
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE commits SET record = x'00' WHERE stream = 'house'")
    connection.close()
    result = helenus("streams", "show", store, "house")
    assert result.exit_code == 16
    assert "'house'" in result.stderr


def test_a_state_is_shown_at_the_head_and_before(store: Path) -> None:
    shown = answer("streams", "state", store, "house", *AGGREGATES)
    [account] = shown["aggregates"]
    assert (account["type"], account["id"]) == ("test-account", "giro")
    assert (account["state"]["balance"], shown["position"]) == (5, 2)
    before = answer("streams", "state", store, "house", *AGGREGATES, "--at-position", 1)
    assert (before["aggregates"][0]["state"]["balance"], before["position"]) == (0, 1)
    long_ago = ("--at-time", "2001-01-01T00:00:00Z")
    assert answer("streams", "state", store, "house", *AGGREGATES, *long_ago)["aggregates"] == []
    assert "giro" in helenus("streams", "state", store, "house", *AGGREGATES).stdout
    for wrong in ((), (*AGGREGATES, "--at-time", "noon"), (*AGGREGATES, "--at-time", "2001-01-01")):
        assert helenus("streams", "state", store, "house", *wrong).exit_code == 2
    assert helenus("streams", "state", store, "none", *AGGREGATES).exit_code == 15


def test_two_stores_are_compared(store: Path, tmp_path: Path) -> None:
    file, other = tmp_path / "all.jsonl.zst", tmp_path / "other.sqlite3"
    helenus("export", store, file)
    helenus("import", file, other)
    assert answer("streams", "diff", store, "house", other)["same_upto"] == 2
    with sqlite3.connect(other) as connection:
        connection.execute("DELETE FROM commits WHERE stream = 'house'")
    connection.close()
    for one, two in ((store, other), (other, store)):
        assert helenus("streams", "diff", one, "house", two).exit_code == 14
    assert helenus("streams", "diff", store, "none", other).exit_code == 15


def test_events_are_counted_and_sampled(store: Path) -> None:
    assert answer("events", "names", store) == {"events": {"test-deposited": 4, "test-opened": 4}}
    assert "4  test-opened" in helenus("events", "names", store).stdout
    lines = helenus("events", "sample", store, "test-deposited", "--count", 2, "--json")
    events = [json.loads(line) for line in lines.stdout.splitlines()]
    assert [(event["stream"], event["data"]) for event in events] == [
        (stream, {"amount": 5}) for stream in STREAMS[:2]
    ]
    assert (
        len(helenus("events", "sample", store, "test-opened", "--count", 9).stdout.split("\n")) == 5
    )


def test_a_store_is_counted(store: Path) -> None:
    counted = answer("stats", store, "--top", 2)
    assert (counted["streams"], counted["commits"], counted["events"]) == (4, 4, 8)
    assert [one["head"] for one in counted["longest"]] == [2, 2]
    assert counted["payload_bytes"] > 0
    assert "8  events" in helenus("stats", store).stdout


def test_snapshots_are_rebuilt_listed_and_dropped(store: Path) -> None:
    assert helenus("snapshots", "rebuild", store).exit_code == 2
    tried = answer("snapshots", "rebuild", store, *AGGREGATES, "--dry-run")
    assert tried == {"snapshots": 4, "dry_run": True}
    assert helenus("snapshots", "list", store).stdout == ""
    assert answer("snapshots", "rebuild", store, *AGGREGATES)["snapshots"] == 4
    lines = helenus("snapshots", "list", store, "--json").stdout.splitlines()
    assert [json.loads(line)["position"] for line in lines] == [2, 2, 2, 2]
    assert answer("verify", store, *AGGREGATES)["findings"] == []
    assert answer("snapshots", "drop", store, "--dry-run")["snapshots"] == 4
    assert len(helenus("snapshots", "list", store).stdout.splitlines()) == 4
    house = ("--prefix", "house")
    assert answer("snapshots", "drop", store, *house) == {"snapshots": 1, "dry_run": False}
    assert len(helenus("snapshots", "list", store).stdout.splitlines()) == 3


def test_a_snapshot_that_is_ahead_or_wrong_is_replaced(store: Path) -> None:
    answer("snapshots", "rebuild", store, *AGGREGATES)
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE snapshots SET position = 9 WHERE stream = 'house'")
        connection.execute("UPDATE snapshots SET body = x'00' WHERE stream = 'customer/1'")
    connection.close()
    assert helenus("verify", store, *AGGREGATES).exit_code == 14
    answer("snapshots", "rebuild", store, *AGGREGATES)
    assert answer("verify", store, *AGGREGATES)["findings"] == []


AGGREGATES = ("--aggregates", "tests.unit.helenus.bank:AGGREGATES")


def test_a_sound_store_is_verified(store: Path) -> None:
    for arguments in ((), AGGREGATES, ("--aggregates", "tests.unit.helenus.bank:Account")):
        verified = answer("verify", store, *arguments)
        assert (verified["streams"], verified["commits"], verified["events"]) == (4, 4, 8)
        assert verified["findings"] == []
    said = helenus("verify", store, "--prefix", "customer/1").stdout
    assert said == "2 streams, 2 commits, 4 events: 0 findings.\n"


def test_a_finding_has_an_exit_code(store: Path) -> None:
    with sqlite3.connect(store) as connection:
        connection.execute("UPDATE commits SET first = 2 WHERE stream = 'house'")
    connection.close()
    result = helenus("verify", store)
    assert result.exit_code == 14
    assert "house  position 2  row-positions: The row tells of" in result.stdout
    result = helenus("verify", store, "--json")
    assert result.exit_code == 14
    [finding] = json.loads(result.stdout)["findings"]
    assert (finding["stream"], finding["kind"]) == ("house", "row-positions")
    assert answer("verify", store, "--after", "house")["streams"] == 0


@pytest.mark.parametrize(
    "name", ["none", "none:", "no_such_module:X", "tests.unit.helenus.bank:NONE", "json:loads"]
)
def test_aggregates_that_are_none_are_refused(store: Path, name: str) -> None:
    result = helenus("verify", store, "--aggregates", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert name in result.stderr


def settings_of(url: str) -> CassandraSettings:
    store: Any = open_store(url)
    settings: CassandraSettings = store._settings
    return settings


def test_a_url_names_a_keyspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HELENUS_CASSANDRA_PASSWORD", "secret")
    assert settings_of("cassandra://h/k") == CassandraSettings(contact_points=("h",), keyspace="k")
    assert settings_of(
        "cassandra://me@h1,[::1]:9043/k?data_center=dc&serial_scope=global&tls_authority=ca"
    ) == CassandraSettings(
        contact_points=("h1", "::1"),
        port=9043,
        keyspace="k",
        username="me",
        password="secret",
        data_center="dc",
        serial_scope="global",
        tls=TlsSettings(authority=Path("ca")),
    )


@pytest.mark.parametrize(
    "url",
    [
        *("cassandra://", "cassandra:///k", "cassandra://h:1,i:2/k", "memory:"),
        *("cassandra://h/K", "cassandra://me:secret@h/k", "cassandra://@h/k"),
        *("cassandra://h/k?colour=red", "cassandra://h/k?serial_scope=some", "cassandra://h:0/k"),
    ],
)
def test_a_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidArgument):
        open_store(url)
