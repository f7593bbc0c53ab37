"""The server on a Cassandra of its own that comes late, is killed, and comes back."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from helenus.testing.cassandra import Cluster, ClusterOptions
from tests.e2e.server_process import Customers, Server, customers_of, serving

NAMES = [f"c-{number}" for number in range(8)]
RECOVERED_WITHIN_S = 30.0
# Nobody reads the log before the end: a line for each 503 would fill the pipe.
QUIET = {"DOWNLOAD_LICENSING_LOG_LEVEL": "error"}


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """One that has not been started."""
    cluster = Cluster(ClusterOptions(native_port=free_port(), storage_port=0, jmx_port=0))
    yield cluster
    cluster.delete()


async def readiness(server: Server) -> tuple[int, str]:
    """The status, and what is said about it."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{server.url}/health/ready") as answer,
    ):
        told = await answer.json(content_type=None)
        if answer.status == 503:
            assert answer.headers["Retry-After"] == "1"
        return answer.status, told.get("detail", "")


async def until(server: Server, status: int, said: str = "") -> None:
    give_up_at = time.monotonic() + RECOVERED_WITHIN_S
    while (found := await readiness(server))[0] != status or said not in found[1]:
        assert time.monotonic() < give_up_at, found
        await asyncio.sleep(0.05)


async def migrate(cluster: Cluster) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "helenus.cli", "cassandra", "migrate"),
        *("--port", str(cluster.port), "--keyspace", "licensing"),
    )
    assert await process.wait() == 0


async def keep_requesting(customers: Customers, name: str, enough: asyncio.Event) -> list[str]:
    """Request until there is enough; the keys of requests whose outcome was not known."""
    unknown, number = [], 0
    while not enough.is_set():
        number += 1
        key = f"{name}-{number}".ljust(20 + number % 6, "x")
        if await customers.request(name, key) == 503:
            if customers.refused[-1][1] == "outcome-unknown":
                unknown.append(key)
            await asyncio.sleep(0.05)
    return unknown


async def licenses(server: Server, name: str) -> list[str]:
    async with aiohttp.ClientSession() as session:
        url = f"{server.url}/v1/customers/{name}/history?limit=10000"
        async with session.get(url) as answer:
            assert answer.status == 200
            events = (await answer.json())["events"]
    return [event["aggregate_id"] for event in events if event["name"] == "license-issued"]


async def grows(customers: Customers, by: int) -> None:
    """Wait for so many further grants."""
    wanted, give_up_at = len(customers.acknowledged) + by, time.monotonic() + RECOVERED_WITHIN_S
    while len(customers.acknowledged) < wanted:
        assert time.monotonic() < give_up_at, customers.refused[-3:]
        await asyncio.sleep(0.05)


async def test_its_cluster_comes_late_is_killed_and_comes_back(
    tmp_path: Path, cluster: Cluster
) -> None:
    store = f"cassandra://127.0.0.1:{cluster.port}/licensing"
    async with serving(tmp_path, "--store", store, **QUIET) as server:
        assert store in server.greeting
        await until(server, 503, "cannot be reached")
        async with customers_of(server) as early:
            assert await early.request("c-0", "early") == 503
            assert early.refused == [(503, "store-unavailable")]

        await asyncio.to_thread(cluster.start)
        await until(server, 503, "helenus cassandra migrate")
        await migrate(cluster)
        await until(server, 200)

        async with customers_of(server) as customers:
            await customers.open(NAMES)
            enough = asyncio.Event()
            load = [asyncio.create_task(keep_requesting(customers, name, enough)) for name in NAMES]
            await grows(customers, by=100)
            cluster.kill(1)
            await until(server, 503)
            await asyncio.to_thread(cluster.start_node, 1)
            await grows(customers, by=100)
            enough.set()
            unknown = dict(zip(NAMES, await asyncio.gather(*load), strict=True))
            await until(server, 200)
            assert customers.refused
            assert set(customers.refused) <= {(503, "store-unavailable"), (503, "outcome-unknown")}
            for name, keys in unknown.items():
                assert {await customers.request(name, key) for key in keys} <= {201}
        for name in NAMES:
            acknowledged = {
                license_id
                for license_id, (customer, _) in customers.acknowledged.items()
                if customer == name
            }
            assert sorted(await licenses(server, name)) == sorted(acknowledged)

        server.signal(signal.SIGTERM)
        code, err = await server.ended()
    assert code == 0, err
    assert "Traceback" not in err


async def test_told_to_end_while_its_cluster_is_away_it_ends_in_good_order(
    tmp_path: Path,
) -> None:
    store = f"cassandra://127.0.0.1:{free_port()}"
    async with serving(tmp_path, "--store", store, **QUIET) as server:
        server.signal(signal.SIGTERM)
        code, err = await server.ended()
    assert code == 0
    assert err.count("store is not open") == 1, err
    assert max(err.count(told) for told in ("policies not read", "withdrawals not read")) <= 1, err
    assert "Traceback" not in err
