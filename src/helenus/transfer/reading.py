"""Reading a file: frame after frame, line after line, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import zstandard

from helenus.transfer.errors import FileDamaged, FileTruncated
from helenus.transfer.format import LINE_BYTES_MAX, End, Line, Totals, decode_line

# A hostile frame gives at most some 32,000 bytes for one: so little is taken at a time.
_CHUNK_BYTES = 4 * 1024


class LineReader:
    """The lines of a file.

    Attributes:
        totals: of the lines given so far.
        whole_bytes: length of the file's part that ends with a frame and a line, and was given.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.totals = Totals()
        self.whole_bytes = 0
        self._file = file
        self._number = 0

    def lines(self) -> Iterator[Line]:
        """Each line, checked. The last one is the end.

        Raises:
            FileDamaged: a line, or the compression around it, is not what was written.
            FileTruncated: the file ends without its end.
            NewerFormat: the file was made by a newer release.
        """
        held: list[bytes] = []
        for data, frame_end in self._decompressed():
            *lines, rest = data.split(b"\n")
            if lines:
                lines[0] = b"".join([*held, lines[0]])
                held = []
            held += [rest] if rest else []
            for encoded in lines:
                line = self._line(encoded)
                yield line
                if isinstance(line, End):
                    return
            if sum(map(len, held)) > LINE_BYTES_MAX:
                raise FileDamaged(f"Line {self._number + 1} is over {LINE_BYTES_MAX:,} bytes.")
            if frame_end and not held:
                self.whole_bytes = frame_end
        raise FileTruncated(f"The file was cut {self.totals.place()}.")

    def _line(self, encoded: bytes) -> Line:
        self._number += 1
        line = decode_line(self._number, encoded)
        if not isinstance(line, End):
            self.totals.add(encoded + b"\n", line)
        elif line != self.totals.end():
            raise FileDamaged(
                f"The closing line tells of {line.commits:,} commits of {line.streams:,} streams;"
                f" the file holds {self.totals.commits:,} of {self.totals.streams:,}, or lines that"
                " were exchanged."
            )
        return line

    def _decompressed(self) -> Iterator[tuple[bytes, int]]:
        """Decompressed bytes; where a frame ends, with the offset of its end, else with 0."""
        offset = 0
        decompressor = None
        while chunk := self._file.read(_CHUNK_BYTES):
            offset += len(chunk)
            while chunk:
                decompressor = decompressor or zstandard.ZstdDecompressor().decompressobj()
                try:
                    data = decompressor.decompress(chunk)
                except zstandard.ZstdError as error:
                    raise FileDamaged(
                        f"The file cannot be decompressed {self.totals.place()}: {error}."
                    ) from error
                chunk = b""
                if decompressor.eof:
                    chunk, decompressor = decompressor.unused_data, None
                yield data, 0 if decompressor else offset - len(chunk)
