"""Many streams of many commits through the command line: export, its resumption, verify, import.

Each command is a process of its own, which is watched for what it holds.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from bench.cassandra.accounts import Account, pay
from bench.cassandra.context import WITHOUT_SNAPSHOTS, Bench
from bench.harness import Row
from bench.proc_status import told_by_linux
from helenus import AggregateRepository
from helenus.stores.cassandra import CassandraStore
from helenus.stores.cassandra.schema import migrate
from helenus.transfer import Exported, Imported
from helenus.transfer.exporting import partial_path
from helenus.verification import Verified

_STREAM_COMMITS = 100
_STREAMS_AT_ONCE = 16
_LOOK_S = 0.05
_KILLED_AT = 0.5  # of the bytes of the whole file


class _Ended(NamedTuple):
    """A command that has ended: its answer, how long it took, the most it held."""

    answer: bytes
    seconds: float
    peak_bytes: int


async def run(bench: Bench) -> list[Row]:
    """So many commits as the longest history has events."""
    commits = bench.options.events_max // _STREAM_COMMITS * _STREAM_COMMITS
    source, target = (
        msgspec.structs.replace(bench.settings, keyspace=f"bulk_{name}_{uuid.uuid4().hex[:8]}")
        for name in ("source", "target")
    )
    await migrate(source)
    await migrate(target)
    async with CassandraStore(source) as store:
        filled_s = await _fill(store, commits // _STREAM_COMMITS)
    urls = [
        f"cassandra://{bench.cluster.contact_points[0]}:{bench.cluster.port}/{each.keyspace}"
        for each in (source, target)
    ]
    with tempfile.TemporaryDirectory(dir=bench.cluster.directory) as folder:
        whole, resumed = Path(folder) / "whole", Path(folder) / "resumed"
        exported = await _command("export", urls[0], str(whole))
        taken_over = await _export_killed_midway(urls[0], resumed, whole.stat().st_size)
        imported = await _command("import", str(whole), urls[1])
    verified = await _command("verify", urls[1])
    assert msgspec.json.decode(exported.answer, type=Exported).commits == commits
    assert msgspec.json.decode(imported.answer, type=Imported).written_commits == commits
    seen = msgspec.json.decode(verified.answer, type=Verified)
    assert (seen.commits, seen.findings) == (commits, [])
    case = f"{commits:,} commits in streams of {_STREAM_COMMITS}, one process each"
    return [
        Row(case, "filling, in groups", "commits/s", [commits / filled_s]),
        *_rows(case, "export", commits, exported),
        Row(case, "killed midway: taken over by the next", "%", [100 * taken_over / commits]),
        *_rows(case, "import", commits, imported),
        *_rows(case, "verify", commits, verified),
    ]


def _rows(case: str, command: str, commits: int, ended: _Ended) -> list[Row]:
    return [
        Row(case, f"helenus {command}", "commits/s", [commits / ended.seconds]),
        Row(case, "the most it held", "MiB", [ended.peak_bytes / 2**20], "≤ 200"),
    ]


async def _fill(store: CassandraStore, streams: int) -> float:
    began = time.perf_counter()
    async with AggregateRepository(store, [Account], settings=WITHOUT_SNAPSHOTS) as repository:
        names = iter(f"account/{number}" for number in range(streams))

        async def worker() -> None:
            for stream in names:
                await asyncio.gather(
                    *(repository.transact(stream, pay()) for _ in range(_STREAM_COMMITS))
                )

        await asyncio.gather(*(worker() for _ in range(_STREAMS_AT_ONCE)))
    return time.perf_counter() - began


async def _export_killed_midway(url: str, file: Path, whole_bytes: int) -> int:
    """Kill an export, have it gone on with, and return how many commits were taken over."""
    partial = partial_path(file)
    async with _started("export", url, str(file)) as process:
        while not (partial.exists() and partial.stat().st_size > whole_bytes * _KILLED_AT):
            assert process.returncode is None, "the export was faster than it could be killed"
            await asyncio.sleep(_LOOK_S)
        process.kill()
        await process.wait()
    again = await _command("export", url, str(file))
    return msgspec.json.decode(again.answer, type=Exported).resumed_commits


async def _command(*arguments: str) -> _Ended:
    began = time.perf_counter()
    peak = 0
    async with _started(*arguments) as process:
        answer = asyncio.ensure_future(process.communicate())
        while not answer.done():
            peak = max(peak, told_by_linux("VmHWM", process.pid))
            await asyncio.wait([answer], timeout=_LOOK_S)
        said, _ = answer.result()
    if process.returncode:
        raise RuntimeError(f"helenus {' '.join(arguments)} ended with {process.returncode}")
    return _Ended(said, time.perf_counter() - began, peak)


@contextlib.asynccontextmanager
async def _started(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "helenus.cli", *arguments, "--json"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "NO_COLOR": "1"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
