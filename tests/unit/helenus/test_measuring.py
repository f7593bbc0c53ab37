"""A measurement counts what it should, and `helenus bench` leaves nothing behind."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from helenus import StoreUnavailable
from helenus.measuring import MeasuringSettings, closed_loop, measure
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from helenus.testing import FailBefore, FaultyStore
from tests.unit.helenus.cli_runs import answer, helenus

QUICK = ("--seconds", 0.1, "--warm-up-seconds", 0, "--events", 150, "--in-flight", 2)
CASES = ["append one event", "load, cold", "load, warm", "command on one hot stream"]


class Clock:
    """It moves when an operation takes time."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def test_a_closed_loop_counts_what_began_after_the_warm_up() -> None:
    clock = Clock()
    took = iter([0.25] * 4 + [1.0] * 3 + [2.0, 4.0])
    workers: set[int] = set()

    async def operate(worker: int) -> None:
        workers.add(worker)
        clock.now_s += next(took)

    settings = MeasuringSettings(warm_up_seconds=1.0, seconds=9.0)
    measured = await closed_loop("case", operate, 1, settings, time_s=clock)
    assert workers == {0}
    assert (measured.case, measured.in_flight, measured.operations) == ("case", 1, 5)
    # It ends with the operation that was under way.
    assert (measured.seconds, measured.per_second) == (9.0, 5 / 9)
    assert (measured.median_ms, measured.p99_ms, measured.max_ms) == (1_000, 4_000, 4_000)


async def test_as_many_operations_are_under_way_as_asked_for() -> None:
    clock = Clock()
    under_way, most, ended = 0, 0, 0

    async def operate(worker: int) -> None:
        nonlocal under_way, most, ended
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        ended += 1
        if ended > 20:
            clock.now_s += 100.0

    settings = MeasuringSettings(warm_up_seconds=0.0, seconds=1.0)
    measured = await closed_loop("case", operate, 7, settings, time_s=clock)
    assert most == 7
    assert measured.operations == ended


async def test_a_loop_without_an_operation_in_time_has_no_rate() -> None:
    clock = Clock()

    async def operate(worker: int) -> None:
        clock.now_s += 50.0

    settings = MeasuringSettings(warm_up_seconds=10.0, seconds=1.0)
    measured = await closed_loop("case", operate, 1, settings, time_s=clock)
    assert (measured.operations, measured.per_second, measured.max_ms) == (0, 0.0, 0.0)


async def test_a_store_is_measured_case_by_case_on_streams_of_the_benchs_own() -> None:
    settings = MeasuringSettings(
        seconds=0.05, warm_up_seconds=0.0, in_flight=(1, 3), history_events=25, hot_in_flight=4
    )
    async with MemoryStore() as store:
        measured = [one async for one in measure(store, settings)]
        names = [name async for page in store.streams() for name in page.streams]
        heads = {name.rpartition("/")[2]: (await store.head(name)).position for name in names}
    assert [(one.case, one.in_flight) for one in measured] == [
        *((CASES[0], 1), (CASES[0], 3)),
        *((CASES[1], 1), (CASES[2], 1), (CASES[3], 4)),
    ]
    assert all(one.operations > 0 for one in measured)
    assert all(0 < one.median_ms <= one.p99_ms <= one.max_ms for one in measured)
    assert all(name.startswith("bench/") for name in names)
    assert heads["history"] == 25
    assert heads["hot"] >= measured[-1].operations


async def test_a_store_that_fails_ends_the_measurement() -> None:
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        store.inject("append", None, None, FailBefore())
        with pytest.raises(StoreUnavailable):
            [one async for one in measure(store, MeasuringSettings(seconds=5.0))]


@pytest.mark.parametrize("there", [True, False])
def test_the_command_measures_beside_the_store_and_removes_what_it_made(
    tmp_path: Path, there: bool
) -> None:
    path = tmp_path / "shop.sqlite3"
    if there:
        path.write_bytes(b"left alone")
    told = answer("bench", path, *QUICK)
    assert [case["case"] for case in told["cases"]] == CASES
    assert (told["store"], told["settings"]["history_events"]) == ("SqliteStore", 150)
    assert [one.name for one in tmp_path.iterdir()] == (["shop.sqlite3"] if there else [])
    assert not there or path.read_bytes() == b"left alone"


def test_the_table_tells_the_rates(tmp_path: Path) -> None:
    result = helenus("bench", tmp_path / "s", *QUICK)
    assert result.exit_code == 0
    for text in (*CASES, "per second", "p99 ms"):
        assert text in result.stdout
    assert f"{tmp_path}/s.bench-" in result.stderr.replace("\n", "")


def test_a_failure_on_the_way_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    async def fail(self: SqliteStore, *_: object) -> None:
        made.append(str(self._path))
        raise StoreUnavailable("The disk is gone.")

    monkeypatch.setattr(SqliteStore, "append", fail)
    result = helenus("bench", tmp_path / "s", *QUICK)
    assert (result.exit_code, "The disk is gone." in result.stderr) == (3, True)
    assert made[0].startswith(f"{tmp_path}/s.bench-")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("memory:", "gone with its program"),
        ("nowhere/s", "no directory"),
        ("postgres://h/d", "no store"),
    ],
)
def test_a_wrong_name_is_refused(name: str, message: str) -> None:
    result = helenus("bench", name, *QUICK)
    assert result.exit_code == 2
    assert message in result.stderr
