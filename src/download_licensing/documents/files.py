"""Reading a file that people name, within a bound."""

from __future__ import annotations

from pathlib import Path

from download_licensing.documents.problems import DocumentError, Problem


def read_bounded(path: Path, bytes_max: int) -> bytes:
    """The content of a file; of one that is too large, one byte more than the bound.

    Raises:
        DocumentError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(bytes_max + 1)
    except OSError as error:
        message = f"cannot be read ({error.strerror}). Give the path of a readable file."
        raise DocumentError(str(path), [Problem(message=message)]) from error
