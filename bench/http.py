"""The licensing service over HTTP: permission requests against one server process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import msgspec
import uvloop
import yaml

from bench.harness import Row

_CONNECTIONS = 32
_CUSTOMERS = 2_000
_REQUESTS = 12_000
_START_SECONDS_MAX = 30.0


_EVERY_RULE = Path(__file__).with_name("every_rule.yaml")


def run(directory: Path, runs: int) -> list[Row]:
    """Permission requests per second and their latencies, closed loop."""
    case = f"permission requests, {_CONNECTIONS} connections, {_CUSTOMERS:,} customers"
    return [
        *_measured(case, directory, runs, (), ("≥ 1,500", "≤ 60")),
        *_measured(
            f"{case}, every rule for every title",
            directory,
            runs,
            ("--policy", str(_EVERY_RULE)),
            ("≥ 1,000", "≤ 80"),
        ),
    ]


def _measured(
    case: str, directory: Path, runs: int, options: tuple[str, ...], targets: tuple[str, str]
) -> list[Row]:
    rates, medians, slowest = [], [], []
    for _ in range(runs):
        with (
            tempfile.TemporaryDirectory(dir=directory) as folder,
            server(Path(folder), *options) as url,
        ):
            rate, latencies_ms = uvloop.run(_load(url))
        rates.append(rate)
        medians.append(latencies_ms[len(latencies_ms) // 2])
        slowest.append(latencies_ms[len(latencies_ms) * 99 // 100])
    return [
        Row(case, "download_licensing, SQLite", "requests/s", rates, targets[0]),
        Row(case, "p50", "ms", medians),
        Row(case, "p99", "ms", slowest, targets[1]),
    ]


@contextlib.contextmanager
def server(folder: Path, *options: str) -> Iterator[str]:
    """A service of its own, by its URL; with further options of `serve`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "download_licensing", "serve", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--store", str(folder / "bench.sqlite3"), *options],
        stdout=subprocess.DEVNULL,
        env={**os.environ, "DOWNLOAD_LICENSING_REHEARSAL": "false"},
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_until_ready(process, url)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, urllib.error.URLError):
            urllib.request.urlopen(f"{url}/health/ready").close()
            return
        time.sleep(0.05)
    raise SystemExit(f"the server at {url} did not get ready")


async def _load(url: str) -> tuple[float, list[float]]:
    ids = titles()
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
    async with aiohttp.ClientSession(url, connector=connector) as session:
        await open_accounts(session, _CUSTOMERS)
        requests = iter(range(_REQUESTS))
        latencies: list[float] = []
        started = time.perf_counter()
        await asyncio.gather(
            *(_ask_all(session, requests, ids, latencies) for _ in range(_CONNECTIONS))
        )
        rate = _REQUESTS / (time.perf_counter() - started)
    return rate, sorted(latencies)


def titles() -> list[str]:
    """The ids of the catalogue that is shipped."""
    import download_licensing  # noqa: PLC0415  # only for its folder

    catalogue = Path(download_licensing.__file__).with_name("catalogue.yaml")
    return list(yaml.safe_load(catalogue.read_text())["titles"])


async def open_accounts(session: aiohttp.ClientSession, customers: int) -> None:
    """Open the accounts of customers ``c0`` and so on."""
    numbers = iter(range(customers))

    async def work() -> None:
        for number in numbers:
            path = f"/v1/customers/c{number}/account"
            async with session.put(path, json={"plan": "premium"}) as answer:
                assert answer.status == 201, await answer.text()

    await asyncio.gather(*(work() for _ in range(_CONNECTIONS)))


async def ask(session: aiohttp.ClientSession, number: int, ids: list[str]) -> None:
    """Make the permission request with this number: a customer, a title and a key of its own."""
    path = f"/v1/customers/c{number % _CUSTOMERS}/licenses"
    title = ids[number // _CUSTOMERS % len(ids)]
    body = msgspec.json.encode({"device_id": f"d{number % 2}", "title_id": title})
    headers = {"Idempotency-Key": f"k{number}", "Content-Type": "application/json"}
    async with session.post(path, data=body, headers=headers) as answer:
        text = await answer.read()
    assert answer.status in (201, 403), text


async def _ask_all(
    session: aiohttp.ClientSession,
    requests: Iterator[int],
    ids: list[str],
    latencies_ms: list[float],
) -> None:
    for number in requests:
        started = time.perf_counter()
        await ask(session, number, ids)
        latencies_ms.append((time.perf_counter() - started) * 1000)
