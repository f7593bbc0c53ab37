"""Resident memory: streams that were touched once leave, and long streams pass through.

Each task runs in a process of its own, which prints what it holds as it goes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.harness import Row, console
from bench.memory_worker import CACHE_BYTES, Sample

_MIB = 1024 * 1024
_LONG_STREAM_MIB = 200
_TASKS = {
    "read": "read page by page",
    "history": "its history, event by event",
    "replay": "replayed by a repository",
    "export": "exported",
    "verify": "verified, and replayed, with its aggregates",
}


def run(directory: Path, size: int) -> list[Row]:
    """Both proofs.

    Args:
        directory: where scratch files go.
        size: how many streams are touched, and how many events the long stream has.
    """
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        scratch = Path(folder)
        return [*_touched(scratch, size), *_long(scratch, size)]


def _touched(scratch: Path, size: int) -> Iterator[Row]:
    case = f"{size:,} streams, one command each, 64 in flight, SQLite"
    console.print(case)
    samples = _samples("touch", scratch / "touched.sqlite3", size)
    first, most = samples[0].resident_bytes, samples[-1].peak_bytes
    bound = CACHE_BYTES / _MIB
    yield Row(case, "resident before the first", "MiB", [first / _MIB])
    yield Row(
        case, "beyond that, at most", "MiB", [(most - first) / _MIB], f"≤ {bound:,.0f}, the cache"
    )
    cached = max(sample.cached_bytes for sample in samples) / _MIB
    yield Row(case, "what the cache takes itself for, at most", "MiB", [cached])
    yield Row(case, "streams in it in the end", "streams", [samples[-1].cached_streams])


def _long(scratch: Path, size: int) -> Iterator[Row]:
    case = f"one stream of {size:,} events, one a commit, SQLite"
    path = scratch / "long.sqlite3"
    console.print(case)
    _samples("fill", path, size)
    for task, words in _TASKS.items():
        samples = _samples(task, path, size)
        peak = samples[-1].peak_bytes / _MIB
        yield Row(case, f"{words}, at most", "MiB", [peak], f"≤ {_LONG_STREAM_MIB}")


def _samples(task: str, path: Path, size: int) -> list[Sample]:
    """What a process told of itself, from before its work to its end."""
    command = [sys.executable, "-m", "bench.memory_worker", task, str(path), str(size)]
    samples = []
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                samples.append(msgspec.json.decode(line, type=Sample))
                _print(task, samples[-1])
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise SystemExit(f"{task} failed")
    return samples


def _print(task: str, sample: Sample) -> None:
    console.print(
        f"  {task}: {sample.done:,} done, {sample.seconds:.1f} s,"
        f" resident {sample.resident_bytes / _MIB:.1f} MiB,"
        f" at most {sample.peak_bytes / _MIB:.1f} so far,"
        f" cache {sample.cached_streams:,} streams, {sample.cached_bytes / _MIB:.1f} MiB"
    )
