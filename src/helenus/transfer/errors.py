"""What is wrong with a file, or with the store that it should go into."""

from __future__ import annotations

from pathlib import Path

from helenus.errors import CorruptData, HelenusError, InvalidArgument


class FileDamaged(CorruptData):
    """A line of the file is not what was written."""

    remedy = (
        "What stood before it was imported. Export again, and import that file: nothing doubles."
    )


class FileTruncated(FileDamaged):
    """The file ends before its closing line."""

    remedy = "What is whole was imported. Export again, and import that file: nothing doubles."


class FileUnwritable(HelenusError):
    """The disk did not take what was to be written.

    Attributes:
        path: of what was written so far.
        reason: what the system said.
    """

    remedy = "Make room, and export again: it goes on behind what was written."

    def __init__(self, path: Path, reason: OSError) -> None:
        super().__init__(f"{path} cannot be written: {reason.strerror or reason}.")
        self.path = path
        self.reason = reason


class NewerFormat(InvalidArgument):
    """The file was written by a newer release."""

    remedy = "Upgrade this program; nothing was imported."


class PartialUnusable(InvalidArgument):
    """What an interrupted export left cannot be gone on with."""

    remedy = "Remove it to begin anew."


class TargetDiffers(HelenusError):
    """A stream of the target holds other commits than the file at the same positions.

    Attributes:
        stream: its name.
        position: where it first differs.
    """

    remedy = "Import into another store, or find out which of the two is right."

    def __init__(self, stream: str, position: int, reason: str) -> None:
        super().__init__(f"Stream {stream!r}, position {position}: {reason}.")
        self.stream = stream
        self.position = position
