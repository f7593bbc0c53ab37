"""A disk that is full, simulated by a limit on the size of the process's files."""

import resource
import sys
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.server_process import customers_of, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prlimit is Linux's")

UNLIMITED = resource.RLIM_INFINITY


async def test_a_full_disk_refuses_commands_loses_nothing_and_is_got_over(tmp_path: Path) -> None:
    store = tmp_path / "s.sqlite3"
    wal = store.with_name(f"{store.name}-wal")
    async with serving(tmp_path, "--store", str(store)) as server:
        async with customers_of(server) as customers:
            await customers.open(["c-1"])
            for number in range(20):
                assert await customers.request("c-1", f"before-{number}") == 201
            limit = wal.stat().st_size + 6_000
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, UNLIMITED))
            keys = [f"during-{number}" for number in range(30)]
            statuses = [await customers.request("c-1", key) for key in keys]
            assert statuses[-1] == 503
            assert set(statuses) <= {201, 503}
            assert {reason for _, reason in customers.refused} <= {
                *("store-unavailable", "outcome-unknown"),
            }
            kept = dict(customers.acknowledged)
            resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (UNLIMITED, UNLIMITED))
            assert [await customers.request("c-1", key) for key in keys] == [201] * 30
            assert len(customers.acknowledged) == 50
            assert kept.items() <= customers.acknowledged.items()
        async with aiohttp.ClientSession() as session:
            url = f"{server.url}/v1/customers/c-1/history?limit=10000"
            async with session.get(url) as answer:
                events = (await answer.json())["events"]
    issued = [event["aggregate_id"] for event in events if event["name"] == "license-issued"]
    assert sorted(issued) == sorted(customers.acknowledged)
