"""Flame graphs of the hot paths: ``python -m bench flame`` writes them into a folder as SVG.

py-spy looks at a process of its own from outside, so that the code runs as it always does.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import ours
from bench.harness import console

_SAMPLES_PER_SECOND = 500
_STREAMS = 1_024
_TITLE = re.compile(r'(<text id="title"[^>]*>)[^<]*(</text>)')
TASKS = {
    "commands": "one-event commands on 1,024 streams, 64 in flight, SQLite",
    "replay": "1,000 events, one a commit, loaded from SQLite without a snapshot",
}


def run(directory: Path) -> None:
    """Write a graph for each hot path, named after it."""
    for task in TASKS:
        record(task, directory / f"{task}.svg")


def record(task: str, target: Path) -> None:
    """Write the flame graph of a task.

    Args:
        task: one of `TASKS`.
        target: the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        work = [sys.executable, "-m", "bench.flame", task, str(Path(folder) / "bench.sqlite3")]
        spy = [str(Path(sys.executable).with_name("py-spy")), "record", "--format", "flamegraph"]
        options = ["--rate", str(_SAMPLES_PER_SECOND), "--function", "--threads"]
        command = [*spy, *options, "--output", str(target), "--", *work]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    # Its title is the command, with the paths of this machine.
    graph = _TITLE.sub(rf"\g<1>{TASKS[task]}\g<2>", target.read_text(encoding="utf-8"), count=1)
    target.write_text(graph, encoding="utf-8")
    console.print(f"{target}")


async def _commands(path: Path) -> None:
    await ours.commands(path, streams=_STREAMS, in_flight=64, total=200_000)


async def _replay(path: Path) -> None:
    await ours.fill(path, "account/1", 1_000, snapshots=False, per_commit=1)
    await ours.loads(path, "account/1", times=5_000, snapshots=False, warm=False)


if __name__ == "__main__":
    work = {"commands": _commands, "replay": _replay}[sys.argv[1]]
    asyncio.run(work(Path(sys.argv[2])))
