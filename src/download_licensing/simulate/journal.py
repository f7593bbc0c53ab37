"""Writes and reads the journal, a file of JSON lines appended to; `oracle.journal` has its form."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import msgspec

from download_licensing.simulate.oracle import TITLES_STREAM, Entry, Mark

_BUFFER_BYTES = 1 << 20
_log = logging.getLogger(__name__)


class Recorder(Protocol):
    """Takes the lines of a journal."""

    def write(self, line: Entry | Mark) -> None:
        """Append one line."""

    def flush(self) -> None:
        """Hand what was written to the operating system."""


class Journal:
    """A journal that is being written. Use it as a context manager.

    Args:
        path: a new file, or one that is replaced.
        begin: its first line; its last line is the same with "end", written when the run is over.
    """

    def __init__(self, path: Path, begin: Mark) -> None:
        self._path = path
        self._begin = begin
        self._encode = msgspec.json.Encoder().encode

    def __enter__(self) -> Self:
        self._file = self._path.open("wb", buffering=_BUFFER_BYTES)
        self.write(self._begin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._file:
            if error is None:
                self.write(msgspec.structs.replace(self._begin, mark="end"))

    def write(self, line: Entry | Mark) -> None:
        """Append one line."""
        self._file.write(self._encode(line) + b"\n")

    def flush(self) -> None:
        """Hand what was written to the operating system."""
        self._file.flush()


class Owned(msgspec.Struct, frozen=True):
    """As much of a line as says whose it is."""

    customer_id: str = ""
    stream: str = ""
    mark: str = ""


class LinesByOwner:
    """A file of JSON lines, read customer by customer; only where the lines are is kept in memory.

    Args:
        path: a journal or an export.

    Raises:
        msgspec.DecodeError: a line other than the last is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offsets: dict[str, array[int]] = {}
        self._of_titles = array("Q")
        self.ended = False
        decoder = msgspec.json.Decoder(Owned)
        with path.open("rb") as file:
            offset = 0
            for line in file:
                if not line.endswith(b"\n"):  # torn by a crash of whoever wrote it
                    _log.warning("%s: the last line is incomplete and left out", path)
                    break
                owned = decoder.decode(line)
                self.ended = self.ended or owned.mark == "end"
                kind, _, named = owned.stream.partition("/")
                owner = owned.customer_id or (named if kind == "customer" else "")
                if owner:
                    self._offsets.setdefault(owner, array("Q")).append(offset)
                elif owned.stream == TITLES_STREAM or not (owned.stream or owned.mark):
                    self._of_titles.append(offset)  # what is left is of policies and the like
                offset += len(line)

    @property
    def owners(self) -> list[str]:
        """The customers, in the order of their first line."""
        return list(self._offsets)

    def of(self, customer_id: str) -> Iterator[bytes]:
        """The lines of one customer, in the order of the file."""
        return self._lines(self._offsets.get(customer_id, ()))

    def of_titles(self) -> Iterator[bytes]:
        """The lines about titles, which are no customer's, in the order of the file."""
        return self._lines(self._of_titles)

    def _lines(self, offsets: Iterable[int]) -> Iterator[bytes]:
        with self._path.open("rb") as file:
            for offset in offsets:
                file.seek(offset)
                yield file.readline()
