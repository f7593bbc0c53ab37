"""A token of a running service, verified by a process that cannot reach it; and a rotation."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.server_process import Server, run, serving

DEVICE = """
import json, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from download_licensing.tokens.verifier import Verifier

key_set, *tokens = (Path(path).read_text() for path in sys.argv[1:])
verifier = Verifier(key_set, issuer="download-licensing", device_id="phone")
for token in tokens:
    now = datetime.now(UTC)
    for ahead in (timedelta(), timedelta(days=60)):
        verdict = verifier.check(token, now=now + ahead, title_id="glass-harbour")
        print(json.dumps([verdict.may_play, verdict.reason]))
"""
MAY_PLAY, EXPIRED = [True, None], [False, "license-expired"]


async def granted(server: Server, http: aiohttp.ClientSession, key: str) -> dict[str, Any]:
    async with http.post(
        f"{server.url}/v1/customers/ada/licenses",
        json={"device_id": "phone", "title_id": "glass-harbour"},
        headers={"Idempotency-Key": key},
    ) as answer:
        assert answer.status == 201
        grant: dict[str, Any] = await answer.json()
        return grant


async def fetched(url: str, http: aiohttp.ClientSession, path: Path) -> Path:
    async with http.get(url) as answer:
        await asyncio.to_thread(path.write_bytes, await answer.read())
    return path


def kept(grants: Iterable[dict[str, Any]], directory: Path) -> list[Path]:
    """The tokens of grants, each in a file."""
    files = []
    for number, grant in enumerate(grants):
        files.append(directory / f"token-{number}")
        files[-1].write_text(grant["token"], encoding="utf-8")
    return files


async def on_a_device(key_set: Path, *grants: dict[str, Any]) -> list[Any]:
    """What a device without a network says of tokens, now and in 60 days."""
    files = kept(grants, key_set.parent)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", DEVICE, str(key_set), *map(str, files)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode == 0
    return [json.loads(line) for line in out.splitlines()]


async def command(directory: Path, *arguments: str) -> str:
    process = await run("keys", *arguments, directory=directory)
    out, err = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode == 0, err
    return out.decode()


async def test_a_device_verifies_what_a_service_granted_also_over_a_rotation(
    tmp_path: Path,
) -> None:
    at_once = {"DOWNLOAD_LICENSING_TOKEN_KEYS_REFRESH_S": "0"}
    async with serving(tmp_path, **at_once) as server, aiohttp.ClientSession() as http:
        key_set_url = f"{server.url}/.well-known/jwks.json"
        account = f"{server.url}/v1/customers/ada/account"
        async with http.put(account, json={"plan": "standard"}) as answer:
            assert answer.status == 201
        before = await granted(server, http, "k1")
        old_set = await fetched(key_set_url, http, tmp_path / "old.json")
        assert await on_a_device(old_set, before) == [MAY_PLAY, EXPIRED]

        await command(tmp_path, "generate")
        assert (await granted(server, http, "k1"))["token"] == before["token"]
        await command(tmp_path, "rotate", "--now")
        after = await granted(server, http, "k2")
        again = await granted(server, http, "k1")
        new_set = await fetched(key_set_url, http, tmp_path / "new.json")

    assert again["token"] != before["token"]
    assert {**again, "token": ""} == {**before, "token": ""}
    assert await on_a_device(new_set, before, after, again) == [MAY_PLAY, EXPIRED] * 3
    assert await on_a_device(old_set, after) == [[False, "key-unknown"]] * 2
    listed = json.loads(await command(tmp_path, "list", "--json"))
    assert [row["state"] for row in listed] == ["signs", "former"]
