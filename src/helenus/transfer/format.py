"""The file: lines of JSON in zstd frames.

The first line is a header, the last one the end, with counts and a digest of all lines before it.
Between them stands a line for each commit and, after each page of streams, a mark: the place in the
source's directory. Every line begins with a CRC-32 of the rest of it, so damage is found before the
line is used, and names the line.
"""

from __future__ import annotations

import hashlib
import uuid
import zlib
from typing import Self, TypeAlias

import msgspec

from helenus.store import COMMIT_BYTES_MAX, Commit
from helenus.transfer.errors import FileDamaged, NewerFormat

FORMAT = "helenus-export"
FORMAT_VERSION = 1
LINE_BYTES_MAX = 4 * COMMIT_BYTES_MAX

_CRC_START, _CRC_END = b'{"crc32":"', b'",'
_PREFIX_BYTES = len(_CRC_START) + 8 + len(_CRC_END)


class Header(msgspec.Struct, frozen=True, tag="header", tag_field="line"):
    """The first line.

    Attributes:
        format: `FORMAT`.
        version: `FORMAT_VERSION` of the writer.
        prefix: of the names of the streams in the file.
    """

    format: str
    version: int
    prefix: str = ""


class CommitLine(msgspec.Struct, frozen=True, tag="commit", tag_field="line", gc=False):
    """One commit; bytes are in base64."""

    stream: str
    commit_id: uuid.UUID
    first: int
    last: int
    recorded_at_us: int
    kinds: tuple[str, ...]
    meta: bytes
    body: bytes
    checksum: int | None = None

    @classmethod
    def of(cls, stream: str, commit: Commit) -> Self:
        """The line for a commit."""
        return cls(
            stream,
            commit.id,
            commit.first,
            commit.last,
            commit.recorded_at_us,
            commit.kinds,
            commit.meta,
            commit.body,
            commit.checksum,
        )

    def commit(self) -> Commit:
        """The commit as it was in the store."""
        return Commit(
            self.commit_id.bytes,
            self.first,
            self.last,
            self.recorded_at_us,
            self.kinds,
            self.meta,
            self.body,
            self.checksum,
        )


class Mark(msgspec.Struct, frozen=True, tag="mark", tag_field="line"):
    """All streams that the source's directory lists up to this cursor are in the file before it."""

    cursor: str


class End(msgspec.Struct, frozen=True, tag="end", tag_field="line"):
    """The last line.

    Attributes:
        streams: in the file.
        commits: in the file.
        events: in the file.
        sha256: of all lines before this one.
    """

    streams: int
    commits: int
    events: int
    sha256: str


Line: TypeAlias = Header | CommitLine | Mark | End

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode
_decode_header = msgspec.json.Decoder(Header).decode


def encode_line(line: Line) -> bytes:
    """A line with its checksum and its line feed."""
    rest = _encode(line)[1:]
    return b"%s%08x%s%s\n" % (_CRC_START, zlib.crc32(rest), _CRC_END, rest)


def decode_line(number: int, encoded: bytes) -> Line:
    """The line of this number, without its line feed.

    Raises:
        FileDamaged: it is not what was written.
        NewerFormat: it is the header of a newer release's file.
    """
    rest = encoded[_PREFIX_BYTES:]
    if encoded[:_PREFIX_BYTES] != b"%s%08x%s" % (_CRC_START, zlib.crc32(rest), _CRC_END):
        what = "is damaged: its checksum is wrong" if number > 1 else "is no header of an export"
        raise FileDamaged(f"Line {number} {what}.")
    try:
        if number == 1:
            return _header(b"{" + rest)
        line: Line = _decode(b"{" + rest)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FileDamaged(f"Line {number} cannot be read: {error}.") from error
    return line


def _header(encoded: bytes) -> Header:
    header = _decode_header(encoded)
    if header.format != FORMAT:
        raise FileDamaged(f"Line 1 tells of the format {header.format!r}, not {FORMAT!r}.")
    if header.version > FORMAT_VERSION:
        raise NewerFormat(
            f"The file has format version {header.version}, made by a newer release; this one knows"
            f" versions up to {FORMAT_VERSION}."
        )
    return header


class Totals:
    """What the lines so far come to; equal for whoever writes a file and whoever reads it.

    Attributes:
        streams: counted when a commit is of another stream than the one before.
        commits: so many.
        events: so many.
        last: the last commit, and its stream.
    """

    def __init__(self) -> None:
        self.streams = 0
        self.commits = 0
        self.events = 0
        self.last: CommitLine | None = None
        self._digest = hashlib.sha256()

    def add(self, encoded: bytes, line: Line) -> None:
        """Count a line, given with its line feed."""
        self._digest.update(encoded)
        if isinstance(line, CommitLine):
            self.streams += self.last is None or self.last.stream != line.stream
            self.commits += 1
            self.events += line.last - line.first + 1
            self.last = line

    def end(self) -> End:
        """The closing line."""
        return End(self.streams, self.commits, self.events, self._digest.hexdigest())

    def place(self) -> str:
        """Up to where the lines have come, in words."""
        if self.last is None:
            return "before the first commit"
        return (
            f"after the commit at position {self.last.last} of stream {self.last.stream!r}"
            f" ({self.commits:,} commits)"
        )
