"""Import: the commits of a file into a store, each once, however often it is repeated."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from helenus.errors import Conflict, InvalidArgument
from helenus.store import Commit, EventStore, Head
from helenus.transfer.errors import FileDamaged, TargetDiffers
from helenus.transfer.format import CommitLine, End, Line, Totals
from helenus.transfer.reading import LineReader


class ImportSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How an import uses memory and the store.

    Attributes:
        batch_bytes: payload held at a time.
        batch_commits_max: commits held at a time.
        append_commits_max: commits in one append.
        streams_at_once: streams written at the same time.
    """

    batch_bytes: int = 8 * 1024 * 1024
    batch_commits_max: int = 4_096
    append_commits_max: int = 256
    streams_at_once: int = 64


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import found in the file and did.

    Attributes:
        streams: in the file.
        commits: in the file.
        events: in the file.
        written_commits: those of them that the store did not hold before; in a dry run, those that
            would have been written.
        sha256: of the lines of the file, which was compared with its closing line.
    """

    streams: int
    commits: int
    events: int
    written_commits: int
    sha256: str


Progress = Callable[[Totals], None]


async def import_streams(
    store: EventStore,
    path: str | os.PathLike[str],
    *,
    dry_run: bool = False,
    settings: ImportSettings | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Bring the commits of a file into a store, as they are, each stream's in order.

    A commit that is there already is compared, not written. So an import that was interrupted, or
    whose outcome is not known, is simply repeated.

    Args:
        store: open.
        path: of the file.
        dry_run: whether the file and the store are only compared.
        settings: see `ImportSettings`.
        progress: called with what was read so far.

    Raises:
        FileDamaged: a line is not what was written; what stands before it was imported.
        FileTruncated: the file ends early; what is whole was imported.
        NewerFormat: a newer release wrote the file; nothing was imported.
        TargetDiffers: a stream of the store is another one; the others may have been imported.
        StoreError: the store failed; repeat the import.
    """
    settings = settings or ImportSettings()
    target = _Target(store, settings, dry_run=dry_run)
    file = _open(Path(path))
    with file:
        reader = LineReader(file)
        for batch, error in _batches(reader, settings):
            await target.take(batch)
            if error is not None:
                raise error
            if progress is not None:
                progress(reader.totals)
        end = reader.totals.end()
    return Imported(
        streams=end.streams,
        commits=end.commits,
        events=end.events,
        written_commits=target.written_commits,
        sha256=end.sha256,
    )


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError:
        raise InvalidArgument(f"There is no file {path}.", remedy="Name an export.") from None


Batch = dict[str, list[Commit]]


def _batches(
    reader: LineReader, settings: ImportSettings
) -> Iterator[tuple[Batch, FileDamaged | None]]:
    """The commits of the file by stream, in bounded number; with the last, what ended the file."""
    batch: Batch = {}
    size = commits = 0
    lines = reader.lines()
    while True:
        try:
            line: Line = next(lines)
        except FileDamaged as error:
            yield batch, error
            return
        if isinstance(line, End):
            yield batch, None
            return
        if not isinstance(line, CommitLine):
            continue
        commit = line.commit()
        batch.setdefault(line.stream, []).append(commit)
        size += commit.size_bytes
        commits += 1
        if size >= settings.batch_bytes or commits >= settings.batch_commits_max:
            yield batch, None
            batch, size, commits = {}, 0, 0


class _Target:
    """The store that is imported into."""

    def __init__(self, store: EventStore, settings: ImportSettings, *, dry_run: bool) -> None:
        self.written_commits = 0
        self._store = store
        self._append_commits_max = settings.append_commits_max
        self._dry_run = dry_run
        self._reached: dict[str, int] = {}
        self._places = asyncio.Semaphore(settings.streams_at_once)

    async def take(self, batch: Batch) -> None:
        """Bring each stream up to where the batch goes.

        Raises:
            TargetDiffers: for the first of them that is another one, when all have ended.
            StoreError: the store failed.
        """
        results = await asyncio.gather(
            *(self._take(stream, commits) for stream, commits in batch.items()),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        if batch:
            # The file may go on with the last stream, which a dry run leaves as it is.
            last = next(reversed(batch))
            self._reached = {last: batch[last][-1].last}

    async def _take(self, stream: str, commits: list[Commit]) -> None:
        async with self._places:
            head = await self._store.head(stream)
            known = [commit for commit in commits if commit.first <= head.position]
            if known:
                await self._compare(stream, known, head)
            await self._append(stream, commits[len(known) :], head)

    async def _compare(self, stream: str, commits: Sequence[Commit], head: Head) -> None:
        expected = iter(commits)
        async for page in self._store.read(
            stream, after=commits[0].first - 1, upto=min(commits[-1].last, head.position)
        ):
            for found in page.commits:
                commit = next(expected, None)
                if commit != found:
                    position = min(found.first, commit.first if commit else found.first)
                    raise TargetDiffers(stream, position, "the store holds another commit there")
        for commit in expected:
            raise TargetDiffers(stream, commit.first, "the store holds another commit there")

    async def _append(self, stream: str, commits: Sequence[Commit], head: Head) -> None:
        if not commits:
            return
        position = max(head.position, self._reached.get(stream, 0))
        _require_continues(stream, commits, position)
        if self._dry_run:
            self.written_commits += len(commits)
            return
        for start in range(0, len(commits), self._append_commits_max):
            part = commits[start : start + self._append_commits_max]
            try:
                head = await self._store.append(stream, part, head)
            except Conflict as conflict:
                raise TargetDiffers(
                    stream, part[0].first, "somebody else writes to it during the import"
                ) from conflict
            self.written_commits += len(part)


def _require_continues(stream: str, commits: Sequence[Commit], position: int) -> None:
    for commit in commits:
        if commit.first != position + 1 or commit.last < commit.first:
            raise TargetDiffers(
                stream,
                commit.first,
                f"the commit there does not follow position {position}, where the store ends",
            )
        position = commit.last
