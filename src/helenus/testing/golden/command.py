"""`python -m helenus.testing.golden`: record, capture, check and accept golden histories.

`main` needs nothing but the standard library, so that any command line can hand over to it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from helenus.aggregates import Aggregate
from helenus.errors import HelenusError, InvalidArgument
from helenus.stores import open_store
from helenus.testing.golden.checking import GoldenMismatch, accept, check
from helenus.testing.golden.recording import capture, record

DONE, FAILED, WRONG_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command.

    Args:
        arguments: those after the command's name; None: the process's.

    Returns:
        0: done; 1: histories do not hold, or cannot be recorded; 2: wrong usage.
    """
    options = _parser().parse_args(arguments)
    if "" not in sys.path:
        sys.path.insert(0, "")  # modules are named as seen from where the command is given
    try:
        return _carry_out(options)
    except InvalidArgument as error:
        sys.stderr.write(f"{error}\n")
        return WRONG_USAGE
    except (GoldenMismatch, HelenusError) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED


def _carry_out(options: argparse.Namespace) -> int:
    aggregates = _aggregates(options.aggregates)
    directory: Path = options.directory
    if options.command == "check":
        found = check(directory, aggregates, complete=not options.incomplete)
        _say(f"{found.histories} histories with {found.events} events hold.")
    elif options.command == "accept":
        _say_files("changed", accept(directory, aggregates))
    elif options.command == "record":
        samples = _named(options.samples)
        if not isinstance(samples, Mapping):
            raise InvalidArgument(f"{options.samples} must map names to lists of events.")
        _say_files("written", record(directory, aggregates, samples))
    else:
        _require_store(options.store)
        _say_files("written", asyncio.run(_capture(options, aggregates)))
    return DONE


def _require_store(url: str) -> None:
    """Refuse a file that is not there, which would be made."""
    if "://" not in url and not Path(url.removeprefix("sqlite:")).is_file():
        raise InvalidArgument(f"There is no store {url!r} to capture from.")


async def _capture(
    options: argparse.Namespace, aggregates: Iterable[type[Aggregate]]
) -> list[Path]:
    async with open_store(options.store) as store:
        return await capture(options.directory, aggregates, store, options.stream)


def _aggregates(name: str) -> list[type[Aggregate]]:
    found = _named(name)
    types = [found] if isinstance(found, type) else found
    if not isinstance(types, Iterable):
        raise InvalidArgument(f"{name} is no aggregate type, nor a list of them.")
    listed = list(types)
    for one in listed:
        if not (isinstance(one, type) and issubclass(one, Aggregate)):
            raise InvalidArgument(f"{name} holds {one!r}, which is no aggregate type.")
    return listed


def _named(name: str) -> Any:
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise InvalidArgument(f"{name!r} must be MODULE:NAME, such as bank:AGGREGATES.")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise InvalidArgument(f"{name}: there is no module {error.name}.") from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise InvalidArgument(f"{name}: the module has no {attribute}.") from None


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _say_files(what: str, paths: Sequence[Path]) -> None:
    for path in paths:
        _say(f"{path} {what}")
    if not paths:
        _say(f"Nothing is {what}: all is as it was.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m helenus.testing.golden",
        description="Golden histories: stored events, kept with the code, that must stay readable.",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    def add(command: str, help_text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(command, help=help_text, description=help_text)
        added.add_argument(
            "--aggregates", required=True, metavar="MODULE:NAME", help="the aggregate types"
        )
        added.add_argument("directory", type=Path, metavar="DIR", help="where the files are")
        return added

    one = add("record", "Write what today's code stores for samples, if it is new.")
    one.add_argument(
        "--samples",
        required=True,
        metavar="MODULE:NAME",
        help="names, each with a list of events made by helenus.testing.at",
    )
    one = add("capture", "Write streams of a store as they are stored.")
    one.add_argument("--store", required=True, metavar="PATH|URL", help="as for open_store")
    one.add_argument("--stream", required=True, action="append", help="may be given several times")
    one = add("check", "Replay all histories; fail where events or states do not hold.")
    one.add_argument(
        "--incomplete", action="store_true", help="allow events that are in no history"
    )
    add("accept", "Take over changed states, where the change is meant. Bytes stay.")
    return parser
