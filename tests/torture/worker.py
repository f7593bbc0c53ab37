"""One of the processes that append and read. ``python -m tests.torture.worker < PLAN``."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec

from helenus import AggregateRepository, RepositorySettings
from helenus.errors import Conflict, HelenusError, Outcome, StoreUnavailable
from helenus.store import Commit, Head, Snapshot
from helenus.stores.cassandra import CassandraStore
from helenus.testing.histories import History, RecordingStore
from tests.torture.commands import Commander, Notes
from tests.torture.records import Log, Plan, SnapshotSeen

OPEN_ATTEMPTS = 90
BREATH_S = 0.05
LARGE_BODY_BYTES = 600
FINGERPRINT = "torture"
REASON_CHARACTERS_MAX = 240
_DIFFERS = re.compile(r"'\d+/\d+/\d+'|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[\d.:]*\d|\{.*?\}")

Action = Callable[[str], Coroutine[Any, Any, None]]


class Known(msgspec.Struct):
    """What a client knows of a stream.

    Attributes:
        head: the last head it saw.
        older: heads that it saw before.
        commit_id: of the commit that ends at the head, where the client knows it.
    """

    head: Head = Head(0)
    older: list[Head] = []
    commit_id: bytes | None = None

    def moved(self, head: Head, commit_id: bytes | None) -> None:
        """Take note of a head."""
        if head.position != self.head.position:
            self.older = [*self.older[-5:], self.head]
            self.commit_id = None
        self.head = head
        self.commit_id = commit_id or self.commit_id


class Client:
    """Does one thing after another with a store."""

    def __init__(self, worker: Worker, store: CassandraStore, seed: str) -> None:
        self._worker = worker
        self._store = RecordingStore(store, worker.history)
        self._chance = random.Random(seed)
        self._known: dict[str, Known] = {}
        self._actions: dict[Action, int] = {
            self._append: 50,
            self._append_stale: 5,
            self._append_ahead: 3,
            self._append_without_token: 3,
            self._append_twice_at_once: 3,
            self._read_on: 14,
            self._read_between: 4,
            self._read_all: 2,
            self._head: 10,
            self._save_snapshot: 3,
            self._load_snapshot: 3,
        }

    async def run(self) -> None:
        """Go on until the plan is carried out."""
        while self._worker.goes_on():
            stream = self._worker.stream(self._worker.plan.streams, self._chance)
            action = self._chance.choices(list(self._actions), list(self._actions.values()))[0]
            try:
                await action(stream)
            except Conflict:
                await self._look(stream)
            except HelenusError as error:
                self._worker.failed(error)
                if action not in self._appending:
                    self._worker.log.failed_reads += 1
                if error.outcome is Outcome.MAY_HAVE_HAPPENED:
                    await self._look(stream)
                else:
                    await asyncio.sleep(BREATH_S)

    @property
    def _appending(self) -> tuple[Action, ...]:
        return (self._append, self._append_stale, self._append_ahead, self._append_without_token)

    def _of(self, stream: str) -> Known:
        return self._known.setdefault(stream, Known())

    def _commits(self, after: int) -> list[Commit]:
        made = []
        for events in self._chance.choices((1, 1, 1, 2, 3), k=self._chance.choice((1, 1, 1, 2, 4))):
            first, after = after + 1, after + events
            large = self._chance.random() < 0.03
            made.append(
                Commit(
                    commit_id=uuid.uuid4().bytes,
                    first=first,
                    last=after,
                    recorded_at_us=0,
                    kinds=("e",) * events,
                    meta=b"",
                    body=bytes(LARGE_BODY_BYTES) if large else b"%d" % first,
                )
            )
        return made

    async def _append_at(self, stream: str, head: Head) -> None:
        made = self._commits(head.position)
        self._worker.log.operations += 1
        after = await self._store.append(stream, made, head)
        self._of(stream).moved(after, made[-1].commit_id)

    async def _append(self, stream: str) -> None:
        await self._append_at(stream, self._of(stream).head)

    async def _append_stale(self, stream: str) -> None:
        known = self._of(stream)
        await self._append_at(stream, self._chance.choice([*known.older, known.head]))

    async def _append_ahead(self, stream: str) -> None:
        known = self._of(stream)
        ahead = known.head.position + self._chance.randrange(1, 4)
        await self._append_at(stream, Head(ahead, self._chance.choice((b"", known.head.token))))

    async def _append_without_token(self, stream: str) -> None:
        await self._append_at(stream, Head(self._of(stream).head.position))

    async def _append_twice_at_once(self, stream: str) -> None:
        head = self._of(stream).head
        answers = await asyncio.gather(
            self._append_at(stream, head), self._append_at(stream, head), return_exceptions=True
        )
        for answer in answers:
            if isinstance(answer, HelenusError) and not isinstance(answer, Conflict):
                self._worker.failed(answer)
            elif isinstance(answer, BaseException) and not isinstance(answer, Conflict):
                raise answer
        await self._look(stream)

    async def _read_on(self, stream: str) -> None:
        known = self._of(stream)
        await self._read(stream, after=known.head.position, token=known.head.token)

    async def _read_between(self, stream: str) -> None:
        known = self._of(stream)
        after = self._chance.randrange(known.head.position + 1)
        upto = self._chance.choice((None, after, after + self._chance.randrange(20)))
        await self._read(stream, after=after, upto=upto)

    async def _read_all(self, stream: str) -> None:
        await self._read(stream)

    async def _read(
        self, stream: str, *, after: int = 0, upto: int | None = None, token: bytes = b""
    ) -> None:
        page_bytes = self._chance.choice((20, 1_000, 1_000_000))
        head, last = None, None
        self._worker.log.operations += 1
        async for page in self._store.read(
            stream, after=after, upto=upto, token=token, page_bytes=page_bytes
        ):
            head = page.head
            last = page.commits[-1] if page.commits else last
        if head is not None and upto is None:
            at_head = last is not None and last.last == head.position
            self._of(stream).moved(head, last.commit_id if last and at_head else None)

    async def _head(self, stream: str) -> None:
        known = self._of(stream)
        token = self._chance.choice((b"", known.head.token))
        self._worker.log.operations += 1
        known.moved(await self._store.head(stream, token=token), None)

    async def _look(self, stream: str) -> None:
        """Find out where a stream is."""
        try:
            await self._chance.choice((self._head, self._read_on))(stream)
        except HelenusError as error:
            self._worker.failed(error)
            self._worker.log.failed_reads += 1
            await asyncio.sleep(BREATH_S)

    async def _save_snapshot(self, stream: str) -> None:
        known = self._of(stream)
        if known.commit_id is None:
            return
        position, body = known.head.position, known.commit_id
        began = time.monotonic_ns()
        self._worker.log.operations += 1
        await self._store.save_snapshot(
            stream, Snapshot(position, FINGERPRINT, body, known.head.token)
        )
        self._note(stream, began, position, body, saved=True)

    async def _load_snapshot(self, stream: str) -> None:
        """Load it, and read on behind it as a program does that starts cold."""
        began = time.monotonic_ns()
        self._worker.log.operations += 1
        kept = await self._store.load_snapshot(stream)
        if kept is None:
            self._note(stream, began, 0)
            return
        self._note(stream, began, kept.position, kept.body)
        await self._read(stream, after=kept.position, token=kept.token)

    def _note(
        self, stream: str, began: int, position: int, body: bytes = b"", *, saved: bool = False
    ) -> None:
        self._worker.log.snapshots.append(
            SnapshotSeen(
                stream=stream,
                saved=saved,
                began=began,
                ended=time.monotonic_ns(),
                position=position,
                body=body,
            )
        )


class Worker:
    """Runs the clients of one process."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.history = History(time.monotonic_ns)
        self.log = Log(appends=[], reads=[], snapshots=[], commands=[], unexpected=[])
        self._chances = (random.Random(f"{plan.seed}/{number}") for number in itertools.count())

    def goes_on(self) -> bool:
        """Whether there is time and work left."""
        return self.log.operations < self.plan.operations and time.monotonic_ns() < self.plan.ends

    def stream(self, streams: list[list[str]], chance: random.Random) -> str:
        """One of this epoch; now and then one of an earlier epoch."""
        passed = (time.monotonic_ns() - self.plan.began) / 1e9 / self.plan.epoch_s
        epoch = max(0, min(int(passed), len(streams) - 1))
        if chance.random() < 0.1:
            epoch = chance.randrange(epoch + 1)
        return chance.choice(streams[epoch])

    def failed(self, error: HelenusError) -> None:
        """Count an error, without what differs from one to the next."""
        text = _DIFFERS.sub("…", str(error))[:REASON_CHARACTERS_MAX]
        reason = f"{type(error).__name__}: {text}"
        self.log.reasons[reason] = self.log.reasons.get(reason, 0) + 1

    async def run(self) -> None:
        """Carry out the plan and write down what was seen."""
        async with AsyncExitStack() as stack:
            stores = [await self._open(stack) for _ in range(self.plan.stores)]
            clients = [
                Client(self, store, f"{self.plan.seed}/{number}/{index}")
                for number, store in enumerate(stores)
                for index in range(self.plan.clients)
            ]
            repositories = [await stack.enter_async_context(self._on(store)) for store in stores]
            commands = [
                self._send(repositories, index)
                for index in range(self.plan.commanders * self.plan.stores)
            ]
            answers = await asyncio.gather(
                *(client.run() for client in clients), *commands, return_exceptions=True
            )
            for answer in answers:
                if isinstance(answer, BaseException):
                    text = "".join(traceback.format_exception(answer))
                    self.log.unexpected.append(text)
        self._write()

    def _on(self, store: CassandraStore) -> AggregateRepository:
        chance = random.Random(f"{self.plan.seed}/settings")
        settings = RepositorySettings(
            snapshot_events=chance.choice((3, 20, 100)),
            group_commands_max=chance.choice((3, 20, 128)),
            cache_streams_max=chance.choice((1, 100)),
        )
        return AggregateRepository(store, [Notes], settings=settings)

    async def _send(self, repositories: list[AggregateRepository], index: int) -> None:
        chance = random.Random(f"{self.plan.seed}/commands/{index}")
        commander = Commander(repositories, self.log.commands, self.failed, chance)
        while self.goes_on():
            self.log.operations += 1
            await commander.step(self.stream(self.plan.notes, chance))

    async def _open(self, stack: AsyncExitStack) -> CassandraStore:
        for left in reversed(range(OPEN_ATTEMPTS)):
            try:
                return await stack.enter_async_context(CassandraStore(self.plan.settings))
            except StoreUnavailable:
                if not left:
                    raise
                await asyncio.sleep(1)
        raise AssertionError("It has been opened, or an error was raised.")

    def _write(self) -> None:
        self.log.appends, self.log.reads = self.history.appends, self.history.reads
        Path(self.plan.log).write_bytes(msgspec.msgpack.encode(self.log))


if __name__ == "__main__":
    asyncio.run(Worker(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)).run())
