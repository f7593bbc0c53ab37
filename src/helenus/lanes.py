"""Lanes: the commands that wait for one stream, carried out in groups.

Each stream that is being worked on has a *lane*: the commands that wait for it are decided one
after another on the state in memory, and one append carries all that they recorded (group commit).
The append is conditional on the head that the state is of. So

* a state in memory may be stale, and no harm is done: an append decided on it meets a conflict, the
  state is brought up to date and the whole group is decided again;
* an answer that leads to no append, a refusal above all, is given only when the state is known to
  have been the head after the command arrived: an append of the same group proves it, else the head
  is read.

A lane takes turns with the lanes of other processes on the same stream: see `turns`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from helenus.clock import Clock
from helenus.codec import Codec, CommitMeta
from helenus.decisions import Limits, PendingCommand, Repeated, Round
from helenus.errors import (
    Conflict,
    CorruptData,
    OutcomeUnknown,
    OutcomeUnreadable,
    Overloaded,
    StoreClosed,
    StoreUnavailable,
)
from helenus.loading import Loader
from helenus.settings import RepositorySettings
from helenus.state import StreamState
from helenus.store import EventStore
from helenus.turns import Turns
from helenus.unit_of_work import UnitOfWork


class _Lane:
    __slots__ = ("task", "waiting")

    def __init__(self) -> None:
        self.waiting: deque[PendingCommand] = deque()
        self.task: asyncio.Task[None] | None = None


class Lanes:
    """All lanes of one repository.

    Attributes:
        waiting: commands that wait or are being carried out.
        commands: commands answered.
        appends: appends that succeeded.
        conflicts: appends that met another writer.
        closed: whether no new command is taken.
        head_checks: answers without an append that were confirmed by reading the head.
    """

    def __init__(
        self,
        store: EventStore,
        codec: Codec,
        loader: Loader,
        settings: RepositorySettings,
        clock: Clock,
    ) -> None:
        self._store = store
        self._codec = codec
        self._loader = loader
        self._settings = settings
        self._clock = clock
        self._limits = Limits(settings.commit_events_max, settings.commit_bytes_max)
        self._lanes: dict[str, _Lane] = {}
        self._turns = Turns(settings.backoff_s, _now)
        self.closed = False
        self.waiting = 0
        self.commands = self.appends = self.conflicts = self.head_checks = 0

    def busy(self, stream: str) -> bool:
        """Whether commands wait for a stream."""
        return stream in self._lanes

    async def close(self) -> None:
        """Refuse new commands and finish those that wait."""
        self.closed = True
        while self._lanes:
            await asyncio.wait([lane.task for lane in self._lanes.values() if lane.task])

    async def submit(
        self, stream: str, decide: Callable[[UnitOfWork], Any], meta: CommitMeta, returns: Any
    ) -> Any:
        """Queue a command for its stream and wait for its answer.

        Raises:
            StoreClosed: no new command is taken.
            Overloaded: too many wait.
        """
        settings = self._settings
        if self.closed:
            raise StoreClosed("The repository is closed.")
        lane = self._lanes.get(stream)
        if self.waiting >= settings.waiting_max:
            raise Overloaded(f"{self.waiting:,} commands already wait.")
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
        self.waiting += 1
        try:
            return await command.answer
        finally:
            del command  # or an error's traceback would hold the frame that holds the error
            self.waiting -= 1
            self.commands += 1

    async def _serve(self, stream: str, lane: _Lane) -> None:
        group: list[PendingCommand] = []
        try:
            while lane.waiting:
                if rest_s := self._turns.rest_s(stream):
                    await self._clock.sleep(rest_s)
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
                state = self._loader.cache.get(stream)
                gives_way = False
                refresh = state is None or attempt > 0 or self._turns.passed_on(stream)
                if refresh:
                    if attempt:
                        await self._clock.sleep(self._turns.wait_s(stream))
                    known = state.head.position if state is not None else None
                    state = await self._loader.refresh(stream, state)
                    others = known is not None and known != state.head.position
                    gives_way = others and self._turns.gives_way(stream)
                assert state is not None
                answered = await self._attempt(
                    state, group, confirmed=refresh, appends=not gives_way
                )
                del group[:answered]
                attempt = 0 if answered else attempt + 1
                if attempt >= self._settings.attempts_max:
                    head = await self._store.head(stream)
                    raise Conflict(stream, state.head.position, head.position)
        except Exception as error:  # noqa: BLE001  # each command of the group is told
            self._loader.cache.drop(stream)
            for command in group:
                command.fail(error)

    async def _attempt(
        self,
        state: StreamState,
        group: list[PendingCommand],
        *,
        confirmed: bool,
        appends: bool,
    ) -> int:
        """Decide and commit commands of a group, in order, on a state.

        Args:
            state: to decide on.
            group: the commands.
            confirmed: the state is known to have been the head after they arrived.
            appends: whether this is the time to append.

        Returns:
            How many were answered; 0 if an append is to be tried again, on the head of then.
        """
        round_ = Round(state, self._codec, self._limits, self._clock.now_us())
        taken = 0
        while taken < len(group) and round_.size_bytes < self._settings.group_bytes_max:
            round_.decide(group[taken])
            taken += 1
        if round_.commits:
            if not appends:
                return 0
            began = _now()
            try:
                head = await self._store.append(state.stream, round_.commits, state.head)
            except Conflict:
                self.conflicts += 1
                self._turns.lost(state.stream, began)
                return 0
            except Exception as error:  # noqa: BLE001  # each command is told what is true of it
                self._loader.cache.drop(state.stream)
                round_.fail(error)
                await self._answer_again(state.stream, round_.repeated())
                return taken
            round_.apply(head)
            self.appends += 1
            self._turns.won(state.stream, began)
            self._loader.cache.put(state)
            self._loader.take_snapshot(state)
        elif not confirmed:
            self.head_checks += 1
            if await self._store.head(state.stream, token=state.head.token) != state.head:
                return 0
        for command, result in round_.decided:
            if isinstance(result, Exception):
                command.fail(result)
            elif not isinstance(result, Repeated):
                command.resolve(result)
        await self._answer_again(state.stream, round_.repeated(in_round=True))
        return taken

    async def _answer_again(self, stream: str, repeated: list[tuple[PendingCommand, int]]) -> None:
        for command, position in repeated:
            await self._repeat_answer(stream, command, position)

    async def _repeat_answer(self, stream: str, command: PendingCommand, position: int) -> None:
        try:
            async for page in self._store.read(stream, after=position - 1, upto=position):
                for commit in page.commits:
                    meta = self._codec.decode_meta(stream, commit.meta, commit.last)
                    command.resolve(_decode_outcome(meta.outcome, command.returns))
                    return
            raise CorruptData(f"Stream {stream!r}: no commit at position {position}.")
        except (StoreUnavailable, Overloaded) as error:
            # It happened. But whoever is told so asks no more, and the answer can be had later.
            command.fail(
                OutcomeUnknown(
                    f"Stream {stream!r}: the command took effect at position {position}, but its"
                    f" recorded result cannot be read now: {error}"
                )
            )
        except Exception as error:  # noqa: BLE001  # told to whoever repeats the command
            command.fail(
                OutcomeUnreadable(
                    f"Stream {stream!r}: the command took effect at position {position}, but its"
                    f" recorded result cannot be read: {error}"
                )
            )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _decode_outcome(outcome: bytes, returns: Any) -> Any:
    if not outcome:
        return None
    return msgspec.msgpack.decode(outcome, type=Any if returns is None else returns)
