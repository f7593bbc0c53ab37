"""Holds golden histories against today's code."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from helenus.aggregates import Aggregate
from helenus.codec import Codec
from helenus.errors import HelenusError
from helenus.testing.golden import files
from helenus.testing.golden.files import GoldenHistory, State
from helenus.testing.golden.replay import replay

_ABSENT = object()


class GoldenMismatch(AssertionError):
    """Recorded events cannot be read, or mean something else now.

    Attributes:
        problems: one sentence each, naming file, position and aggregate or event.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["Golden histories do not hold:", *problems]))
        self.problems = problems


class Checked(msgspec.Struct, frozen=True):
    """What was held against today's code.

    Attributes:
        histories: files.
        events: events in them.
        kinds: stored names and versions in them.
    """

    histories: int
    events: int
    kinds: frozenset[str]


def check(
    directory: str | os.PathLike[str],
    aggregates: Iterable[type[Aggregate]],
    *,
    complete: bool = True,
) -> Checked:
    """Replay all golden histories of a directory.

    Args:
        directory: where the files are.
        aggregates: today's aggregate types.
        complete: whether each event that they apply must be in a history, in its present version.

    Raises:
        GoldenMismatch: something does not hold, or there is nothing to check.
        DefinitionError: the aggregates cannot be used together.
    """
    codec = Codec(aggregates)
    problems: list[str] = []
    found = list(files.paths(Path(directory)))
    if not found:
        problems.append(f"{directory} holds no golden history: record one.")
    events, kinds = 0, set[str]()
    for path in found:
        try:
            history = files.read(path)
        except HelenusError as error:
            problems.append(str(error))
            continue
        problems += [f"{path.name}: {problem}" for problem in _problems(history, codec)]
        events += sum(len(commit.kinds) for commit in history.commits)
        kinds |= history.kinds()
    if found and complete:
        problems += [
            f"No golden history holds event {tag!r}: record one." for tag in missing(codec, kinds)
        ]
    if problems:
        raise GoldenMismatch(problems)
    return Checked(len(found), events, frozenset(kinds))


def missing(codec: Codec, kinds: set[str]) -> list[str]:
    """The tags of today's events that are not among these."""
    applied = {event.tag for kind in codec.aggregates.values() for event in kind.handlers}
    return sorted(applied - kinds)


def accept(directory: str | os.PathLike[str], aggregates: Iterable[type[Aggregate]]) -> list[Path]:
    """Take over the states that today's code gives, where their change is meant.

    The recorded bytes stay as they are. What changed is for a reviewer to see in version control.

    Returns:
        The files that were changed.

    Raises:
        HelenusError: an event cannot be read or applied; files before it may have been changed.
    """
    codec, changed = Codec(aggregates), []
    for path in files.paths(Path(directory)):
        history = files.read(path)
        stored = [commit.stored() for commit in history.commits]
        states = replay(history.stream, stored, codec)
        commits = tuple(
            msgspec.structs.replace(commit, states=now)
            for commit, now in zip(history.commits, states, strict=True)
        )
        if commits != history.commits:
            files.write(path, msgspec.structs.replace(history, commits=commits), replace=True)
            changed.append(path)
    return changed


def _problems(history: GoldenHistory, codec: Codec) -> Iterator[str]:
    if not history.commits:
        yield "It holds no commit."
    states = replay(history.stream, [commit.stored() for commit in history.commits], codec)
    try:
        for commit, now in zip(history.commits, states, strict=True):
            for key in dict.fromkeys([*commit.states, *now]):
                after = f"after position {commit.last}, {key}"
                for change in _changes(commit.states.get(key), now.get(key)):
                    yield f"{after}{change}"
    except HelenusError as error:
        yield str(error)


def _changes(recorded: State, now: State) -> Iterator[str]:
    if recorded is None or now is None:
        if recorded != now:
            yield f" is {_said(now)}, where it was {_said(recorded)}"
        return
    for field, value in recorded.items():
        found = now.get(field, _ABSENT)
        if found is _ABSENT:
            yield f".{field} is gone; it was {value!r}"
        elif found != value:
            yield f".{field} is {found!r}, where it was {value!r}"


def _said(state: State) -> str:
    return "finished or without events" if state is None else repr(state)
