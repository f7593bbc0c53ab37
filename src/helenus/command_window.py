"""Which commands a stream has already carried out (G3).

The window holds the last commands of a stream by id, within a horizon of time and a bound of
number. It holds where each command's commit ends, not its answer: the answer is read from that
commit when a repetition asks for it, which is rare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from helenus.store import Commit


class CarriedOut(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A command that took effect.

    Attributes:
        command_id: its id.
        position: of the last event of its commit.
        recorded_at_us: when it was committed, in microseconds since the Unix epoch.
        fingerprint: of the command.
    """

    command_id: str
    position: int
    recorded_at_us: int
    fingerprint: bytes


Replayed = tuple[bytes, int, int]
"""A replayed commit, as much as the window needs: its meta, last position and time."""

_COMMAND_ID_KEY = b"\xaacommand-id"
"""How metadata with a command id goes on after its first byte: the id is its first field. Commits
without one must not push those with one out of the window."""

_decode = msgspec.msgpack.Decoder(list[CarriedOut]).decode
_encode = msgspec.msgpack.Encoder().encode


class CommandWindow:
    """The commands carried out on one stream, oldest first.

    What was replayed or read from a snapshot is decoded only when a command id is first looked up:
    loading a stream to read it never pays for it.

    Args:
        commands_max: how many commands are remembered.
        horizon_us: for how long a command is remembered, in microseconds.
        read: what a replayed commit carried out, from its `Replayed`; None without a command id.
        encoded: the window as a snapshot carried it.
    """

    def __init__(
        self,
        *,
        commands_max: int,
        horizon_us: int,
        read: Callable[[Replayed], CarriedOut | None],
        encoded: bytes = b"",
    ) -> None:
        self._commands_max = commands_max
        self._horizon_us = horizon_us
        self._read = read
        self._encoded = encoded
        self._unread: list[Replayed] = []
        self._known: dict[str, CarriedOut] = {}

    def remember(self, command: CarriedOut) -> None:
        """Add a command that was just committed."""
        self._catch_up()
        self._add(command)

    def remember_replayed(self, commits: Sequence[Commit]) -> None:
        """Add replayed commits, to be decoded when they are first needed."""
        unread = self._unread
        unread += [
            (c.meta, c.last, c.recorded_at_us) for c in commits if c.meta[1:12] == _COMMAND_ID_KEY
        ]
        del unread[: -self._commands_max]

    def find(self, command_id: str, now_us: int) -> CarriedOut | None:
        """The command of this id, if it was carried out within the window."""
        self._catch_up()
        found = self._known.get(command_id)
        if found is None or found.recorded_at_us < now_us - self._horizon_us:
            return None
        return found

    def encode(self, now_us: int) -> bytes:
        """The window for a snapshot, without what has left it."""
        self._catch_up()
        horizon = now_us - self._horizon_us
        return _encode([c for c in self._known.values() if c.recorded_at_us >= horizon])

    def _catch_up(self) -> None:
        if self._encoded:
            encoded, self._encoded = self._encoded, b""
            for command in _decode(encoded):
                self._add(command)
        # They stay unread if one of them cannot be read: it may be the very one that is sought.
        read = [self._read(replayed) for replayed in self._unread]
        self._unread = []
        for carried_out in read:
            if carried_out is not None:
                self._add(carried_out)

    def _add(self, command: CarriedOut) -> None:
        self._known.pop(command.command_id, None)
        self._known[command.command_id] = command
        if len(self._known) > self._commands_max:
            del self._known[next(iter(self._known))]
