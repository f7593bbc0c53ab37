"""The codec: typed events to the bytes a store keeps, and back.

A commit's body is a msgpack array of ``[aggregate type, aggregate id, event]``; an event is a map
of its fields with its tag under ``$event``. Maps make added fields free: a missing one takes its
default, an unknown one is ignored. A body over the threshold is one zstd frame; the first byte
tells them apart, since a msgpack array never starts with 0x28.

Bodies of today's versions decode in one pass in C. Any other body is decoded generically, raised by
the registered upcasters, one version at a time, and only then checked against today's types.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Union

import msgspec
import zstandard

from helenus.aggregates import Aggregate
from helenus.errors import (
    CodecError,
    CorruptData,
    DefinitionError,
    LimitExceeded,
    UnknownEvent,
)
from helenus.events import (
    TAG_FIELD,
    Event,
    Payload,
    RecordedEvent,
    from_microseconds,
    parse_tag,
    upcaster_for,
)
from helenus.store import COMMIT_BYTES_MAX, Commit

COMPRESS_FROM_BYTES = 1024
_ARRAY_32 = b"\xdd"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_DECOMPRESSED_BYTES_MAX = 16 * COMMIT_BYTES_MAX

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Entry = tuple[str, str, Event]
"""One event of a body: aggregate type, aggregate id, event."""


class CommitMeta(msgspec.Struct, frozen=True, omit_defaults=True, rename="kebab", gc=False):
    """What is recorded beside a commit's events.

    Attributes:
        command_id: the idempotency key.
        fingerprint: of the command, so that a key used for another command is noticed.
        outcome: the encoded answer of the command, returned to repetitions.
        actor: who acted.
        correlation_id: the business transaction.
        causation_id: the message that directly caused the commit.
    """

    command_id: str | None = None
    fingerprint: bytes = b""
    outcome: bytes = b""
    actor: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None


def checksum(meta: bytes, body: bytes) -> int:
    """What a commit records of its bytes, so that damage is noticed and never decoded."""
    return zlib.crc32(body, zlib.crc32(meta))


class Codec:
    """Encodes and decodes the events of a set of aggregates.

    Not safe for use from several threads at once.

    Raises:
        DefinitionError: two types share a name, or an event's older versions lack an upcaster.
    """

    def __init__(
        self,
        aggregates: Iterable[type[Aggregate]],
        *,
        compress_from_bytes: int = COMPRESS_FROM_BYTES,
    ) -> None:
        self.aggregates: dict[str, type[Aggregate]] = {}
        self._events: dict[str, type[Event]] = {}
        for aggregate in aggregates:
            self._register(aggregate)
        if not self._events:
            raise DefinitionError("A codec needs at least one aggregate that applies an event.")
        union: Any = Union[tuple(self._events.values())]  # noqa: UP007  # built at run time
        self._decode_body = msgspec.msgpack.Decoder(list[tuple[str, str, union]]).decode
        self._decode_bodies = msgspec.msgpack.Decoder(list[list[tuple[str, str, union]]]).decode
        self._decode_generic = msgspec.msgpack.Decoder(list[tuple[str, str, Payload]]).decode
        self._decode_meta = msgspec.msgpack.Decoder(CommitMeta).decode
        self._encode = msgspec.msgpack.Encoder().encode
        self._compress_from_bytes = compress_from_bytes
        self._compressor = zstandard.ZstdCompressor(level=3)
        self._decompressor = zstandard.ZstdDecompressor()

    def _register(self, aggregate: type[Aggregate]) -> None:
        if not aggregate.aggregate_name:
            raise DefinitionError(f'{aggregate.__qualname__} is abstract: give it name="…".')
        known = self.aggregates.setdefault(aggregate.aggregate_name, aggregate)
        if known is not aggregate:
            raise DefinitionError(
                f"Two aggregates are named {aggregate.aggregate_name!r}:"
                f" {known.__qualname__} and {aggregate.__qualname__}."
            )
        for event in aggregate.handlers:
            other = self._events.setdefault(event.event_name, event)
            if other is not event:
                raise DefinitionError(
                    f"Two events are named {event.event_name!r}:"
                    f" {other.__qualname__} and {event.__qualname__}."
                )
            _require_upcasters(event)

    def encode_body(self, entries: Sequence[Entry]) -> bytes:
        """The bytes of a commit's events.

        Raises:
            CodecError: a field holds a value that cannot be encoded, or is not of its type, or the
            event is not registered; it names the event.
            LimitExceeded: before compression it is larger than a reader would accept.
        """
        try:
            body = self._encode(entries)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise CodecError(f"{self._culprit(entries)} cannot be encoded: {error}") from error
        try:
            self._decode_body(body)
        except _UNREADABLE as error:
            # A type checker's job, but a commit that nobody can read would end its stream for good.
            names = ", ".join(sorted({event.event_name for _, _, event in entries}))
            raise CodecError(f"{names}: what was recorded could not be read: {error}") from error
        if len(body) > _DECOMPRESSED_BYTES_MAX:
            raise LimitExceeded(
                f"A commit of {len(body):,} bytes before compression is over the limit of"
                f" {_DECOMPRESSED_BYTES_MAX:,}.",
                remedy="Record less per command; keep large content elsewhere, store its address.",
            )
        if len(body) >= self._compress_from_bytes:
            compressed = self._compressor.compress(body)
            if len(compressed) < len(body):
                return compressed
        return body

    def _culprit(self, entries: Sequence[Entry]) -> str:
        for aggregate_type, aggregate_id, event in entries:
            try:
                self._encode(event)
            except (TypeError, ValueError, OverflowError, RecursionError):
                return f"Event {event.event_name!r} of {aggregate_type} {aggregate_id!r}"
        return "A commit"

    def decode_bodies(self, stream: str, commits: Sequence[Commit]) -> list[list[Entry]]:
        """The events of consecutive commits as `decode_body` gives them, at a third of the cost."""
        return list(self._bodies(stream, commits))

    def _bodies(self, stream: str, commits: Sequence[Commit]) -> Iterable[list[Entry]]:
        together = self._decode_together(stream, commits)
        if together is not None:
            return together
        return (self.decode_body(stream, each) for each in commits)

    def _decode_together(self, stream: str, commits: Sequence[Commit]) -> list[list[Entry]] | None:
        """Bodies decoded as one array of arrays; None unless all are sound and of today's versions.

        Checksums come first, so no damaged body can shift what is decoded behind it.
        """
        bodies = []
        for commit in commits:
            body = commit.body
            if commit.checksum != zlib.crc32(body, zlib.crc32(commit.meta)):
                return None
            if body.startswith(_ZSTD_MAGIC):
                try:
                    body = self._decompress(stream, commit)
                except CorruptData:
                    return None
            bodies.append(body)
        joined = _ARRAY_32 + len(bodies).to_bytes(4, "big") + b"".join(bodies)
        try:
            entries: list[list[Entry]] = self._decode_bodies(joined)
        except _UNREADABLE:
            return None
        return entries

    def decode_body(self, stream: str, commit: Commit) -> list[Entry]:
        """A commit's events in today's versions.

        Raises:
            UnknownEvent: an event that no registered aggregate applies, or a version without
            upcaster. CorruptData: the bytes are not a body.
        """
        body = commit.body
        if commit.checksum is not None and commit.checksum != checksum(commit.meta, body):
            raise CorruptData(f"{_place(stream, commit)}: the checksum is wrong.")
        if body.startswith(_ZSTD_MAGIC):
            body = self._decompress(stream, commit)
        try:
            entries: list[Entry] = self._decode_body(body)
        except _UNREADABLE:
            return list(self._decode_upcasting(stream, commit, body))
        return entries

    def _decompress(self, stream: str, commit: Commit) -> bytes:
        try:
            size = zstandard.frame_content_size(commit.body)
            if not 0 <= size <= _DECOMPRESSED_BYTES_MAX:
                raise CorruptData(f"{_place(stream, commit)} declares {size:,} bytes.")
            return self._decompressor.decompress(commit.body)
        except zstandard.ZstdError as error:
            raise CorruptData(
                f"{_place(stream, commit)} cannot be decompressed: {error}"
            ) from error

    def _decode_upcasting(self, stream: str, commit: Commit, body: bytes) -> Iterator[Entry]:
        try:
            generic = self._decode_generic(body)
        except _UNREADABLE as error:
            raise CorruptData(
                f"{_place(stream, commit)} is not a list of events: {error}"
            ) from error
        for offset, (aggregate_type, aggregate_id, payload) in enumerate(generic):
            where = f"Stream {stream!r}, position {commit.first + offset}"
            yield aggregate_type, aggregate_id, self._upcast(where, payload)

    def _upcast(self, where: str, payload: Payload) -> Event:
        try:
            name, stored_version = parse_tag(payload.pop(TAG_FIELD))
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise CorruptData(f"{where}: an event without a readable {TAG_FIELD} tag.") from error
        event_type = self._events.get(name)
        if event_type is None:
            raise UnknownEvent(f"{where}: no registered aggregate applies event {name!r}.")
        if stored_version > event_type.schema_version:
            raise UnknownEvent(
                f"{where}: event {name!r} was written as version {stored_version} by newer code;"
                f" this program knows version {event_type.schema_version}.",
                remedy="Upgrade this program, or send the command to one that is.",
            )
        for version in range(stored_version, event_type.schema_version):
            payload = self._raise_version(where, name, version, payload)
        try:
            return msgspec.convert(payload, event_type)
        except (msgspec.ValidationError, TypeError) as error:
            raise _misfit(where, event_type, stored_version, error) from error

    def _raise_version(self, where: str, name: str, version: int, payload: Payload) -> Payload:
        step = upcaster_for(name, version)
        if step is None:
            raise UnknownEvent(f"{where}: event {name!r} has no upcaster from version {version}.")
        try:
            raised = step(payload)
        except Exception as error:
            raise CodecError(
                f"{where}: the upcaster of event {name!r} from version {version} failed: {error!r}"
            ) from error
        if not isinstance(raised, dict):
            raise CodecError(
                f"{where}: the upcaster of event {name!r} from version {version} returned"
                f" {type(raised).__name__}, not a dict of fields."
            )
        return raised

    def encode_meta(self, meta: CommitMeta) -> bytes:
        """The bytes of a commit's metadata."""
        return self._encode(meta)

    def decode_meta(self, stream: str, meta: bytes, last: int) -> CommitMeta:
        """The metadata of the commit that ends at position `last`.

        Raises:
            CorruptData: the bytes are not metadata.
        """
        try:
            return self._decode_meta(meta)
        except _UNREADABLE as error:
            raise CorruptData(
                f"Stream {stream!r}: the metadata of the commit at position {last} cannot be read:"
                f" {error}"
            ) from error

    def recorded(self, stream: str, commits: Sequence[Commit]) -> Iterator[RecordedEvent[Event]]:
        """The events of consecutive commits with all that was recorded beside them.

        Those before one that cannot be read are given first.

        Raises:
            CorruptData: what is stored does not fit together. UnknownEvent: see `decode_body`.
        """
        for commit, entries in zip(commits, self._bodies(stream, commits), strict=True):
            yield from self._recorded(stream, commit, entries)

    def _recorded(
        self, stream: str, commit: Commit, entries: Sequence[Entry]
    ) -> Iterator[RecordedEvent[Event]]:
        meta = self.decode_meta(stream, commit.meta, commit.last)
        try:
            commit_id = uuid.UUID(bytes=commit.commit_id)
            recorded_at = from_microseconds(commit.recorded_at_us)
            tags = [parse_tag(kind) for kind in commit.kinds]
        except (ValueError, OverflowError) as error:
            raise CorruptData(f"{_place(stream, commit)}: {error}.") from error
        if not len(tags) == len(entries) == commit.last - commit.first + 1:
            raise CorruptData(
                f"{_place(stream, commit)} hold {len(entries)} events of {len(tags)} kinds."
            )
        position = commit.first
        for (aggregate_type, aggregate_id, event), (name, version) in zip(
            entries, tags, strict=True
        ):
            yield RecordedEvent(
                stream=stream,
                position=position,
                aggregate_type=aggregate_type,
                aggregate_id=aggregate_id,
                name=name,
                version=version,
                commit_id=commit_id,
                recorded_at=recorded_at,
                command_id=meta.command_id,
                actor=meta.actor,
                correlation_id=meta.correlation_id,
                causation_id=meta.causation_id,
                event=event,
            )
            position += 1


def _misfit(
    where: str, event_type: type[Event], stored_version: int, error: Exception
) -> CodecError:
    name = event_type.event_name
    if stored_version < event_type.schema_version:
        return CodecError(
            f"{where}: event {name!r} does not fit its type after its upcasters from version"
            f" {stored_version}: {error}.",
            remedy="Correct the upcasters or, if its type was changed, raise its version; what is"
            " stored is as it was written.",
        )
    return CorruptData(
        f"{where}: event {name!r} does not fit its type: {error}.",
        remedy="If its type was changed, raise its version and add an upcaster; if not, restore the"
        " stream from a backup.",
    )


def _require_upcasters(event: type[Event]) -> None:
    for version in range(1, event.schema_version):
        if upcaster_for(event.event_name, version) is None:
            raise DefinitionError(
                f"Event {event.event_name!r} is at version {event.schema_version}, but nothing"
                f" raises version {version}."
                f" Add @upcast({event.event_name!r}, from_version={version})."
            )


def _place(stream: str, commit: Commit) -> str:
    return f"Stream {stream!r}, positions {commit.first}–{commit.last}"
