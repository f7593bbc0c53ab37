"""Deciding a group of commands on one state, without any I/O.

A `Round` decides commands one after another, each on what the earlier ones left, and builds their
commits. Nothing it does reaches the state until `apply`, so a round that met a conflict is simply
dropped.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable
from typing import Any

import msgspec

from helenus.codec import Codec, CommitMeta, checksum
from helenus.command_window import CarriedOut
from helenus.errors import CommandIdReused, DomainError, LimitExceeded, StoreUnavailable
from helenus.state import Changes, StreamState
from helenus.store import Commit, Head
from helenus.unit_of_work import UnitOfWork

Decide = Callable[[UnitOfWork], Any]
_PLAIN = (type(None), bool, int, float, str, bytes)
_encode = msgspec.msgpack.Encoder().encode


class PendingCommand:
    """A command that waits for its stream.

    Attributes:
        decide: the pure function that decides it.
        meta: what is recorded with its events, but for the outcome.
        returns: the type its recorded outcome is read as.
        answer: resolves to its result.
    """

    __slots__ = ("answer", "decide", "meta", "returns")

    def __init__(
        self, decide: Decide, meta: CommitMeta, returns: Any, answer: asyncio.Future[Any]
    ) -> None:
        self.decide = decide
        self.meta = meta
        self.returns = returns
        self.answer = answer

    def resolve(self, value: Any) -> None:
        """Answer the command, if its caller still waits."""
        if not self.answer.done():
            self.answer.set_result(value)

    def fail(self, error: BaseException) -> None:
        """Answer the command with an error, if its caller still waits."""
        if not self.answer.done():
            self.answer.set_exception(error)


class Repeated(msgspec.Struct, frozen=True):
    """The command was carried out before: its answer is in the commit ending at this position."""

    position: int


class Limits(msgspec.Struct, frozen=True):
    """Bounds on what one command may record: events, and encoded bytes."""

    events_max: int
    bytes_max: int


class Round:
    """One attempt at a group of commands.

    Attributes:
        commits: to be appended together.
        size_bytes: what they weigh.
        decided: each command with its result, or the exception that refused it.
    """

    def __init__(self, state: StreamState, codec: Codec, limits: Limits, now_us: int) -> None:
        self._state = state
        self._codec = codec
        self._limits = limits
        self._now_us = now_us
        # Never falling within a stream, so that "the state at a time" is a prefix of it.
        self._recorded_at_us = max(now_us, state.recorded_at_us)
        self._position = state.head.position
        self._changed = Changes()
        self._carried_out: dict[str, CarriedOut] = {}
        self.commits: list[Commit] = []
        self.size_bytes = 0
        self.decided: list[tuple[PendingCommand, Any]] = []
        self._recording: set[PendingCommand] = set()

    def fail(self, error: Exception) -> None:
        """Answer all decided commands after their append failed, each with what is true of it.

        Left unanswered are `repeated` commands that were carried out before this round.
        """
        repeated = {command for command, _ in self.repeated()}
        for command, result in self.decided:
            if command in self._recording or isinstance(result, Repeated):
                if command not in repeated:
                    command.fail(error)
            else:
                command.fail(
                    StoreUnavailable(
                        f"The decision could not be confirmed, as an append failed: {error}"
                    )
                )

    def repeated(self, *, in_round: bool = False) -> list[tuple[PendingCommand, int]]:
        """Commands carried out before, with the position that their commit ends at.

        Args:
            in_round: whether also those that repeat a command of this very round.
        """
        last = self._position if in_round else self._state.head.position
        return [
            (command, result.position)
            for command, result in self.decided
            if isinstance(result, Repeated) and result.position <= last
        ]

    def decide(self, command: PendingCommand) -> None:
        """Decide one command; whatever it raises is its answer."""
        if command.answer.cancelled():
            return
        self.decided.append((command, self._outcome(command)))

    def apply(self, head: Head) -> None:
        """Bring the state to what was appended."""
        state = self._state
        self._changed.apply(state.aggregates)
        state.head = head
        state.recorded_at_us = self._recorded_at_us
        state.grow(self.size_bytes)
        for carried_out in self._carried_out.values():
            state.window.remember(carried_out)

    def _outcome(self, command: PendingCommand) -> Any:
        # Returned, not kept in a variable: an exception's traceback holds this frame.
        try:
            return self._repeated(command) or self._run(command)
        except Exception as error:  # noqa: BLE001  # handed to the caller of the command
            return error

    def _repeated(self, command: PendingCommand) -> Repeated | None:
        command_id = command.meta.command_id
        if command_id is None:
            return None
        known = self._carried_out.get(command_id) or self._state.window.find(
            command_id, self._now_us
        )
        if known is None:
            return None
        if known.fingerprint != command.meta.fingerprint:
            raise CommandIdReused(
                f"Stream {self._state.stream!r}: command id {command_id!r} was used for another"
                " command."
            )
        return Repeated(known.position)

    def _run(self, command: PendingCommand) -> Any:
        unit = UnitOfWork(
            self._state,
            self._changed,
            position=self._position,
            recorded_at_us=self._recorded_at_us if self.commits else None,
        )
        try:
            result = command.decide(unit)
        except BaseException:
            unit.abandon()
            raise
        changed = unit.close()
        if inspect.isawaitable(result):
            if inspect.iscoroutine(result):
                result.close()
            raise DomainError(
                "`decide` must be a plain function: it runs again after a conflict and holds up its"
                " stream. Fetch what it needs first and pass it in with the command."
            )
        if unit.entries:
            self._add_commit(command, unit, result)
            self._changed.extend(changed)
        return result

    def _add_commit(self, command: PendingCommand, unit: UnitOfWork, result: Any) -> None:
        entries, limits = unit.entries, self._limits
        if len(entries) > limits.events_max:
            raise LimitExceeded(
                f"Stream {unit.stream!r}: a command recorded {len(entries):,} events; at most"
                f" {limits.events_max:,} are allowed (commit_events_max).",
                remedy="Split the command into several.",
            )
        meta = command.meta
        if meta.command_id is not None and result is not None:
            meta = msgspec.structs.replace(meta, outcome=_encode_outcome(command, result))
        encoded_meta, body = self._codec.encode_meta(meta), self._codec.encode_body(entries)
        commit = Commit(
            os.urandom(16),
            self._position + 1,
            self._position + len(entries),
            self._recorded_at_us,
            tuple([event.tag for _, _, event in entries]),
            encoded_meta,
            body,
            checksum(encoded_meta, body),
        )
        if commit.size_bytes > limits.bytes_max:
            raise LimitExceeded(
                f"Stream {unit.stream!r}: a command recorded {commit.size_bytes:,} bytes; at most"
                f" {limits.bytes_max:,} are allowed (commit_bytes_max).",
                remedy="Record less, or keep large content elsewhere and record its address.",
            )
        if meta.command_id is not None:
            self._carried_out[meta.command_id] = CarriedOut(
                meta.command_id, commit.last, self._recorded_at_us, meta.fingerprint
            )
        self._recording.add(command)
        self._position = commit.last
        self.size_bytes += commit.size_bytes
        self.commits.append(commit)


def _encode_outcome(command: PendingCommand, result: Any) -> bytes:
    if command.returns is None and not isinstance(result, _PLAIN):
        raise DomainError(
            f"A command with an id returned {type(result).__name__}: pass `returns=` so that a"
            " repetition can be given the same answer."
        )
    try:
        return _encode(result)
    except (TypeError, ValueError, OverflowError) as error:
        raise DomainError(f"The command's result cannot be recorded: {error}") from error
