"""Tables of metrics in the pages, and what they should hold by the docstrings of the code."""

from __future__ import annotations

import msgspec

from helenus.observability import Durations
from helenus.observability.prometheus import described


def rows_of(page: str, heading: str) -> list[str]:
    """The rows of a page's table below a heading."""
    section = page.partition(f"{heading}\n")[2].partition("\n#")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def rows_for(kind: type[msgspec.Struct]) -> list[str]:
    """The rows that the code says there should be, one for each metric of a struct."""
    gauges: frozenset[str] = getattr(kind, "gauges", frozenset())
    types = {field.name: field.type for field in msgspec.structs.fields(kind)}
    rows = []
    for field, text in described(kind).items():
        shown = "gauge" if field in gauges else "counter"
        if types[field] is Durations:
            shown = "histogram"
        elif types[field] is str:
            shown = "label of `info`"
        elif isinstance(types[field], type) and issubclass(types[field], msgspec.Struct):
            continue  # a label
        rows.append(f"| `{field}` | {shown} | {text} |")
    return rows
