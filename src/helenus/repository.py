"""The Aggregate Repository: loads streams into aggregates and commits units of work.

Each stream that is being worked on has a *lane*: the commands that wait for it are decided one
after another on the state in memory, and one append carries all that they recorded (group commit).
The append is conditional on the head that the state is of. So

* a state in memory may be stale, and no harm is done: an append decided on it meets a conflict, the
state
  is brought up to date and the whole group is decided again;
* an answer that leads to no append, a refusal above all, is given only when the state is known to
have
  been the head after the command arrived: an append of the same group proves it, else the head is
  read.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Any, Self, TypeVar

import msgspec

from helenus.aggregates import Aggregate
from helenus.clock import Clock, SystemClock
from helenus.codec import Codec, CommitMeta
from helenus.decisions import Limits, PendingCommand, Repeated, Round
from helenus.errors import (
    Conflict,
    CorruptData,
    InvalidArgument,
    OutcomeUnknown,
    OutcomeUnreadable,
    Overloaded,
    StoreClosed,
)
from helenus.events import Event, RecordedEvent, to_microseconds
from helenus.snapshots import SnapshotCodec, SnapshotSaver
from helenus.state import StateCache, StreamState, StreamView, fold
from helenus.store import COMMIT_BYTES_MAX, PAGE_BYTES, EventStore, Head, check_stream
from helenus.unit_of_work import UnitOfWork

T = TypeVar("T")
COMMAND_ID_CHARACTERS_MAX = 500


class RepositorySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of a repository.

    Attributes:
        cache_streams_max: states kept in memory, in streams.
        cache_bytes_max: states kept in memory, in bytes as `StateCache` estimates them.
        waiting_per_stream_max: commands that may wait for one stream; a further one is refused.
        waiting_max: commands that may wait in all; a further one is refused.
        group_commands_max: most commands that one append carries.
        group_bytes_max: encoded bytes from which on an append takes no further command.
        commit_events_max: most events that one command may record.
        commit_bytes_max: most encoded bytes that one command may record.
        attempts_max: how often a command is decided before a conflict is reported.
        backoff_s: longest wait before the second attempt; it doubles with each, jittered.
        snapshot_events: events after which a stream gets a new snapshot; 0: never.
        snapshot_bytes: encoded bytes after which it gets one all the same.
        snapshots_waiting_max: snapshots that may wait to be saved; a further one is skipped.
        command_window_s: for how long a command id is remembered, in seconds.
        command_window_max: how many command ids are remembered for each stream.
        page_bytes: payload read from the store at once.
    """

    cache_streams_max: int = 100_000
    cache_bytes_max: int = 256 * 1024 * 1024
    waiting_per_stream_max: int = 1_000
    waiting_max: int = 10_000
    group_commands_max: int = 128
    group_bytes_max: int = 1024 * 1024
    commit_events_max: int = 1_000
    commit_bytes_max: int = 1024 * 1024
    attempts_max: int = 16
    backoff_s: float = 0.002
    snapshot_events: int = 100
    snapshot_bytes: int = 256 * 1024
    snapshots_waiting_max: int = 1_000
    command_window_s: int = 24 * 3600
    command_window_max: int = 1_000
    page_bytes: int = PAGE_BYTES

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            least = 0 if name in ("snapshot_events", "backoff_s") else 1
            if getattr(self, name) < least:
                raise InvalidArgument(f"Repository setting {name} must be at least {least}.")
        if self.commit_bytes_max > COMMIT_BYTES_MAX:
            raise InvalidArgument(f"commit_bytes_max is at most {COMMIT_BYTES_MAX:,}.")


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a repository holds and has done since it was made.

    Attributes:
        cached_streams: states in memory.
        cached_bytes: what they weigh, estimated.
        waiting: commands that wait or are being carried out.
        commands: commands answered.
        appends: appends that succeeded; commands ÷ appends is the group commit's gain.
        conflicts: appends that met another writer.
        cold_loads: states built from the store.
        head_checks: answers without an append that were confirmed by reading the head.
        snapshots_saved: snapshots written.
        snapshots_failed: snapshots the store refused.
        snapshots_skipped: snapshots not taken because too many waited.
    """

    cached_streams: int
    cached_bytes: int
    waiting: int
    commands: int
    appends: int
    conflicts: int
    cold_loads: int
    head_checks: int
    snapshots_saved: int
    snapshots_failed: int
    snapshots_skipped: int


class _Lane:
    __slots__ = ("task", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[PendingCommand] = deque()
        self.task: asyncio.Task[None] | None = None


class AggregateRepository:
    """Loads and changes the streams of one store. Use it as an async context manager.

    Args:
        store: an open store; the repository does not close it.
        aggregates: the aggregate types that may occur in its streams.
        settings: see `RepositorySettings`.
        clock: tells the time that is recorded.

    Raises:
        DefinitionError: two types share a name, or an older event version has no upcaster.
    """

    def __init__(
        self,
        store: EventStore,
        aggregates: Iterable[type[Aggregate]],
        *,
        settings: RepositorySettings | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._store = store
        self._settings = settings or RepositorySettings()
        self._clock = clock or SystemClock()
        self._codec = Codec(aggregates)
        self._snapshots = SnapshotCodec(
            self._codec,
            commands_max=self._settings.command_window_max,
            horizon_us=self._settings.command_window_s * 1_000_000,
        )
        self._saver = SnapshotSaver(store, waiting_max=self._settings.snapshots_waiting_max)
        self._limits = Limits(self._settings.commit_events_max, self._settings.commit_bytes_max)
        self._cache = StateCache(self._settings.cache_streams_max, self._settings.cache_bytes_max)
        self._lanes: dict[str, _Lane] = {}
        self._waiting = 0
        self._closed = False
        self._commands = self._appends = self._conflicts = 0
        self._cold_loads = self._head_checks = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Refuse new commands, finish those that wait, and save the snapshots that wait."""
        self._closed = True
        while self._lanes:
            await asyncio.wait([lane.task for lane in self._lanes.values() if lane.task])
        await self._saver.drain()

    async def settle(self) -> None:
        """Wait until the snapshots offered so far are saved."""
        await self._saver.drain()

    def statistics(self) -> Statistics:
        """What the repository holds and has done."""
        return Statistics(
            cached_streams=len(self._cache),
            cached_bytes=self._cache.size_bytes,
            waiting=self._waiting,
            commands=self._commands,
            appends=self._appends,
            conflicts=self._conflicts,
            cold_loads=self._cold_loads,
            head_checks=self._head_checks,
            snapshots_saved=self._saver.saved,
            snapshots_failed=self._saver.failed,
            snapshots_skipped=self._saver.skipped,
        )

    async def transact(
        self,
        stream: str,
        decide: Callable[[UnitOfWork], T],
        *,
        command_id: str | None = None,
        returns: Any = None,
        fingerprint: bytes = b"",
        actor: str | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
    ) -> T:
        """Carry out one command: decide on the stream's aggregates and commit what was recorded.

        Args:
            stream: the owner's stream.
            decide: a pure, plain function; after a conflict it runs again on the new state. Time
            and
                ids come in with the command. What it raises refuses the command: nothing is
                written.
            command_id: the idempotency key. A command that took effect is not carried out again
                within the window of the settings; its first result is returned.
            returns: the type of the result, for commands with an id whose result is not a plain
            value.
            fingerprint: identifies the command's content, so that a key used twice is noticed.
            actor: who acts.
            correlation_id: the business transaction this belongs to.
            causation_id: the message that caused the command.

        Returns:
            What `decide` returned.

        Raises:
            CommandIdReused: the id belongs to a command of another fingerprint.
            Conflict: other writers won `attempts_max` times; nothing was written.
            LimitExceeded: the command recorded too much; nothing was written.
            Overloaded: too many commands wait; nothing was written.
            OutcomeUnknown: it may have happened; repeating it under its command id is safe.
            StoreError: the store failed; the error says what took effect.
        """
        check_stream(stream)
        if command_id is not None and not (
            0 < len(command_id) <= COMMAND_ID_CHARACTERS_MAX and command_id.isprintable()
        ):
            raise InvalidArgument(
                f"A command id has 1 to {COMMAND_ID_CHARACTERS_MAX} printable characters."
            )
        meta = CommitMeta(command_id, fingerprint, b"", actor, correlation_id, causation_id)
        result: T = await self._submit(stream, decide, meta, returns)
        return result

    async def load(
        self, stream: str, *, at_position: int | None = None, at_time: datetime | None = None
    ) -> StreamView:
        """The aggregates of a stream: at its head, at a position, or at a time.

        At the head the view is linearizable: it includes every commit acknowledged before the call.

        Raises:
            InvalidArgument: both bounds are given, the position is negative, the time is naive.
            StoreError: the store failed.
        """
        check_stream(stream)
        if at_position is not None or at_time is not None:
            return await self._load_past(stream, at_position, at_time)
        state = self._cache.get(stream)
        if state is not None and stream not in self._lanes:
            head = await self._store.head(stream, token=state.head.token)
            if head == state.head:
                return state.view()
        view: StreamView = await self._submit(stream, UnitOfWork.view, CommitMeta(), None)
        return view

    async def history(
        self, stream: str, *, after: int = 0, upto: int | None = None
    ) -> AsyncIterator[RecordedEvent[Event]]:
        """The recorded events of a stream with ``after < position <= upto``, in order."""
        async for page in self._store.read(
            stream, after=after, upto=upto, page_bytes=self._settings.page_bytes
        ):
            for commit in page.commits:
                for event in self._codec.recorded(stream, commit):
                    if after < event.position and (upto is None or event.position <= upto):
                        yield event

    async def _submit(
        self, stream: str, decide: Callable[[UnitOfWork], Any], meta: CommitMeta, returns: Any
    ) -> Any:
        settings = self._settings
        if self._closed:
            raise StoreClosed("The repository is closed.")
        lane = self._lanes.get(stream)
        if self._waiting >= settings.waiting_max:
            raise Overloaded(f"{self._waiting:,} commands already wait.")
        if lane is not None and len(lane.waiting) >= settings.waiting_per_stream_max:
            raise Overloaded(f"{len(lane.waiting):,} commands already wait for stream {stream!r}.")
        loop = asyncio.get_running_loop()
        command = PendingCommand(decide, meta, returns, loop.create_future())
        if lane is None:
            lane = self._lanes[stream] = _Lane()
            lane.waiting.append(command)
            lane.task = loop.create_task(self._serve(stream, lane))
        else:
            lane.waiting.append(command)
        self._waiting += 1
        try:
            return await command.answer
        finally:
            self._waiting -= 1
            self._commands += 1

    async def _serve(self, stream: str, lane: _Lane) -> None:
        group: list[PendingCommand] = []
        try:
            while lane.waiting:
                group = self._take_group(lane)
                await self._carry_out(stream, group)
        except BaseException:
            # Only the end of the event loop comes here; an append may be under way.
            for command in group:
                command.fail(OutcomeUnknown("The program was ended during a commit.", ()))
            for command in lane.waiting:
                command.fail(StoreClosed("The program was ended."))
            raise
        finally:
            del self._lanes[stream]

    def _take_group(self, lane: _Lane) -> list[PendingCommand]:
        size = min(len(lane.waiting), self._settings.group_commands_max)
        return [lane.waiting.popleft() for _ in range(size)]

    async def _carry_out(self, stream: str, group: list[PendingCommand]) -> None:
        attempt = 0
        try:
            while group:
                state = self._cache.get(stream)
                refresh = state is None or attempt > 0
                if refresh:
                    await self._back_off(attempt)
                    state = await self._refresh(stream, state)
                assert state is not None
                answered = await self._attempt(state, group, confirmed=refresh)
                del group[:answered]
                attempt = 0 if answered else attempt + 1
                if attempt == self._settings.attempts_max:
                    head = await self._store.head(stream)
                    raise Conflict(stream, state.head.position, head.position)
        except Exception as error:  # noqa: BLE001  # each command of the group is told
            self._cache.drop(stream)
            for command in group:
                command.fail(error)

    async def _attempt(
        self, state: StreamState, group: list[PendingCommand], *, confirmed: bool
    ) -> int:
        """Decide and commit commands of a group, in order, on a state.

        Returns:
            How many were answered; 0 if the state turned out not to be the head any more.
        """
        round_ = Round(state, self._codec, self._limits, self._clock.now_us())
        taken = 0
        while taken < len(group) and round_.size_bytes < self._settings.group_bytes_max:
            round_.decide(group[taken])
            taken += 1
        if round_.commits:
            try:
                head = await self._store.append(state.stream, round_.commits, state.head)
            except Conflict:
                self._conflicts += 1
                return 0
            except Exception as error:  # noqa: BLE001  # each command is told what is true of it
                self._cache.drop(state.stream)
                round_.fail(error)
                return taken
            round_.apply(head)
            self._appends += 1
            self._cache.put(state)
            self._take_snapshot(state)
        elif not confirmed:
            self._head_checks += 1
            if await self._store.head(state.stream, token=state.head.token) != state.head:
                return 0
        for command, result in round_.decided:
            if isinstance(result, Repeated):
                await self._answer_again(state.stream, command, result.position)
            elif isinstance(result, Exception):
                command.fail(result)
            else:
                command.resolve(result)
        return taken

    async def _answer_again(self, stream: str, command: PendingCommand, position: int) -> None:
        try:
            async for page in self._store.read(stream, after=position - 1, upto=position):
                for commit in page.commits:
                    meta = self._codec.decode_meta(stream, commit.meta, commit.last)
                    command.resolve(_decode_outcome(meta.outcome, command.returns))
                    return
            raise CorruptData(f"Stream {stream!r}: no commit at position {position}.")
        except Exception as error:  # noqa: BLE001  # told to whoever repeats the command
            command.fail(
                OutcomeUnreadable(
                    f"Stream {stream!r}: the command took effect at position {position}, but its"
                    f" recorded result cannot be read: {error}"
                )
            )

    async def _back_off(self, attempt: int) -> None:
        if attempt == 0:
            return
        longest = min(self._settings.backoff_s * 2 ** (attempt - 1), 1.0)
        await self._clock.sleep(random.uniform(0, longest))  # jitter, not a secret

    async def _refresh(self, stream: str, state: StreamState | None) -> StreamState:
        """The state at the head: brought up to date if there is one, else built from the store."""
        self._cache.drop(stream)  # until it is whole again
        if state is not None:
            head = await self._catch_up(state, published=True)
        else:
            self._cold_loads += 1
            state = await self._load_snapshot(stream)
            head = await self._catch_up(state, published=False)
        if head.position < state.head.position:
            # The store was set back behind a snapshot or a state: only its events count.
            state = self._snapshots.new_state(stream)
            await self._catch_up(state, published=False)
        if state.head.position:
            self._cache.put(state)
            self._take_snapshot(state)
        return state

    async def _catch_up(self, state: StreamState, *, published: bool) -> Head:
        head = Head(0)
        async for page in self._store.read(
            state.stream,
            after=state.head.position,
            token=state.head.token,
            page_bytes=self._settings.page_bytes,
        ):
            head = page.head
            fold(state, self._codec, page.commits, published=published)
        if head.position == state.head.position:
            state.head = head
        return head

    async def _load_snapshot(self, stream: str) -> StreamState:
        snapshot = await self._store.load_snapshot(stream)
        state = self._snapshots.decode(stream, snapshot) if snapshot else None
        return state or self._snapshots.new_state(stream)

    async def _load_past(
        self, stream: str, at_position: int | None, at_time: datetime | None
    ) -> StreamView:
        if at_position is not None and at_time is not None:
            raise InvalidArgument("Give a position or a time, not both.")
        if at_position is not None and at_position < 0:
            raise InvalidArgument(f"A position is 0 or more, not {at_position}.")
        if at_time is not None and at_time.tzinfo is None:
            raise InvalidArgument("A time needs a zone: use an aware datetime.")
        until_us = None if at_time is None else to_microseconds(at_time)
        state = await self._load_snapshot(stream)
        if (at_position is not None and state.head.position > at_position) or (
            until_us is not None and state.recorded_at_us > until_us
        ):
            state = self._snapshots.new_state(stream)
        async for page in self._store.read(
            stream,
            after=state.head.position,
            upto=at_position,
            token=state.head.token,
            page_bytes=self._settings.page_bytes,
        ):
            commits = [c for c in page.commits if until_us is None or c.recorded_at_us <= until_us]
            fold(state, self._codec, commits, upto=at_position)
            if len(commits) < len(page.commits):
                break
        return state.view()

    def _take_snapshot(self, state: StreamState) -> None:
        settings = self._settings
        if not settings.snapshot_events:
            return
        events = state.head.position - state.snapshot_position
        if events >= settings.snapshot_events or state.unsaved_bytes >= settings.snapshot_bytes:
            try:
                snapshot = self._snapshots.encode(state)
            except Exception as error:  # noqa: BLE001  # what was committed must be acknowledged
                self._saver.refuse(state.stream, error)
            else:
                self._saver.offer(state.stream, snapshot)


def _decode_outcome(outcome: bytes, returns: Any) -> Any:
    if not outcome:
        return None
    return msgspec.msgpack.decode(outcome, type=Any if returns is None else returns)
