"""The aggregates of a program, as they are named on the command line: ``module:NAME``."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from helenus.aggregates import Aggregate
from helenus.errors import InvalidArgument

AggregatesName = Annotated[
    str | None,
    typer.Option(
        "--aggregates",
        metavar="MODULE:NAME",
        help="A sequence of aggregate types, or one; looked for from this folder on.",
        show_default=False,
    ),
]


def load_aggregates(name: str | None) -> list[type[Aggregate]]:
    """The aggregate types of this name; none for None.

    Raises:
        InvalidArgument: there are none of this name.
    """
    if name is None:
        return []
    found = load_named(name)
    types = list(found) if isinstance(found, Iterable) else [found]
    if not types or not all(isinstance(one, type) and issubclass(one, Aggregate) for one in types):
        raise InvalidArgument(f"{name!r} names no aggregates.")
    return types


def load_named(name: str) -> Any:
    """What a module of the program calls so.

    Raises:
        InvalidArgument: there is no such module, or nothing of this name in it.
    """
    module_name, _, attribute = name.partition(":")
    if not module_name or not attribute:
        raise InvalidArgument(f"{name!r} is not of the form MODULE:NAME.")
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)
    try:
        return getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError) as error:
        raise InvalidArgument(f"{name!r} cannot be loaded: {error}.") from error
