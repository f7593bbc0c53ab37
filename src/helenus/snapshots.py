"""Snapshots: the encoded state of a stream, taken in the background after commits (G5).

A snapshot is a cache. One that was taken with other definitions, or that is damaged, is not used:
the stream is replayed instead, and a new one is taken.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import logging
import zlib

import msgspec
import zstandard

from helenus.aggregates import Aggregate
from helenus.codec import Codec
from helenus.command_window import CommandWindow
from helenus.state import StreamState, carried_out
from helenus.store import EventStore, Head, Snapshot

logger = logging.getLogger(__name__)

_CHECKSUM_BYTES = 4
_SAVING_AT_ONCE = 16


class _Encoded(msgspec.Struct, frozen=True, array_like=True):
    recorded_at_us: int
    window: bytes
    aggregates: list[tuple[str, str, msgspec.Raw]]


class SnapshotCodec:
    """Encodes states to snapshots and back, for a set of aggregates.

    Args:
        codec: knows the aggregates.
        commands_max: bound of the command window, in commands.
        horizon_us: bound of the command window, in microseconds.
    """

    def __init__(self, codec: Codec, *, commands_max: int, horizon_us: int) -> None:
        self._codec = codec
        self._aggregates = codec.aggregates
        self._commands_max = commands_max
        self._horizon_us = horizon_us
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(_Encoded).decode
        self._compress = zstandard.ZstdCompressor(level=1).compress
        self._decompress = zstandard.ZstdDecompressor().decompress
        definitions = sorted((name, a.fingerprint) for name, a in self._aggregates.items())
        self.fingerprint = hashlib.blake2b(self._encode(definitions), digest_size=8).hexdigest()

    def new_state(self, stream: str, window: bytes = b"") -> StreamState:
        """The state of a stream before its first event."""
        read = functools.partial(carried_out, self._codec, stream)
        return StreamState(
            stream,
            CommandWindow(
                commands_max=self._commands_max,
                horizon_us=self._horizon_us,
                read=read,
                encoded=window,
            ),
        )

    def encode(self, state: StreamState) -> Snapshot:
        """Take the snapshot of a state, which notes it."""
        encoded = _Encoded(
            state.recorded_at_us,
            state.window.encode(state.recorded_at_us),
            [
                (type_name, aggregate_id, msgspec.Raw(self._encode(aggregate)))
                for (type_name, aggregate_id), aggregate in state.aggregates.items()
            ],
        )
        plain = self._encode(encoded)
        state.saved(state.head.position, len(plain))
        body = self._compress(plain)
        checksum = zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "big")
        return Snapshot(state.head.position, self.fingerprint, checksum + body, state.head.token)

    def decode(self, stream: str, snapshot: Snapshot) -> StreamState | None:
        """The state that a snapshot holds, or None if it cannot be used."""
        if snapshot.fingerprint != self.fingerprint:
            return None
        checksum, body = snapshot.body[:_CHECKSUM_BYTES], snapshot.body[_CHECKSUM_BYTES:]
        if zlib.crc32(body).to_bytes(_CHECKSUM_BYTES, "big") != checksum:
            logger.warning("snapshot of stream %r is damaged; replaying it instead", stream)
            return None
        try:
            state = self._decode_state(stream, snapshot.position, self._decompress(body))
            state.head = Head(snapshot.position, snapshot.token)
            return state
        except Exception as error:  # noqa: BLE001  # a cache never stands in the way of the stream
            logger.warning("snapshot of stream %r cannot be read (%s); replaying", stream, error)
            return None

    def _decode_state(self, stream: str, position: int, plain: bytes) -> StreamState:
        encoded = self._decode(plain)
        state = self.new_state(stream, encoded.window)
        state.head = Head(position)
        state.recorded_at_us = encoded.recorded_at_us
        state.saved(position, len(plain))
        for type_name, aggregate_id, raw in encoded.aggregates:
            aggregate: Aggregate = self._aggregates[type_name].decoder.decode(raw)
            aggregate.__dict__["id"] = aggregate_id
            state.aggregates[type_name, aggregate_id] = aggregate
        return state


class SnapshotSaver:
    """Saves snapshots in the background, the newest of each stream, in bounded number.

    A failure is counted and logged; it never reaches a command.
    """

    def __init__(self, store: EventStore, *, waiting_max: int) -> None:
        self._store = store
        self._waiting_max = waiting_max
        self._waiting: dict[str, Snapshot] = {}
        self._task: asyncio.Task[None] | None = None
        self.saved = 0
        self.failed = 0
        self.skipped = 0

    def offer(self, stream: str, snapshot: Snapshot) -> None:
        """Save this snapshot soon, unless too many wait."""
        if stream not in self._waiting and len(self._waiting) >= self._waiting_max:
            self.skipped += 1
            return
        self._waiting[stream] = snapshot
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._save_all())

    def refuse(self, stream: str, error: Exception) -> None:
        """Count and log a snapshot that could not be taken."""
        self.failed += 1
        logger.warning("snapshot of stream %r was not taken: %s", stream, error)

    async def drain(self) -> None:
        """Wait until all snapshots offered so far are saved or have failed."""
        while self._task is not None:
            await asyncio.wait([self._task])

    async def _save_all(self) -> None:
        try:
            while self._waiting:
                batch = [
                    self._waiting.popitem() for _ in range(min(_SAVING_AT_ONCE, len(self._waiting)))
                ]
                await asyncio.gather(*(self._save(stream, snapshot) for stream, snapshot in batch))
        finally:
            self._task = None

    async def _save(self, stream: str, snapshot: Snapshot) -> None:
        try:
            await self._store.save_snapshot(stream, snapshot)
        except Exception as error:  # noqa: BLE001  # whatever it is, no command may notice
            self.failed += 1
            logger.warning("snapshot of stream %r was not saved: %s", stream, error)
        else:
            self.saved += 1
