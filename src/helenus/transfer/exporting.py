"""Export: the streams of a store into a file, resumable after whatever interrupted it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Protocol

import msgspec
import zstandard

from helenus.errors import InvalidArgument
from helenus.store import PAGE_BYTES, EventStore, StreamDirectory
from helenus.transfer.ahead import read_in_turn
from helenus.transfer.errors import (
    FileDamaged,
    FileTruncated,
    FileUnwritable,
    NewerFormat,
    PartialUnusable,
)
from helenus.transfer.format import (
    FORMAT,
    FORMAT_VERSION,
    CommitLine,
    End,
    Header,
    Line,
    Mark,
    Totals,
    encode_line,
)
from helenus.transfer.reading import LineReader


class SourceStore(EventStore, StreamDirectory, Protocol):
    """What can be exported: a store that lists its streams."""


class ExportSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How an export uses memory and the file.

    Attributes:
        page_streams: names held at a time; a resumed export looks again at up to so many.
        streams_at_once: streams read at the same time, each but the first up to its first page.
        page_bytes: payload read from the store at a time, of one stream.
        frame_bytes: lines that are compressed together.
        compression_level: of zstd.
    """

    page_streams: int = 1_000
    streams_at_once: int = 16
    page_bytes: int = PAGE_BYTES
    frame_bytes: int = 1024 * 1024
    compression_level: int = 3


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds.

    Attributes:
        streams: so many.
        commits: so many.
        events: so many.
        resumed_commits: those of them that an interrupted export had already written.
        sha256: of its lines.
    """

    streams: int
    commits: int
    events: int
    resumed_commits: int
    sha256: str


Progress = Callable[[Totals], None]


def partial_path(path: Path) -> Path:
    """Where an export is written until it is whole."""
    return path.with_name(path.name + ".partial")


async def export_streams(
    store: SourceStore,
    path: str | os.PathLike[str],
    *,
    prefix: str = "",
    settings: ExportSettings | None = None,
    progress: Progress | None = None,
) -> Exported:
    """Write the streams whose names begin with `prefix` to a file that appears when it is whole.

    Until then it is ``NAME.partial``. Where one is there, the export goes on from its end. Of each
    stream the file holds a beginning: at least all that was acknowledged before the export began.
    The store may be written to meanwhile.

    Args:
        store: open.
        path: of the file, which must not be there yet.
        prefix: of the names; empty: all.
        settings: see `ExportSettings`.
        progress: called with what was written so far.

    Raises:
        InvalidArgument: the file is there, or its directory is not.
        PartialUnusable: what an interrupted export left is of another store or another prefix.
        StoreError: the store failed; what was written can be gone on with.
        FileUnwritable: the disk is full, or fails; what is whole can be gone on with.
        OSError: the file cannot be made.
    """
    path = Path(path)
    _require_free(path)
    settings = settings or ExportSettings()
    writer = _Writer(partial_path(path), prefix, settings)
    try:
        await writer.require_same(store)
        resumed = writer.totals.commits
        lines = _lines(store, prefix, settings, writer)
        async with contextlib.aclosing(lines):
            async for line in lines:
                writer.write(line)
                if progress is not None:
                    progress(writer.totals)
        end = writer.finish(path)
    finally:
        writer.close()
    return Exported(
        streams=end.streams,
        commits=end.commits,
        events=end.events,
        resumed_commits=resumed,
        sha256=end.sha256,
    )


def _require_free(path: Path) -> None:
    if path.exists():
        raise InvalidArgument(f"{path} is there already.", remedy="Name another, or remove it.")
    if not path.parent.is_dir():
        raise InvalidArgument(
            f"There is no directory {path.parent}.", remedy="Make it, or name another file."
        )


async def _lines(
    store: SourceStore, prefix: str, settings: ExportSettings, writer: _Writer
) -> AsyncGenerator[Line, None]:
    """The lines after those that the writer found already written."""
    done = dict(writer.since_mark)
    async for page in store.streams(
        prefix=prefix, after=writer.cursor, page_streams=settings.page_streams
    ):
        reading = read_in_turn(
            store,
            ((stream, done.pop(stream, 0)) for stream in page.streams),
            at_once=settings.streams_at_once,
            page_bytes=settings.page_bytes,
        )
        async with contextlib.aclosing(reading):
            async for stream, read in reading:
                for commit in read.commits:
                    yield CommitLine.of(stream, commit)
        yield Mark(page.cursor)


class _Writer:
    """Writes lines in whole frames, behind those that are there.

    Attributes:
        totals: of all lines.
        cursor: of the last mark found.
        since_mark: the streams found behind that mark, each with its last position.
    """

    def __init__(self, partial: Path, prefix: str, settings: ExportSettings) -> None:
        self.totals = Totals()
        self.cursor = ""
        self.since_mark: dict[str, int] = {}
        self._partial = partial
        self._frame_bytes = settings.frame_bytes
        self._compress = zstandard.ZstdCompressor(
            level=settings.compression_level, write_checksum=True
        ).compress
        self._waiting = bytearray()
        # Nothing of ours is between us and the disk: what it refuses is known at once.
        self._file = partial.open("r+b" if partial.exists() else "x+b", buffering=0)
        try:
            self._take_up(prefix)
        except BaseException:
            self._file.close()
            raise

    def _take_up(self, prefix: str) -> None:
        header = Header(FORMAT, FORMAT_VERSION, prefix)
        reader = LineReader(self._file)
        try:
            for line in reader.lines():
                self._found(line, header)
        except FileTruncated:
            pass  # as an interrupted export is
        except (FileDamaged, NewerFormat) as error:
            if not reader.whole_bytes:
                raise PartialUnusable(f"{self._partial}: {error.args[0]}") from error
        # A second look, up to the end of the last whole frame alone.
        self._file.truncate(reader.whole_bytes)
        self._file.seek(0)
        whole = LineReader(self._file)
        with contextlib.suppress(FileTruncated):
            for line in whole.lines():
                self._count(line)
        self.totals = whole.totals
        if not reader.whole_bytes:
            self.write(header)

    def _found(self, line: Line, header: Header) -> None:
        if isinstance(line, Header) and line != header:
            raise PartialUnusable(
                f"{self._partial} is an export of the streams that begin with {line.prefix!r}."
            )

    def _count(self, line: Line) -> None:
        if isinstance(line, Mark):
            self.cursor, self.since_mark = line.cursor, {}
        elif isinstance(line, CommitLine):
            self.since_mark[line.stream] = line.last

    async def require_same(self, store: SourceStore) -> None:
        """Check that what is there came from this store, by its last commit."""
        last = self.totals.last
        if last is None:
            return
        async for page in store.read(last.stream, after=last.first - 1, upto=last.last):
            if last.commit() in page.commits:
                return
        raise PartialUnusable(
            f"{self._partial} is an export of another store: this one has no such commit at"
            f" position {last.last} of stream {last.stream!r}."
        )

    def write(self, line: Line) -> None:
        encoded = encode_line(line)
        self.totals.add(encoded, line)
        self._waiting += encoded
        if len(self._waiting) >= self._frame_bytes:
            self._flush()

    def _flush(self) -> None:
        """Write a frame, or leave nothing of it.

        Raises:
            FileUnwritable: the disk did not take it; what waits is given up.
        """
        if not self._waiting:
            return
        frame = memoryview(self._compress(self._waiting))
        self._waiting.clear()
        begin = self._file.tell()
        try:
            while frame:
                frame = frame[self._file.write(frame) :]
        except OSError as error:
            with contextlib.suppress(OSError):  # a cut frame is left out by the next attempt, too
                self._file.truncate(begin)
            raise FileUnwritable(self._partial, error) from error

    def finish(self, path: Path) -> End:
        """Close the file with its last line, and give it its name once it is on disk."""
        end = self.totals.end()
        self._waiting += encode_line(end)
        self._flush()
        try:
            os.fsync(self._file.fileno())
            self._partial.rename(path)
        except OSError as error:
            raise FileUnwritable(self._partial, error) from error
        return end

    def close(self) -> None:
        """Keep what was written, for the next attempt."""
        try:
            self._flush()
        finally:
            self._file.close()
