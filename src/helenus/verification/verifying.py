"""Going through a store, stream by stream, in bounded memory, from any cursor on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Sequence
from typing import Protocol, Self, runtime_checkable

import msgspec

from helenus.aggregates import Aggregate
from helenus.codec import Codec
from helenus.errors import CorruptData
from helenus.findings import Finding, InspectedStore
from helenus.settings import RepositorySettings
from helenus.snapshots import SnapshotCodec
from helenus.store import PAGE_BYTES, EventStore, Snapshot, StreamDirectory
from helenus.verification import structure
from helenus.verification.replay import Replay
from helenus.verification.structure import StructureCheck

_OWN_KINDS = {
    "unreadable": "the store cannot read on from there",
    "head": "the head is not where the commits end",
    "snapshot-ahead": "the snapshot is of a position behind the head",
    "snapshot-position": "the snapshot is of a position within a commit",
    "snapshot-unreadable": "the snapshot is damaged; given the aggregates",
    "snapshot-state": "the snapshot holds another state than replay; given the aggregates",
    "snapshot-window": "the snapshot remembers other commands than replay; given the aggregates",
    "replay": "an event cannot be decoded or applied; given the aggregates",
    "row-unreadable": "the record of a row cannot be read",
    "row-positions": "a row tells of other positions than its record, or does not follow",
    "row-kinds": "a row names other events than its record; on Cassandra",
    "payload-missing": "a row points to a payload that is not there; on Cassandra",
    "bucket-head": "a bucket's head is not where its rows end; on Cassandra",
    "bucket-bytes": "a bucket counts other bytes than its rows hold; on Cassandra",
    "bucket-unsealed": "a bucket that has a successor is not sealed; on Cassandra",
    "bucket-missing": "a bucket within the chain has no rows; on Cassandra",
    "more": "the stream has more findings than are told",
}
KINDS = structure.KINDS | _OWN_KINDS
"""What each kind of finding means."""


class VerifiedStore(EventStore, StreamDirectory, Protocol):
    """What can be verified: a store that lists its streams."""


@runtime_checkable
class _Inspected(InspectedStore, Protocol):
    """A store with `inspect`."""


class VerificationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a verification.

    Attributes:
        page_streams: streams between two cursors.
        streams_at_once: streams looked at at the same time, of which one alone beyond its first
            page: so many pages, and the memory for one long stream, are held.
        page_bytes: payload read from the store at a time.
        findings_per_stream_max: findings told of one stream.
        commit_ids_max: how many of a stream's last commit ids are compared; half of them at least.
        command_window_s: see `RepositorySettings`; what the writers have.
        command_window_max: see `RepositorySettings`; what the writers have.
    """

    page_streams: int = 100
    streams_at_once: int = 8
    page_bytes: int = PAGE_BYTES
    findings_per_stream_max: int = 20
    commit_ids_max: int = 1_000_000
    command_window_s: int = RepositorySettings().command_window_s
    command_window_max: int = RepositorySettings().command_window_max


class Verified(msgspec.Struct, kw_only=True):
    """What was seen of some streams.

    Attributes:
        streams: looked at.
        commits: looked at.
        events: looked at.
        findings: what does not hold.
        cursor: where to go on.
    """

    streams: int = 0
    commits: int = 0
    events: int = 0
    findings: list[Finding] = msgspec.field(default_factory=list)
    cursor: str = ""


async def verify_streams(
    store: VerifiedStore,
    *,
    prefix: str = "",
    after: str = "",
    aggregates: Iterable[type[Aggregate]] = (),
    settings: VerificationSettings | None = None,
) -> AsyncIterator[Verified]:
    """Look at every stream, page by page. Streams may be written to meanwhile.

    Args:
        store: open.
        prefix: of the names; empty: all.
        after: a cursor, to go on from.
        aggregates: all that occur; with them events are applied and snapshots compared.
        settings: see `VerificationSettings`.

    Raises:
        StoreError: the store failed; go on from the last cursor.
        InvalidArgument: the cursor is not this store's.
    """
    verifier = _Verifier(store, list(aggregates), settings or VerificationSettings())
    async for page in store.streams(
        prefix=prefix, after=after, page_streams=verifier.settings.page_streams
    ):
        yield await verifier.verify(page.streams, page.cursor)


class _Place:
    """A place among the streams looked at together, one of which may go beyond its first page."""

    def __init__(self, places: asyncio.Semaphore, long: asyncio.Lock) -> None:
        self._places = places
        self._long = long
        self._alone = False

    async def __aenter__(self) -> Self:
        await self._places.acquire()
        return self

    async def alone(self) -> None:
        """Wait until no other stream goes beyond its first page."""
        if not self._alone:
            await self._long.acquire()
            self._alone = True

    async def __aexit__(self, *_error: object) -> None:
        if self._alone:
            self._long.release()
        self._places.release()


class _Verifier:
    def __init__(
        self,
        store: VerifiedStore,
        aggregates: list[type[Aggregate]],
        settings: VerificationSettings,
    ) -> None:
        self.settings = settings
        self._store = store
        self._places = asyncio.Semaphore(settings.streams_at_once)
        self._long = asyncio.Lock()
        self._horizon_us = settings.command_window_s * 1_000_000
        self._codec = Codec(aggregates) if aggregates else None
        self._snapshots = (
            SnapshotCodec(
                self._codec, commands_max=settings.command_window_max, horizon_us=self._horizon_us
            )
            if self._codec is not None
            else None
        )

    async def verify(self, streams: Sequence[str], cursor: str) -> Verified:
        """What was seen of some streams, in their order."""
        tasks = [asyncio.ensure_future(self._verify(stream)) for stream in streams]
        try:
            seen = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return Verified(
            streams=len(seen),
            commits=sum(each.commits for each in seen),
            events=sum(each.events for each in seen),
            findings=[finding for each in seen for finding in each.findings],
            cursor=cursor,
        )

    async def _verify(self, stream: str) -> Verified:
        verified = Verified(streams=1)
        async with _Place(self._places, self._long) as place:
            findings = self._findings(stream, verified, place)
            async with contextlib.aclosing(findings):
                async for finding in findings:
                    if len(verified.findings) == self.settings.findings_per_stream_max:
                        more = Finding(stream, finding.position, "more", "There are more findings.")
                        verified.findings.append(more)
                        break
                    verified.findings.append(finding)
        return verified

    async def _findings(
        self, stream: str, verified: Verified, place: _Place
    ) -> AsyncGenerator[Finding, None]:
        # First: the commits that are read after it reach at least as far.
        snapshot = await self._store.load_snapshot(stream)
        async for finding in self._commits(stream, snapshot, verified, place):
            yield finding
        if isinstance(self._store, _Inspected):
            async for finding in self._store.inspect(stream):
                yield finding

    async def _commits(
        self,
        stream: str,
        snapshot: Snapshot | None,
        verified: Verified,
        place: _Place,
    ) -> AsyncIterator[Finding]:
        check = StructureCheck(
            stream,
            commit_ids_max=self.settings.commit_ids_max,
            commands_max=self.settings.command_window_max,
            horizon_us=self._horizon_us,
        )
        replay = self._replay(stream, snapshot)
        at_end = snapshot is None
        head = 0
        try:
            async for page in self._store.read(stream, page_bytes=self.settings.page_bytes):
                head = page.head.position
                for commit in page.commits:
                    verified.commits += 1
                    verified.events += commit.last - commit.first + 1
                    at_end = at_end or (snapshot is not None and snapshot.position == commit.last)
                    for finding in check.look(commit):
                        yield finding
                for finding in replay.apply(page.commits) if replay else ():
                    yield finding
                if check.position < head:
                    await place.alone()
        except CorruptData as error:
            yield Finding(stream, check.position + 1, "unreadable", str(error.args[0]))
            return
        if head != check.position:
            yield Finding(
                stream,
                check.position,
                "head",
                f"The head is {head}, the commits end at {check.position}.",
            )
        if snapshot is not None and snapshot.position > head:
            yield Finding(
                stream,
                snapshot.position,
                "snapshot-ahead",
                f"The snapshot is of position {snapshot.position}, the head is {head}.",
            )
        elif not at_end and snapshot is not None:
            yield Finding(
                stream,
                snapshot.position,
                "snapshot-position",
                f"No commit ends at position {snapshot.position}, of which the snapshot is.",
            )

    def _replay(self, stream: str, snapshot: Snapshot | None) -> Replay | None:
        if self._codec is None or self._snapshots is None:
            return None
        return Replay(stream, self._codec, self._snapshots, snapshot)
