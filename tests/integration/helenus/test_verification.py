"""Verification finds each kind of damage in a SQLite file, and none in a sound one."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from helenus.codec import checksum
from helenus.errors import StoreUnavailable
from helenus.repository import AggregateRepository
from helenus.settings import RepositorySettings
from helenus.store import Commit, Head, Page, Snapshot
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from helenus.verification import KINDS, Finding, VerificationSettings, verify_streams
from tests.unit.helenus.bank import AGGREGATES, Account, Opened, deposit, withdraw

STREAMS = [f"customer/{number}" for number in range(5)]
DAMAGED = STREAMS[2]
MINUTE_US = 60_000_000


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A file with streams of eight commits each, and snapshots of position 6."""
    path = tmp_path / "bank.sqlite3"
    settings = RepositorySettings(snapshot_events=6)
    async with (
        SqliteStore(path) as store,
        AggregateRepository(store, AGGREGATES, settings=settings) as bank,
    ):
        for stream in STREAMS:
            for number in range(8):
                decide = withdraw(1) if number % 3 == 2 else deposit(number + 1)
                await bank.transact(stream, decide, command_id=f"c-{number}")
    return path


async def findings(path: Path, **options: Any) -> list[Finding]:
    async with SqliteStore(path) as store:
        pages = [page async for page in verify_streams(store, **options)]
    return [finding for page in pages for finding in page.findings]


def execute(path: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(path) as connection:
        assert connection.execute(statement, values).rowcount > 0
    connection.close()


def change(path: Path, last: int, changed: Callable[[Commit], Commit]) -> None:
    """Put another record into the row of the damaged stream that ends at a position."""
    with sqlite3.connect(path) as connection:
        where = (DAMAGED, last)
        (record,) = connection.execute(
            "SELECT record FROM commits WHERE stream = ? AND last = ?", where
        ).fetchone()
        made = changed(msgspec.msgpack.decode(record, type=Commit))
        connection.execute(
            "UPDATE commits SET record = ? WHERE stream = ? AND last = ?",
            (msgspec.msgpack.encode(made), *where),
        )
    connection.close()


def with_(**fields: Any) -> Callable[[Commit], Commit]:
    return lambda commit: msgspec.structs.replace(commit, **fields)


def with_bytes(**fields: bytes) -> Callable[[Commit], Commit]:
    """Other bytes, and the checksum that is right for them."""

    def changed(commit: Commit) -> Commit:
        made = msgspec.structs.replace(commit, **fields)
        return msgspec.structs.replace(made, checksum=checksum(made.meta, made.body))

    return changed


def later(commit: Commit) -> Commit:
    return msgspec.structs.replace(commit, recorded_at_us=commit.recorded_at_us + MINUTE_US)


async def test_a_sound_store_has_no_findings(path: Path) -> None:
    for aggregates in ((), AGGREGATES):
        async with SqliteStore(path) as store:
            [page] = [page async for page in verify_streams(store, aggregates=aggregates)]
        assert (page.streams, page.commits, page.events, page.findings) == (5, 40, 40, [])


DAMAGES: list[tuple[str, int, Callable[[Commit], Commit]]] = [
    ("recorded-at", 5, later),
    ("kinds", 4, with_(kinds=("test-withdrawn@1",))),
    ("kinds", 4, with_(kinds=())),
    ("kinds", 4, with_(kinds=("no tag",))),
    ("checksum", 4, with_(body=b"\x91")),
    ("checksum", 4, with_(checksum=7)),
    ("body", 4, with_bytes(body=b"\x91\x01")),
    ("body", 4, with_bytes(body=b"\x28\xb5\x2f\xfd\x00")),
    ("body", 4, with_bytes(body=msgspec.msgpack.encode([("a", "b", {})]))),
    ("kinds", 4, with_bytes(body=b"\x90")),
    ("meta", 4, with_bytes(meta=b"\xc1")),
    ("command-id", 4, with_bytes(meta=msgspec.msgpack.encode({"command-id": "c-1"}))),
    ("positions", 4, with_(last=5)),
    ("row-positions", 4, with_(first=3)),
]


@pytest.mark.parametrize(
    ("kind", "position", "changed"),
    DAMAGES,
    ids=[f"{number}-{damage[0]}" for number, damage in enumerate(DAMAGES)],
)
async def test_a_damaged_commit_is_found(
    path: Path, kind: str, position: int, changed: Callable[[Commit], Commit]
) -> None:
    change(path, 4, changed)
    found = await findings(path)
    assert kind in {finding.kind for finding in found}
    assert {finding.stream for finding in found} == {DAMAGED}
    assert position in {finding.position for finding in found if finding.kind == kind} or (
        kind == "positions"
    )


async def test_a_missing_commit_is_found(path: Path) -> None:
    execute(path, "DELETE FROM commits WHERE stream = ? AND last = 4", DAMAGED)
    assert [(f.stream, f.position, f.kind) for f in await findings(path)] == [
        (DAMAGED, 5, "positions")
    ]


async def test_a_commit_that_is_there_twice_is_found(path: Path) -> None:
    change(path, 4, lambda commit: msgspec.structs.replace(commit, commit_id=b"i" * 16))
    change(path, 7, lambda commit: msgspec.structs.replace(commit, commit_id=b"i" * 16))
    assert [(f.position, f.kind) for f in await findings(path)] == [(7, "commit-id")]
    bounded = VerificationSettings(commit_ids_max=2)
    assert await findings(path, settings=bounded) == []


async def test_a_record_that_cannot_be_read_is_found(path: Path) -> None:
    execute(path, "UPDATE commits SET record = x'00' WHERE stream = ? AND last = 4", DAMAGED)
    kinds = {finding.kind for finding in await findings(path)}
    assert kinds == {"unreadable", "row-unreadable"}


async def test_lost_last_commits_are_found_by_the_snapshot(path: Path) -> None:
    execute(path, "DELETE FROM commits WHERE stream = ? AND last > 5", DAMAGED)
    assert [(f.position, f.kind) for f in await findings(path)] == [(6, "snapshot-ahead")]


async def test_a_snapshot_within_a_commit_is_found() -> None:
    async with MemoryStore() as store:
        made = AggregateRepository(store, AGGREGATES)
        await made.transact(DAMAGED, lambda unit: _twice(unit.get(Account, "a")))
        await store.save_snapshot(DAMAGED, Snapshot(1, "other", b""))
        [page] = [page async for page in verify_streams(store)]
    assert [(f.position, f.kind) for f in page.findings] == [(1, "snapshot-position")]


def _twice(account: Account) -> None:
    account.record(Opened())
    account.record(Opened())


async def test_a_damaged_snapshot_is_found(path: Path) -> None:
    execute(path, "UPDATE snapshots SET body = x'0102' WHERE stream = ?", DAMAGED)
    assert await findings(path) == []
    found = await findings(path, aggregates=AGGREGATES)
    assert [(f.stream, f.position, f.kind) for f in found] == [(DAMAGED, 6, "snapshot-unreadable")]


async def test_a_snapshot_of_another_state_is_found(path: Path) -> None:
    execute(path, "DELETE FROM snapshots WHERE stream = ?", STREAMS[3])
    change(path, 5, with_bytes(body=_deposit_of(1_000)))
    found = await findings(path, aggregates=AGGREGATES)
    assert [(f.stream, f.position, f.kind) for f in found] == [(DAMAGED, 6, "snapshot-state")]


async def test_a_snapshot_that_remembers_other_commands_is_found(path: Path) -> None:
    change(path, 5, with_bytes(meta=msgspec.msgpack.encode({"command-id": "c-9"})))
    found = await findings(path, aggregates=AGGREGATES)
    assert [(f.position, f.kind) for f in found] == [(6, "snapshot-window")]


async def test_an_event_that_cannot_be_applied_is_found(path: Path) -> None:
    body = msgspec.msgpack.encode([("nothing", "a", {"$event": "test-deposited@1", "amount": 1})])
    change(path, 4, with_bytes(body=body))
    found = await findings(path, aggregates=AGGREGATES)
    assert [(f.position, f.kind) for f in found if f.kind == "replay"] == [(4, "replay")]


def _deposit_of(amount: int) -> bytes:
    event = {"$event": "test-deposited@1", "amount": amount}
    return msgspec.msgpack.encode([("test-account", "a", event)])


async def test_a_head_that_is_elsewhere_is_found() -> None:
    class Elsewhere(MemoryStore):
        def _head(self, stream: str) -> Head:
            head = super()._head(stream)
            return Head(head.position + 1) if self.lies else head

        lies = False

    async with Elsewhere() as store:
        await AggregateRepository(store, AGGREGATES).transact(DAMAGED, deposit(1))
        store.lies = True
        pages = []
        async for page in verify_streams(store):
            pages += page.findings
    assert [(f.position, f.kind) for f in pages] == [(1, "head")]


async def test_verification_goes_on_from_every_cursor(path: Path) -> None:
    change(path, 4, with_(checksum=7))
    by_one = VerificationSettings(page_streams=1)
    async with SqliteStore(path) as store:
        pages = [page async for page in verify_streams(store, settings=by_one)]
        assert [len(page.findings) for page in pages] == [0, 0, 1, 0, 0]
        for index, page in enumerate(pages):
            rest = [p async for p in verify_streams(store, after=page.cursor, settings=by_one)]
            assert rest == pages[index + 1 :]


async def test_the_findings_of_a_stream_are_bounded(path: Path) -> None:
    for last in range(1, 9):
        change(path, last, with_(checksum=7))
    found = await findings(path, settings=VerificationSettings(findings_per_stream_max=3))
    assert [finding.kind for finding in found] == [*["checksum"] * 3, "more"]


async def test_streams_are_verified_together_but_one_alone_beyond_its_first_page() -> None:
    class Watched(MemoryStore):
        def __init__(self) -> None:
            super().__init__()
            self.reading: set[str] = set()
            self.beyond: set[str] = set()

        async def read(self, stream: str, **range_: Any) -> AsyncIterator[Page]:
            self.reading.add(stream)
            async for page in super().read(stream, **range_):
                together.append((len(self.reading), len(self.beyond)))
                yield page
                self.beyond.add(stream)
                await asyncio.sleep(0)
            self.reading.discard(stream)
            self.beyond.discard(stream)

    together: list[tuple[int, int]] = []
    async with Watched() as store:
        bank = AggregateRepository(store, AGGREGATES)
        for stream in STREAMS:
            for _ in range(6):
                await bank.transact(stream, deposit(1))
        together.clear()
        settings = VerificationSettings(streams_at_once=3, page_bytes=1)
        [page] = [page async for page in verify_streams(store, settings=settings)]
    assert (page.streams, page.commits, page.findings) == (5, 30, [])
    assert max(reading for reading, _ in together) == 3
    assert max(beyond for _, beyond in together) == 1


async def test_findings_come_in_the_order_of_the_streams(path: Path) -> None:
    alone = VerificationSettings(streams_at_once=1)
    for stream in STREAMS:
        execute(path, "UPDATE commits SET record = x'00' WHERE stream = ? AND last = 5", stream)
    found = await findings(path)
    assert list(dict.fromkeys(finding.stream for finding in found)) == STREAMS
    assert found == await findings(path, settings=alone)


async def test_a_store_that_fails_ends_the_verification_of_all_streams() -> None:
    class Failing(MemoryStore):
        async def load_snapshot(self, stream: str) -> Snapshot | None:
            if stream == DAMAGED:
                raise StoreUnavailable("It is away.")
            await asyncio.Event().wait()
            return None

    async with Failing() as store:
        for stream in STREAMS:
            await AggregateRepository(store, AGGREGATES).transact(stream, deposit(1))
        with pytest.raises(StoreUnavailable):
            [page async for page in verify_streams(store)]
        assert [t for t in asyncio.all_tasks() if "_verify" in repr(t)] == []


def test_every_kind_is_tried_here_or_on_cassandra() -> None:
    folder = Path(__file__).parents[1]
    tests = Path(__file__).read_text() + (
        folder / "cassandra_store" / "test_verification.py"
    ).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f'"{kind}"' not in tests] == []
