"""The file of a golden history: what was stored, as bytes, and what it meant, as values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from helenus.errors import CorruptData, InvalidArgument
from helenus.store import Commit

FORMAT = 1
_SUFFIX = ".json"
_NAME = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9_-]{0,99})\.(?P<generation>[1-9][0-9]{0,5})")

State = dict[str, Any] | None
"""The fields of an aggregate as JSON values; None: it is finished, or never had an event."""


class GoldenCommit(msgspec.Struct, frozen=True, kw_only=True):
    """A commit as it was stored, and what followed from it.

    Attributes:
        first: position of the first event.
        last: position of the last event.
        kinds: the stored names of the events.
        commit_id: 16 bytes.
        recorded_at_us: microseconds since the Unix epoch.
        checksum: as it was stored.
        meta: the encoded command metadata.
        body: the encoded events.
        states: of the aggregates it changed, by ``type/id``, after it.
    """

    first: int
    last: int
    kinds: tuple[str, ...]
    commit_id: bytes
    recorded_at_us: int
    checksum: int | None
    meta: bytes
    body: bytes
    states: dict[str, State]

    def stored(self) -> Commit:
        """The commit as a store would return it."""
        return Commit(
            self.commit_id,
            self.first,
            self.last,
            self.recorded_at_us,
            self.kinds,
            self.meta,
            self.body,
            self.checksum,
        )


class GoldenHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The beginning of a stream, or all of it.

    Attributes:
        format: of the file.
        stream: its name.
        commits: from the first on.
    """

    format: int
    stream: str
    commits: tuple[GoldenCommit, ...]

    def kinds(self) -> set[str]:
        """The stored names of all its events."""
        return {kind for commit in self.commits for kind in commit.kinds}


def path_of(directory: Path, name: str, generation: int) -> Path:
    """The file of a history.

    Raises:
        InvalidArgument: the name is no file name for all systems.
    """
    stem = f"{name}.{generation}"
    if not _NAME.fullmatch(stem):
        raise InvalidArgument(
            f"The history {name!r} needs a name of 1 to 100 letters, digits, '-' or '_'."
        )
    return directory / f"{stem}{_SUFFIX}"


def generations(directory: Path, name: str) -> list[Path]:
    """The files of a history's generations, oldest first."""
    found = {}
    for path in paths(directory):
        match = _NAME.fullmatch(path.stem)
        if match and match["name"] == name:
            found[int(match["generation"])] = path
    return [found[number] for number in sorted(found)]


def generation_of(path: Path) -> int:
    """The number in a file's name."""
    return int(path.stem.rpartition(".")[2])


def paths(directory: Path) -> list[Path]:
    """The files of a directory that are histories by their names, in order."""
    return sorted(p for p in directory.glob(f"*{_SUFFIX}") if _NAME.fullmatch(p.stem))


def read(path: Path) -> GoldenHistory:
    """Read a file.

    Raises:
        CorruptData: it is none of ours, or of a newer format.
    """
    try:
        history = msgspec.json.decode(path.read_bytes(), type=GoldenHistory)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise CorruptData(
            f"{path.name} is not a golden history: {error}.", remedy="Take it from version control."
        ) from error
    if history.format != FORMAT:
        raise CorruptData(
            f"{path.name} has format {history.format}, not {FORMAT}.", remedy="Upgrade helenus."
        )
    return history


def write(path: Path, history: GoldenHistory, *, replace: bool = False) -> None:
    """Write a file so that changes of it read well.

    Raises:
        FileExistsError: it is there, and was not to be replaced.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(history), indent=2) + b"\n"
    if not replace:
        with path.open("xb") as file:
            file.write(text)
        return
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(text)
    fresh.replace(path)
