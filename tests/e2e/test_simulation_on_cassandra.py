"""Several services on one cluster, a node of which is killed: together they keep every limit."""

import asyncio
import contextlib
import signal
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from download_licensing.simulate import INTERRUPTED, CheckOptions, check
from helenus.testing.cassandra import Cluster
from tests.e2e.running_service import RunningService
from tests.e2e.test_simulation import wait_until_grown

SERVICES = 4
MEMBERS = 60
BYTES_BETWEEN = 60_000
"""Of the journal: about 100 answers."""


@pytest.fixture
async def services(three_nodes: Cluster, tmp_path: Path) -> AsyncIterator[list[RunningService]]:
    """Processes that share a keyspace with three copies of each row."""
    store = await _migrated(three_nodes)
    services = [RunningService(tmp_path, store=store) for _ in range(SERVICES)]
    async with contextlib.AsyncExitStack() as stack:
        for service in services:
            stack.push_async_callback(service.kill)
        await asyncio.gather(*(service.start() for service in services))
        yield services


async def _migrated(cluster: Cluster) -> str:
    keyspace = f"licensing_{uuid.uuid4().hex[:12]}"
    migrating = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "helenus.cli", "cassandra", "migrate", "--replication", "3"),
        *("--port", str(cluster.port), "--keyspace", keyspace),
    )
    assert await migrating.wait() == 0
    return f"cassandra://{','.join(cluster.contact_points)}:{cluster.port}/{keyspace}"


@contextlib.asynccontextmanager
async def simulating(journal: Path, services: list[RunningService]) -> AsyncIterator[Any]:
    """The command in a process of its own, without its oracle."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "download_licensing", "simulate", "--json", "--no-oracle"),
        *(option for service in services for option in ("--url", service.url)),
        *("--members", str(MEMBERS), "--actions-per-member", "200"),
        *("--journal", str(journal), "--timeout-s", "30"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.timeout(300)
async def test_four_processes_keep_every_limit_while_a_node_is_killed_and_comes_back(
    three_nodes: Cluster, services: list[RunningService], tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    async with simulating(journal, services) as simulation:
        await asyncio.to_thread(_grow, journal)
        three_nodes.kill(2)
        await asyncio.to_thread(_grow, journal)
        await asyncio.to_thread(three_nodes.start_node, 2)
        await asyncio.to_thread(_grow, journal)
        simulation.send_signal(signal.SIGINT)
        printed, errors = await simulation.communicate()
    assert simulation.returncode == 130, (printed + errors).decode()[-4000:]
    done = msgspec.json.decode(printed)["simulation"]
    assert (done["stopped"], done["violation_samples"]) == (INTERRUPTED, [])
    assert done["done"]["request"] > MEMBERS
    assert {"device-limit", "title-downloads-per-year"} <= set(done["refusals"])

    for service in services:  # each of them tells the same
        options = CheckOptions(url=service.url, journal=journal, progress=False, timeout_s=30)
        verdict = await asyncio.to_thread(check, options)
        assert verdict.findings == []
        assert verdict.whole
        assert verdict.answers == done["requests"]


def _grow(journal: Path) -> None:
    """Wait until so much more is recorded: requests go on being answered."""
    before = journal.stat().st_size if journal.exists() else 0
    wait_until_grown(journal, before + BYTES_BETWEEN)
