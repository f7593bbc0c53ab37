"""Policies while the service runs: a watched file, SIGHUP, and another process that publishes."""

import asyncio
import signal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.server_process import Server, run, serving

SEEN_WITHIN_S = 30.0
SOON = {
    "DOWNLOAD_LICENSING_POLICY_POLL_S": "0.1",
    "DOWNLOAD_LICENSING_POLICY_LEAD_S": "0.3",
}
NEVER_BY_ITSELF = {**SOON, "DOWNLOAD_LICENSING_POLICY_POLL_S": "3600"}


def document(version: str, devices: int) -> str:
    return f"version: {version}\ndefault:\n  device-limit: {{devices_max: {devices}}}\n"


async def policies(session: aiohttp.ClientSession, server: Server) -> Any:
    async with session.get(f"{server.url}/v1/admin/policies") as answer:
        assert answer.status == 200
        return await answer.json()


async def in_force(server: Server, version: str) -> None:
    """Ask until a version is."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(SEEN_WITHIN_S):
        while True:
            if (await policies(session, server))["in_force"] == version:
                return
            await asyncio.sleep(0.02)


async def granted_by(server: Server, device: str) -> tuple[int, str]:
    """The status of a request, and the policy that it was decided by."""
    customer = f"{server.url}/v1/customers/ada"
    async with aiohttp.ClientSession() as session:
        async with session.put(f"{customer}/account", json={"plan": "basic"}):
            pass
        async with session.post(
            f"{customer}/licenses",
            json={"device_id": device, "title_id": "button-town"},
            headers={"Idempotency-Key": device},
        ) as answer:
            content = await answer.json(content_type=None)
            return answer.status, content["policy_version"]


def write(file: Path, version: str, devices: int) -> None:
    file.write_text(document(version, devices))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(document("one", 1))
    return path


async def test_a_file_that_is_written_holds_without_a_restart_and_a_broken_one_never(
    tmp_path: Path, file: Path
) -> None:
    async with serving(tmp_path, "--policy", str(file), **SOON) as server:
        assert await granted_by(server, "tv") == (201, "one")
        assert await granted_by(server, "phone") == (403, "one")

        write(file, "two", 2)
        await in_force(server, "two")
        assert await granted_by(server, "phone") == (201, "two")

        write(file, "three", -1)
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{server.url}/v1/admin/policies/reload") as answer:
                reloaded = await answer.json()
            assert "policy.yaml:3:31: default.device-limit.devices_max" in reloaded["problem"]
            assert reloaded["version"] == "two"
            listed = await policies(session, server)
        assert [known["version"] for known in listed["versions"]] == ["one", "two"]
        assert await granted_by(server, "laptop") == (403, "two")
        server.signal(signal.SIGTERM)
        code, errors = await server.ended()
    assert code == 0
    assert "policy file not published" in errors
    assert "Traceback" not in errors


async def test_sighup_takes_a_new_file_at_once(tmp_path: Path, file: Path) -> None:
    async with serving(tmp_path, "--policy", str(file), **NEVER_BY_ITSELF) as server:
        await in_force(server, "one")
        write(file, "two", 2)

        server.signal(signal.SIGHUP)

        await in_force(server, "two")


async def test_what_another_process_publishes_is_followed_and_survives_a_restart(
    tmp_path: Path,
) -> None:
    file = tmp_path / "next.yaml"
    write(file, "next", 0)
    async with serving(tmp_path, **SOON) as server:
        await in_force(server, "shipped-1")

        publishing = await run(
            *("policy", "publish", str(file), "--expect", "shipped-1"), directory=tmp_path, **SOON
        )
        _, errors = await publishing.communicate()
        assert publishing.returncode == 0, errors

        await in_force(server, "next")
        assert await granted_by(server, "tv") == (403, "next")
    async with serving(tmp_path, "--policy", str(file), **SOON) as server:
        await in_force(server, "next")
