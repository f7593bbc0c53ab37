"""A disk that fills during an export: it is said so, and what is whole is gone on with."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import resource
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from helenus.transfer import ExportSettings, FileUnwritable, export_streams
from helenus.transfer.errors import FileTruncated
from helenus.transfer.reading import LineReader
from tests.unit.helenus.transfer.files import fill, lines_of

TINY = ExportSettings(page_streams=2, page_bytes=300, frame_bytes=500)


class Disk:
    """Takes so many bytes of a file; the write that crosses the limit is cut there, then refused.

    Attributes:
        room: bytes; None: enough.
    """

    def __init__(self) -> None:
        self.room: int | None = None

    def open(self, path: Path, mode: str, buffering: int) -> io.FileIO:
        assert buffering == 0
        disk = self

        class File(io.FileIO):
            def write(self, data: Any, /) -> int:
                view = memoryview(data)
                if disk.room is not None and self.tell() + len(view) > disk.room:
                    view = view[: max(disk.room - self.tell(), 0)]
                    if not view:
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return super().write(view)

        return File(path, mode)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    kept = Path.open

    def opened(path: Path, mode: str = "r", buffering: int = -1, **how: Any) -> Any:
        if path.name.endswith(".partial") and buffering == 0:
            return disk.open(path, mode, buffering)
        return kept(path, mode, buffering, **how)

    monkeypatch.setattr(Path, "open", opened)
    return disk


@pytest.fixture
async def source() -> AsyncIterator[MemoryStore]:
    async with MemoryStore() as store:
        await fill(store)
        yield store


def whole_bytes(path: Path) -> int:
    """How much of a file is whole frames."""
    with path.open("rb") as file:
        reader = LineReader(file)
        with pytest.raises(FileTruncated):
            list(reader.lines())
        return reader.whole_bytes


async def test_an_export_that_meets_a_full_disk_at_any_byte_goes_on_when_there_is_room(
    source: MemoryStore, tmp_path: Path, disk: Disk
) -> None:
    await export_streams(source, tmp_path / "whole", settings=TINY)
    length = len((tmp_path / "whole").read_bytes())
    for room in [*range(0, length, 397), length - 1]:
        path, partial = tmp_path / f"full-{room}", tmp_path / f"full-{room}.partial"
        disk.room = room
        with pytest.raises(FileUnwritable, match="No space left on device") as caught:
            await export_streams(source, path, settings=TINY)
        assert (caught.value.path, caught.value.reason.errno) == (partial, errno.ENOSPC)
        assert not path.exists()
        written = partial.stat().st_size
        assert written == whole_bytes(partial) <= room
        with pytest.raises(FileUnwritable):  # nothing has changed
            await export_streams(source, path, settings=TINY)
        assert partial.stat().st_size == written
        disk.room = None
        resumed = await export_streams(source, path, settings=TINY)
        assert bool(resumed.resumed_commits) == (written > 600)
        assert lines_of(path) == lines_of(tmp_path / "whole")
        assert not partial.exists()


async def test_a_file_that_cannot_be_brought_to_the_disk_is_not_given_its_name(
    source: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(FileUnwritable, match="Input/output error"):
            await export_streams(source, tmp_path / "f", settings=TINY)
    assert not (tmp_path / "f").exists()
    await export_streams(source, tmp_path / "f", settings=TINY)
    await export_streams(source, tmp_path / "other", settings=TINY)
    assert lines_of(tmp_path / "f") == lines_of(tmp_path / "other")


def test_the_command_says_what_is_full_and_what_to_do(tmp_path: Path) -> None:
    store, target = tmp_path / "s.sqlite3", tmp_path / "out.zst"

    async def make() -> None:
        async with SqliteStore(store) as opened:
            await fill(opened, 25)

    def helenus(*arguments: object) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "helenus.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            preexec_fn=limit,
        )

    def limit() -> None:
        # No file of the process may be longer: the write that crosses it is refused.
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    asyncio.run(make())
    size: int = 100_000
    full = helenus("export", store, target)
    assert full.returncode == 1
    assert "out.zst.partial cannot be written: File too large." in full.stderr
    assert "Make room, and export again" in full.stderr
    assert "Traceback" not in full.stderr
    assert not target.exists()
    size = resource.RLIM_INFINITY
    assert helenus("export", store, target).returncode == 0
    assert helenus("import", target, tmp_path / "copy.sqlite3").returncode == 0
