"""The page of public names: ``python -m tests.unit.docs.api_page`` writes it from docstrings."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from types import ModuleType

from tests.unit.docs.pages import ROOT

PAGE = ROOT / "docs" / "api.md"
INTRODUCTION = """\
# Public names

All that programs import; whatever is not here is ours to change. On the site (`make docs`) each
follows with its signature and its whole docstring.
"""
# Each module with what its section says.
MODULES = {
    "helenus": "The framework. Importing it loads no store.",
    "helenus.stores": "Which store, by one line of settings.",
    "helenus.stores.sqlite": "The embedded store; how to [operate it](guides/sqlite.md).",
    "helenus.stores.cassandra": (
        "The [store on Apache Cassandra](cassandra.md). It needs the extra `helenus[cassandra]`."
    ),
    "helenus.stores.memory": "A store that forgets everything when it goes.",
    "helenus.stores.patient": "A store that need not be there yet.",
    "helenus.observability": "[Spans and counts](observability.md).",
    "helenus.observability.prometheus": (
        "Metrics of them. It needs the extra `helenus[observability]`."
    ),
    "helenus.testing": "For [the tests](guides/testing.md) of programs that use helenus.",
    "helenus.testing.golden": (
        "[Golden histories](schema-evolution.md#golden-histories): old events keep their meaning."
    ),
    "helenus.testing.conformance": (
        "For [the tests of a store](guides/testing.md#a-store-of-your-own)."
    ),
}


def public_names(module: ModuleType) -> list[str]:
    listed = getattr(module, "__all__", None)
    return list(listed) if listed is not None else _classes(module)


def _classes(module: ModuleType) -> list[str]:
    return [
        name
        for name, value in vars(module).items()
        if inspect.isclass(value) and value.__module__ == module.__name__ and name[0] != "_"
    ]


def summary(value: object) -> str:
    """The first paragraph of a docstring."""
    if not _is_own(value):
        return "An alias of a type."
    return " ".join((inspect.getdoc(value) or "").partition("\n\n")[0].split())


def documented() -> Iterator[tuple[str, list[str]]]:
    """Each module with its public classes and functions."""
    for name in MODULES:
        module = importlib.import_module(name)
        yield name, [one for one in public_names(module) if _is_own(getattr(module, one))]


def _is_own(value: object) -> bool:
    return inspect.isclass(value) or inspect.isfunction(value)


def section(name: str, text: str) -> str:
    module = importlib.import_module(name)
    rows = [f"| `{one}` | {summary(getattr(module, one))} |" for one in public_names(module)]
    return "\n".join([f"\n## {name}\n\n{text}\n", "| name | is |", "|---|---|", *rows, ""])


def made() -> str:
    return INTRODUCTION + "".join(section(name, text) for name, text in MODULES.items())


if __name__ == "__main__":
    PAGE.write_text(made(), encoding="utf-8")
