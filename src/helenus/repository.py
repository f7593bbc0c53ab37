"""The Aggregate Repository: loads streams into aggregates and commits units of work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

import msgspec

from helenus.aggregates import Aggregate
from helenus.clock import Clock, SystemClock
from helenus.codec import Codec, CommitMeta
from helenus.errors import InvalidArgument
from helenus.events import Event, RecordedEvent
from helenus.lanes import Lanes
from helenus.loading import Loader
from helenus.settings import RepositorySettings
from helenus.state import StreamView
from helenus.store import EventStore, check_stream
from helenus.unit_of_work import UnitOfWork

T = TypeVar("T")
COMMAND_ID_CHARACTERS_MAX = 500
METADATA_CHARACTERS_MAX = 1_000


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

    gauges: ClassVar[frozenset[str]] = frozenset({"cached_streams", "cached_bytes", "waiting"})

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
        self._settings = settings or RepositorySettings()
        self._store = store
        self._codec = Codec(aggregates)
        self._loader = Loader(store, self._codec, self._settings)
        self._lanes = Lanes(
            store, self._codec, self._loader, self._settings, clock or SystemClock()
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Refuse new commands, finish those that wait, and save the snapshots that wait."""
        await self._lanes.close()
        await self._loader.saver.drain()

    async def settle(self) -> None:
        """Wait until the snapshots offered so far are saved."""
        await self._loader.saver.drain()

    def statistics(self) -> Statistics:
        """What the repository holds and has done."""
        lanes, loader = self._lanes, self._loader
        return Statistics(
            cached_streams=len(loader.cache),
            cached_bytes=loader.cache.size_bytes,
            waiting=lanes.waiting,
            commands=lanes.commands,
            appends=lanes.appends,
            conflicts=lanes.conflicts,
            cold_loads=loader.cold_loads,
            head_checks=lanes.head_checks,
            snapshots_saved=loader.saver.saved,
            snapshots_failed=loader.saver.failed,
            snapshots_skipped=loader.saver.skipped,
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
                and ids come in with the command. What it raises refuses the command: nothing is
                written.
            command_id: the idempotency key. A command that took effect is not carried out again
                within the window of the settings; its first result is returned.
            returns: the type of the result, for commands with an id whose result is not a plain
                value.
            fingerprint: identifies the command's content, so that a key used twice is noticed.
            actor: who acts; like the next two at most 1,000 characters.
            correlation_id: the business transaction this belongs to.
            causation_id: the message that caused the command.

        Returns:
            What `decide` returned.

        Raises:
            CommandIdReused: the id belongs to a command of another fingerprint.
            InvalidArgument: the stream or one of the ids is no text of the form it needs.
            Conflict: other writers won `attempts_max` times; nothing was written.
            LimitExceeded: the command recorded too much; nothing was written.
            Overloaded: too many commands wait; nothing was written.
            OutcomeUnknown: it may have happened; repeating it under its command id is safe.
            StoreError: the store failed; the error says what took effect.
        """
        check_stream(stream)
        _check_command_id(command_id)
        if not isinstance(fingerprint, bytes):
            raise InvalidArgument(f"A fingerprint is bytes, not {type(fingerprint).__name__}.")
        if actor is not None or correlation_id is not None or causation_id is not None:
            _check_metadata(actor=actor, correlation_id=correlation_id, causation_id=causation_id)
        meta = CommitMeta(command_id, fingerprint, b"", actor, correlation_id, causation_id)
        result: T = await self._lanes.submit(stream, decide, meta, returns)
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
            return await self._loader.load_past(stream, at_position, at_time)
        state = None if self._lanes.closed else self._loader.cache.get(stream)
        if state is not None and not self._lanes.busy(stream):
            head = await self._store.head(stream, token=state.head.token)
            if head == state.head:
                return state.view()
        view: StreamView = await self._lanes.submit(stream, UnitOfWork.view, CommitMeta(), None)
        return view

    async def history(
        self, stream: str, *, after: int = 0, upto: int | None = None
    ) -> AsyncIterator[RecordedEvent[Event]]:
        """The recorded events of a stream with ``after < position <= upto``, in order."""
        async for page in self._store.read(
            stream, after=after, upto=upto, page_bytes=self._settings.page_bytes
        ):
            for event in self._codec.recorded(stream, page.commits):
                if after < event.position and (upto is None or event.position <= upto):
                    yield event


def _check_command_id(command_id: str | None) -> None:
    if command_id is not None and not (
        isinstance(command_id, str)
        and 0 < len(command_id) <= COMMAND_ID_CHARACTERS_MAX
        and command_id.isprintable()
    ):
        raise InvalidArgument(
            f"A command id has 1 to {COMMAND_ID_CHARACTERS_MAX} printable characters."
        )


def _check_metadata(**texts: str | None) -> None:
    """Refuse what could be written and never be read again."""
    for name, text in texts.items():
        if text is None:
            continue
        if not isinstance(text, str) or len(text) > METADATA_CHARACTERS_MAX or not _encodes(text):
            raise InvalidArgument(
                f"{name} is a text of at most {METADATA_CHARACTERS_MAX:,} characters without lone"
                f" surrogates; {str(text)[:50]!r} does not fit."
            )


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
