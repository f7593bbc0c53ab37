"""`python -m download_licensing serve` as a child process, and a client for it."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from download_licensing.settings import ENVIRONMENT_PREFIX

ENDED_WITHIN_S = 30.0
READY_WITHIN_S = 30.0
UNCAPPED_TITLE = "button-town"
_URL = re.compile(rb"Serving (http://\S+)")


class Server:
    """A running service.

    Attributes:
        url: where it listens.
        greeting: the line it printed.
    """

    def __init__(self, process: Process, greeting: bytes) -> None:
        self._process = process
        self.greeting = greeting.decode().strip()
        found = _URL.search(greeting)
        assert found, greeting
        self.url = found[1].decode()

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self) -> tuple[int, str]:
        """The exit code and what was written to stderr."""
        _, err = await asyncio.wait_for(self._process.communicate(), ENDED_WITHIN_S)
        return self._process.returncode or 0, err.decode()

    async def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()


def environment(**settings: str) -> dict[str, str]:
    """This process's, in which the program's own variables are these and no others."""
    others = {k: v for k, v in os.environ.items() if not k.startswith(ENVIRONMENT_PREFIX)}
    return others | settings


async def run(*arguments: str, directory: Path, **settings: str) -> Process:
    """Any command of the program, with these variables."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "download_licensing", *arguments),
        stdout=PIPE,
        stderr=PIPE,
        cwd=directory,
        env=environment(**settings),
    )


async def failed(*arguments: str, directory: Path, **settings: str) -> str:
    """What a command that cannot be carried out says; it ends with 2, in lines, not a traceback."""
    process = await run(*arguments, directory=directory, **settings)
    out, err = await asyncio.wait_for(process.communicate(), READY_WITHIN_S)
    assert process.returncode == 2, (process.returncode, out, err)
    text = err.decode()
    assert "Traceback" not in text
    assert 1 <= len(text.splitlines()) <= 25
    return text


async def exported(store: Path) -> bytes:
    """All events of a store's file, as the command writes them."""
    process = await run("export", "--store", str(store), directory=store.parent)
    out, err = await asyncio.wait_for(process.communicate(), ENDED_WITHIN_S)
    assert process.returncode == 0, err
    return out


@asynccontextmanager
async def serving(directory: Path, *options: str, **settings: str) -> AsyncIterator[Server]:
    """A service on a free port that answers; killed at the end if it is still there."""
    process = await run(
        "serve", "--port", "0", *options, directory=directory, PYTHONUNBUFFERED="1", **settings
    )
    assert process.stdout is not None
    greeting = await asyncio.wait_for(process.stdout.readline(), READY_WITHIN_S)
    if not greeting:
        _, err = await process.communicate()
        raise AssertionError(f"The service did not start: {err.decode()}")
    server = Server(process, greeting)
    try:
        yield server
    finally:
        if process.returncode is None:
            await server.kill()


class Customers:
    """A client of the service, whose grants are remembered when they are acknowledged.

    Attributes:
        acknowledged: for each licence, its customer and the key it was granted under.
        refused: other answers, by status and reason.
    """

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url
        self.acknowledged: dict[str, tuple[str, str]] = {}
        self.refused: list[tuple[int, str]] = []

    async def open(self, names: Sequence[str]) -> None:
        for name in names:
            url = f"{self._url}/v1/customers/{name}/account"
            async with self._session.put(url, json={"plan": "premium"}) as answer:
                assert answer.status in {200, 201}

    async def request(self, customer: str, key: str) -> int:
        """The status of the answer.

        Raises:
            aiohttp.ClientError: there was none.
        """
        async with self._session.post(
            f"{self._url}/v1/customers/{customer}/licenses",
            json={"device_id": f"device-{len(key) % 6}", "title_id": UNCAPPED_TITLE},
            headers={"Idempotency-Key": key},
        ) as answer:
            content: dict[str, Any] = await answer.json(content_type=None)
            if answer.status == 201:
                self.acknowledged[content["license_id"]] = (customer, key)
            else:
                self.refused.append((answer.status, content["type"].rpartition("/")[2]))
            return answer.status

    async def keep_requesting(self, customer: str, enough: asyncio.Event, at_least: int) -> None:
        """Request until there is no server any more; tell when there are enough grants."""
        number = 0
        with contextlib.suppress(aiohttp.ClientError):
            while True:
                number += 1
                await self.request(customer, f"{customer}-{number}".ljust(20 + number % 6, "x"))
                if len(self.acknowledged) >= at_least:
                    enough.set()


@asynccontextmanager
async def customers_of(server: Server) -> AsyncIterator[Customers]:
    async with aiohttp.ClientSession() as session:
        yield Customers(session, server.url)
