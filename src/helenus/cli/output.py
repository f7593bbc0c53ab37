"""How the commands on stores answer: results on stdout, progress on stderr, errors by exit code."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
import typer
from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from helenus.errors import (
    CodecError,
    HelenusError,
    InvalidArgument,
    OutcomeUnknown,
    StoreUnavailable,
    StoreUnusable,
)
from helenus.transfer import FileDamaged, TargetDiffers

T = TypeVar("T")

EXIT_CODES = {
    0: "done",
    1: "anything else",
    2: "wrong arguments, or a file or store that is not there",
    3: "the store does not answer; run it again",
    10: "the store cannot be used: damaged, newer, not ours, or its driver is missing",
    12: "the file is damaged or cut; what is whole was imported",
    13: "the target holds other commits",
    14: "something was found that should not be",
    15: "there is no such stream",
    16: "stored bytes cannot be read",
    130: "interrupted",
}
"""What each exit code of the commands on stores means."""

FOUND = 14
NO_STREAM = 15

messages = Console(stderr=True, highlight=False)
answers = Console(highlight=False, soft_wrap=True)

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


class NoSuchStream(HelenusError):
    """The store has no stream of this name."""


_CODES: tuple[tuple[type[Exception], int], ...] = (
    (NoSuchStream, NO_STREAM),
    (FileDamaged, 12),
    (TargetDiffers, 13),
    (InvalidArgument, 2),
    (StoreUnusable, 10),
    (StoreUnavailable, 3),
    (OutcomeUnknown, 3),
    (CodecError, 16),
)


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's work; a user's mistake ends with a sentence, never with a traceback."""
    return run_plain(lambda: asyncio.run(work()))


def run_plain(work: Callable[[], T]) -> T:
    """The same for work that is no coroutine."""
    try:
        return work()
    except HelenusError as error:
        fail(str(error), next((code for kind, code in _CODES if isinstance(error, kind)), 1))
    except BrokenPipeError:
        # Whoever read it has enough, such as `head`; nothing more can be flushed at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}." if error.filename else f"{error}.", 1)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def fail(message: str, exit_code: int) -> NoReturn:
    """End with a message on stderr."""
    messages.print(f"Error: {message}", markup=False, soft_wrap=True)
    raise typer.Exit(exit_code)


def print_json(answer: object) -> None:
    """One line of JSON on stdout."""
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")


def print_line(text: str) -> None:
    """One line on stdout, without any markup."""
    sys.stdout.write(text + "\n")


@contextlib.contextmanager
def counting(verb: str) -> Iterator[Callable[[str], None]]:
    """Progress on stderr: a moving line where somebody looks, else nothing."""
    if not messages.is_terminal:
        yield lambda _: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bars(*columns, console=messages, transient=True) as bars:
        task = bars.add_task(verb, total=None)
        yield lambda text: bars.update(task, description=f"{verb}: {text}")
