"""Prints what a store tells of a customer's past: `python -m … STORE DIRECTORY CUSTOMER`.

Its events; the state at each position; the timeline; and why each refusal was one.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import msgspec

from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.settings import Settings
from tests.integration.api.asgi_client import AsgiClient


async def told(client: AsgiClient, customer_id: str) -> dict[str, Any]:
    """All of it, as the service answers."""
    history = await _answer(client, f"/v1/customers/{customer_id}/history?limit=10000")
    of = f"/v1/admin/customers/{customer_id}"
    positions = range(1, history["head"] + 1)
    refusals = (await _answer(client, f"{of}/refusals?limit=1000"))["refusals"]
    return {
        "history": history,
        "states": [await _answer(client, f"{of}/state?position={each}") for each in positions],
        "timeline": await _answer(client, f"{of}/timeline?limit=1000"),
        "refusals": refusals,
        "why": [
            await _answer(client, f"{of}/why?latest={number + 1}")
            for number in range(len(refusals))
        ],
    }


async def _answer(client: AsgiClient, path: str) -> Any:
    answer = await client.get(path, at="2026-12-01T00:00:00Z")
    assert answer.status == 200, (path, answer)
    return answer.json()


async def main(store: str, directory: Path, customer_id: str) -> None:
    catalogue = Catalogue.parse((directory / "catalogue.yaml").read_bytes(), "test")
    settings = Settings(rehearsal=True, store=store, log_level="error")
    async with open_api(settings, catalogue) as api:
        answers = await told(AsgiClient(api.gate), customer_id)
    sys.stdout.write(msgspec.json.encode(answers).decode())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
