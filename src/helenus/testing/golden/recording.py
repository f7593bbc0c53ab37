"""Makes golden histories: from samples, or from the streams of a store."""

from __future__ import annotations

import asyncio
import functools
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from helenus.aggregates import Aggregate
from helenus.codec import Codec
from helenus.errors import InvalidArgument
from helenus.repository import AggregateRepository
from helenus.settings import RepositorySettings
from helenus.store import Commit, EventStore
from helenus.stores.memory import MemoryStore
from helenus.testing.clock import MockClock
from helenus.testing.golden import files
from helenus.testing.golden.files import FORMAT, GoldenCommit, GoldenHistory
from helenus.testing.golden.replay import replay
from helenus.testing.scenarios import Addressed
from helenus.unit_of_work import UnitOfWork

Sample = Sequence[Addressed]
"""The events of one history, each with its aggregate: `helenus.testing.at` makes them."""

_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
_COMMITS_MAX = 10_000


def record(
    directory: str | os.PathLike[str],
    aggregates: Iterable[type[Aggregate]],
    samples: Mapping[str, Sample],
) -> list[Path]:
    """Write a golden history for each sample whose bytes are not those of its last generation.

    A file that is there is never changed: what today's code writes for a sample becomes the next
    generation, ``NAME.2.json`` after ``NAME.1.json``, if it differs.

    Args:
        directory: where the files are; it is made if it is not there.
        aggregates: today's aggregate types.
        samples: histories by name; each event becomes a commit of its own.

    Returns:
        The files that were written.

    Raises:
        InvalidArgument: a name is no file name, or a sample is empty.
        HelenusError: an event cannot be recorded.
    """
    types = tuple(aggregates)
    written = []
    for name, sample in samples.items():
        if not sample:
            raise InvalidArgument(f"The sample {name!r} has no events.")
        stream = f"golden/{name}"
        commits = asyncio.run(_commits_of(stream, types, sample))
        written += _write(Path(directory), name, stream, commits, Codec(types))
    return written


async def capture(
    directory: str | os.PathLike[str],
    aggregates: Iterable[type[Aggregate]],
    store: EventStore,
    streams: Iterable[str],
) -> list[Path]:
    """Write a golden history of each of these streams as it is stored.

    What is captured is checked in: it must not be anybody's personal data.

    Args:
        directory: where the files are; it is made if it is not there.
        aggregates: today's aggregate types.
        store: an open store.
        streams: names of streams; a file is named after its stream.

    Returns:
        The files that were written: none for a stream that is captured already.

    Raises:
        InvalidArgument: a stream has no events, or too many.
        HelenusError: the stream cannot be read.
    """
    codec, written = Codec(aggregates), []
    for stream in streams:
        commits = await _stored(store, stream)
        name = re.sub(r"[^A-Za-z0-9]+", "-", stream).strip("-")[:100]
        written += _write(Path(directory), name, stream, commits, codec)
    return written


async def _commits_of(
    stream: str, aggregates: tuple[type[Aggregate], ...], sample: Sample
) -> list[Commit]:
    settings = RepositorySettings(snapshot_events=0)
    async with (
        MemoryStore() as store,
        AggregateRepository(
            store, aggregates, settings=settings, clock=MockClock(_MOMENT)
        ) as repository,
    ):
        for one in sample:
            await repository.transact(stream, functools.partial(_raise, one))
        return await _stored(store, stream)


def _raise(one: Addressed, unit: UnitOfWork) -> None:
    unit.get(one.aggregate_type, one.aggregate_id).record(one.event)


async def _stored(store: EventStore, stream: str) -> list[Commit]:
    commits: list[Commit] = []
    async for page in store.read(stream):
        commits += page.commits
        if len(commits) > _COMMITS_MAX:
            raise InvalidArgument(
                f"Stream {stream!r} has more than {_COMMITS_MAX:,} commits: capture a shorter one."
            )
    if not commits:
        raise InvalidArgument(f"Stream {stream!r} has no events to capture.")
    return commits


def _write(
    directory: Path, name: str, stream: str, commits: Sequence[Commit], codec: Codec
) -> list[Path]:
    earlier = files.generations(directory, name)
    if earlier and _bytes(files.read(earlier[-1])) == [(c.kinds, c.body) for c in commits]:
        return []
    number = files.generation_of(earlier[-1]) + 1 if earlier else 1
    path = files.path_of(directory, name, number)
    golden = tuple(
        GoldenCommit(
            first=commit.first,
            last=commit.last,
            kinds=tuple(commit.kinds),
            commit_id=commit.commit_id,
            recorded_at_us=commit.recorded_at_us,
            checksum=commit.checksum,
            meta=commit.meta,
            body=commit.body,
            states=states,
        )
        for commit, states in zip(commits, replay(stream, commits, codec), strict=True)
    )
    files.write(path, GoldenHistory(format=FORMAT, stream=stream, commits=golden))
    return [path]


def _bytes(history: GoldenHistory) -> list[tuple[tuple[str, ...], bytes]]:
    return [(commit.kinds, commit.body) for commit in history.commits]
