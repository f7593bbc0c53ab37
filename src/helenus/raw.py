"""Looking into commits without the types they were recorded with: names and plain data."""

from __future__ import annotations

from typing import Any

import msgspec
import zstandard

from helenus.codec import CommitMeta, checksum
from helenus.errors import CorruptData
from helenus.events import TAG_FIELD, parse_tag
from helenus.store import COMMIT_BYTES_MAX, Commit

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_DECOMPRESSED_BYTES_MAX = 16 * COMMIT_BYTES_MAX
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_decode_body = msgspec.msgpack.Decoder(list[tuple[str, str, dict[str, Any]]]).decode
_decode_meta = msgspec.msgpack.Decoder(CommitMeta).decode


class RawEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as it is stored.

    Attributes:
        position: in its stream.
        aggregate_type: it is addressed to.
        aggregate_id: it is addressed to.
        name: of the event.
        version: of its schema when it was written.
        data: its fields.
    """

    position: int
    aggregate_type: str
    aggregate_id: str
    name: str
    version: int
    data: dict[str, Any]


def raw_events(stream: str, commit: Commit) -> list[RawEvent]:
    """The events of a commit, as stored.

    Raises:
        CorruptData: the checksum is wrong, or the bytes are not those of events.
    """
    place = f"Stream {stream!r}, positions {commit.first}–{commit.last}"
    if commit.checksum is not None and commit.checksum != checksum(commit.meta, commit.body):
        raise CorruptData(f"{place}: the checksum is wrong.")
    try:
        entries = _decode_body(_plain(commit.body))
        tags = [parse_tag(data.pop(TAG_FIELD)) for _, _, data in entries]
    except _UNREADABLE as error:
        raise CorruptData(f"{place} are not a list of events: {error}.") from error
    except (KeyError, AttributeError, TypeError, ValueError, zstandard.ZstdError) as error:
        raise CorruptData(f"{place} cannot be read: {error!r}.") from error
    return [
        RawEvent(
            position=position,
            aggregate_type=aggregate_type,
            aggregate_id=aggregate_id,
            name=name,
            version=version,
            data=data,
        )
        for position, ((aggregate_type, aggregate_id, data), (name, version)) in enumerate(
            zip(entries, tags, strict=True), start=commit.first
        )
    ]


def raw_meta(stream: str, commit: Commit) -> CommitMeta:
    """The metadata of a commit.

    Raises:
        CorruptData: the bytes are not metadata.
    """
    try:
        return _decode_meta(commit.meta)
    except _UNREADABLE as error:
        raise CorruptData(
            f"Stream {stream!r}: the metadata of the commit at position {commit.last} cannot be"
            f" read: {error}."
        ) from error


def _plain(body: bytes) -> bytes:
    if not body.startswith(_ZSTD_MAGIC):
        return body
    size = zstandard.frame_content_size(body)
    if not 0 <= size <= _DECOMPRESSED_BYTES_MAX:
        raise ValueError(f"it declares {size:,} bytes")
    return zstandard.ZstdDecompressor().decompress(body)
