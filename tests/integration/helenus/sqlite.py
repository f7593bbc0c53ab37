"""What tests of the SQLite store share."""

from __future__ import annotations

import asyncio
import sys
import textwrap
import uuid
from pathlib import Path

from helenus import Commit, EventStore


def commit(first: int, body: bytes = b"body") -> Commit:
    return Commit(uuid.uuid4().bytes, first, first, first, ("kind",), b"", body)


async def held(store: EventStore, stream: str = "s") -> list[Commit]:
    return [c async for page in store.read(stream) for c in page.commits]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


async def python(program: str, *arguments: object) -> asyncio.subprocess.Process:
    """Run a program in a process of its own."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        textwrap.dedent(program),
        *map(str, arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def line(process: asyncio.subprocess.Process) -> str:
    """The next line that a process prints."""
    assert process.stdout is not None
    return (await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip()


async def tell(process: asyncio.subprocess.Process, text: str = "") -> None:
    """Give a process a line."""
    assert process.stdin is not None
    process.stdin.write(f"{text}\n".encode())
    await process.stdin.drain()


async def end(process: asyncio.subprocess.Process) -> str:
    """Wait for a process that reads no more lines, and give what it printed."""
    assert process.stdin is not None
    process.stdin.close()
    printed, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0
    return printed.decode()
