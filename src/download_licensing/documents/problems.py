"""What is wrong with a document: each problem with its line and column, and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

import msgspec

PROBLEMS_SHOWN_MAX = 20
PROBLEMS_KEPT_MAX = 1_000
_SHOWN_CHARACTERS_MAX = 60


class Place(msgspec.Struct, frozen=True, order=True, gc=False):
    """Where something stands in a text.

    Attributes:
        line: from 1 on.
        column: in characters, from 1 on.
    """

    line: int
    column: int


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to correct.

    Attributes:
        message: what is wrong and what to do, as sentences.
        path: of the entry concerned, its keys joined by dots; "": the whole document.
        place: where; None: nowhere in particular.
    """

    message: str
    path: str = ""
    place: Place | None = None

    def shown(self, source: str) -> str:
        """The problem on one line that begins with its place, as editors read them."""
        place = f"{source}:{self.place.line}:{self.place.column}" if self.place else source
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class Problems:
    """Gathers the problems of one reading, which goes on after each to find the others."""

    def __init__(self) -> None:
        self._found: list[Problem] = []
        self._more = 0

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, message: str, place: Place | None = None, path: str = "") -> None:
        """Note a problem; beyond `PROBLEMS_KEPT_MAX` they are only counted."""
        if len(self._found) < PROBLEMS_KEPT_MAX:
            self._found.append(Problem(message=message, path=path, place=place))
        else:
            self._more += 1

    def extend(self, others: Problems) -> None:
        """Take over what another reading found."""
        for problem in others._found:
            self.add(problem.message, problem.place, problem.path)
        self._more += others._more

    def listed(self) -> list[Problem]:
        """All of them in the order of the text, those without a place first."""
        ordered = sorted(self._found, key=lambda problem: problem.place or Place(0, 0))
        if self._more:
            ordered.append(Problem(message=f"{self._more:,} more problems were found."))
        return ordered


class DocumentError(ValueError):
    """A document cannot be used; nothing was changed. The message lists what to correct.

    Attributes:
        source: what the document is called, such as the path of its file.
        problems: what to correct.
    """

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        lines = [problem.shown(source) for problem in problems[:PROBLEMS_SHOWN_MAX]]
        if more := len(problems) - len(lines):
            lines.append(f"… and {more:,} more.")
        super().__init__("\n".join(lines))
        self.source = source
        self.problems = tuple(problems)


def shorten(value: object) -> str:
    """How a value from a document is shown in a problem."""
    shown = repr(value)
    return shown if len(shown) <= _SHOWN_CHARACTERS_MAX else f"{shown[:_SHOWN_CHARACTERS_MAX]}…"


def near_miss(word: str, known: Iterable[str]) -> str:
    """A question after the known word that was probably meant, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {near[0]}?" if near else ""
