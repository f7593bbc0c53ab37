"""The server as a process: it greets, it ends in good order, it loses nothing when it is killed."""

import asyncio
import contextlib
import json
import signal
import socket
import sys
from pathlib import Path

import aiohttp
import pytest

from download_licensing.policies.events import POLICY_STREAM
from tests.e2e.server_process import (
    Customers,
    Server,
    customers_of,
    environment,
    exported,
    run,
    serving,
)

NAMES = [f"c-{number}" for number in range(16)]
ENOUGH = 200
LONG_GRACE = {"DOWNLOAD_LICENSING_SHUTDOWN_GRACE_S": "600"}
"""For requests in flight: whoever waits for them does not end within the time of a test."""


async def under_load(server: Server, number: signal.Signals) -> Customers:
    """Requests of many customers, amid which the server is sent a signal."""
    async with customers_of(server) as customers:
        await customers.open(NAMES)
        enough = asyncio.Event()
        load = [
            asyncio.create_task(customers.keep_requesting(name, enough, ENOUGH)) for name in NAMES
        ]
        await asyncio.wait_for(enough.wait(), timeout=60)
        server.signal(number)
        await asyncio.gather(*load)
    return customers


async def recorded(store: Path) -> set[str]:
    """The licences that a store's file holds."""
    lines = (await exported(store)).splitlines()
    events = [json.loads(line) for line in lines]
    return {event["aggregate_id"] for event in events if event["name"] == "license-issued"}


async def test_it_greets_with_its_addresses_and_its_store(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, aiohttp.ClientSession() as session:
        store = "download-licensing-data/download-licensing.sqlite3"
        assert server.url in server.greeting
        assert store in server.greeting
        assert (tmp_path / store).exists()
        for path in ("/", "/health/ready", "/metrics", "/schema/openapi.json"):
            async with session.get(f"{server.url}{path}") as answer:
                assert answer.status == 200
                assert "server" not in answer.headers


async def test_a_service_under_test_takes_no_setting_from_where_the_tests_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOWNLOAD_LICENSING_DATA_DIRECTORY", str(tmp_path / "of another test"))
    async with serving(tmp_path):
        assert not (tmp_path / "of another test").exists()
        assert (tmp_path / "download-licensing-data").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_end_under_load_it_finishes_what_it_began(
    tmp_path: Path, number: signal.Signals
) -> None:
    store = tmp_path / "s.sqlite3"
    async with serving(tmp_path, "--store", str(store)) as server:
        customers = await under_load(server, number)
        code, err = await server.ended()
    assert code == 0, err
    assert "Traceback" not in err
    assert {status for status, _ in customers.refused} <= {503}
    assert len(customers.acknowledged) >= ENOUGH
    assert customers.acknowledged.keys() <= await recorded(store)
    assert not store.with_name(f"{store.name}-wal").exists()


async def test_told_to_end_while_idle_it_ends_at_once(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, aiohttp.ClientSession() as session:
        async with session.get(f"{server.url}/health/live") as answer:
            assert answer.status == 200
        server.signal(signal.SIGTERM)
        code, err = await server.ended()
    assert code == 0
    # The store is new: all that is told is that it has a policy now.
    assert [json.loads(line)["event"] for line in err.splitlines()] == ["policy published"]


async def test_killed_and_started_again_it_has_every_acknowledged_grant(tmp_path: Path) -> None:
    store = tmp_path / "s.sqlite3"
    async with serving(tmp_path, "--store", str(store)) as server:
        customers = await under_load(server, signal.SIGKILL)
        await server.ended()
    async with serving(tmp_path, "--store", str(store)) as server, aiohttp.ClientSession() as http:
        for license_id, (name, _) in customers.acknowledged.items():
            url = f"{server.url}/v1/customers/{name}/licenses/{license_id}"
            async with http.get(url) as answer:
                assert answer.status == 200
        async with customers_of(server) as again:
            for name, key in list(customers.acknowledged.values())[:20]:
                assert await again.request(name, key) == 201
    assert again.acknowledged.keys() <= customers.acknowledged.keys()


async def test_a_request_in_flight_is_answered_before_the_end(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = "PUT /v1/customers/c-1/account HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n"
        writer.write(head.encode())
        await writer.drain()
        async with aiohttp.ClientSession() as session, session.get(f"{server.url}/metrics") as told:
            assert "requests_in_flight 2.0" in await told.text()
        server.signal(signal.SIGTERM)
        await _until_it_listens_no_more(port)
        writer.write(b'{"plan":"basic"}')
        answer = await asyncio.wait_for(reader.read(), timeout=10)
        code, _ = await server.ended()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 201")
    assert code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_twice_to_end_it_ends_at_once_and_without_a_word(
    tmp_path: Path, number: signal.Signals
) -> None:
    store = tmp_path / "s.sqlite3"
    async with serving(tmp_path, "--store", str(store), **LONG_GRACE) as server:
        async with customers_of(server) as customers:
            await customers.open(["c-1"])
        port = int(server.url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PUT /v1/customers/c-1/account HTTP/1.1\r\nHost: x\r\n")
        writer.write(b"Content-Length: 16\r\n\r\n")
        await writer.drain()
        async with aiohttp.ClientSession() as session, session.get(f"{server.url}/metrics") as told:
            assert "requests_in_flight 2.0" in await told.text()

        server.signal(number)
        await _until_it_listens_no_more(port)
        server.signal(number)
        with contextlib.suppress(ConnectionResetError):  # how it breaks off
            assert await asyncio.wait_for(reader.read(), timeout=30) == b""
        with contextlib.suppress(ProcessLookupError):
            server.signal(number)
        code, err = await server.ended()
        writer.close()
    assert code == 0
    assert [json.loads(line)["event"] for line in err.splitlines()] == ["policy published"]
    assert not store.with_name(f"{store.name}-wal").exists()


INTERRUPTED = """
import contextlib, signal, sys
number = int(sys.argv.pop())
import download_licensing.cli.serve as serve
from download_licensing.cli.main import main

opening = serve.open_api

@contextlib.asynccontextmanager
async def interrupted(*arguments):
    async with opening(*arguments) as api:
        signal.raise_signal(number)  # heard by this thread, at once
        yield api

serve.open_api = interrupted
main()
"""
"""The program, which is told to end when all but the server is there."""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_to_end_while_it_starts_it_never_listens_and_says_nothing_of_itself(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", INTERRUPTED, "serve", "--port", "0", str(int(number))),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=tmp_path,
        env=environment(),
    )
    out, err = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode == 128 + number
    assert out == b""
    assert b"Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_told_twice_in_one_breath_while_idle_it_ends_without_a_word(
    tmp_path: Path, number: signal.Signals
) -> None:
    async with serving(tmp_path) as server:
        server.signal(number)
        server.signal(number)
        code, err = await server.ended()
    assert code == 0
    assert [json.loads(line)["event"] for line in err.splitlines()] == ["policy published"]


async def _until_it_listens_no_more(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return
        await asyncio.sleep(0.02)
    raise AssertionError("The server still listens.")


async def test_an_export_while_it_runs_is_complete_lines(tmp_path: Path) -> None:
    store, output = tmp_path / "s.sqlite3", tmp_path / "events.jsonl"
    async with serving(tmp_path, "--store", str(store)) as server:
        async with customers_of(server) as customers:
            await customers.open(["c-1"])
            assert await customers.request("c-1", "k") == 201
        process = await run(
            *("export", "--store", str(store), "--output", str(output)), directory=tmp_path
        )
        _, err = await process.communicate()
        assert process.returncode == 0, err
    assert b"6 events" in err
    events = [json.loads(line) for line in output.read_text().splitlines()]
    # That of the policy first: a new store is given the one that is shipped.
    assert [event["position"] for event in events] == [1, 1, 2, 3, 4, 5]
    assert {event["stream"] for event in events[1:]} == {"customer/c-1"}
    assert events[0]["stream"] == POLICY_STREAM
    assert all("$event" not in event["data"] for event in events)
