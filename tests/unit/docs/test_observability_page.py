"""The page on observability lists every span and every metric as the code describes them."""

from __future__ import annotations

import msgspec
import pytest

from helenus import Statistics
from helenus.observability import SPANS, OperationStatistics
from helenus.observability.prometheus import described
from helenus.stores.patient import PatientStatistics
from tests.unit.docs.pages import ROOT

TEXT = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")


def rows_of(heading: str) -> list[str]:
    section = TEXT.partition(f"{heading}\n")[2].partition("\n#")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def rows_for(kind: type[msgspec.Struct]) -> list[str]:
    gauges: frozenset[str] = getattr(kind, "gauges", frozenset())
    return [
        f"| `{field}` | {'gauge' if field in gauges else 'counter'} | {text} |"
        for field, text in described(kind).items()
    ]


def test_it_lists_every_span_with_its_attributes() -> None:
    assert rows_of("## Spans") == [
        f"| `{name}` | {span.text} | {', '.join(f'`{one}`' for one in span.attributes)} |"
        for name, span in SPANS.items()
    ]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("### Repository", Statistics),
        ("### Store", OperationStatistics),
        ("### A store that may not be there yet", PatientStatistics),
    ],
)
def test_it_lists_every_metric_with_its_meaning(heading: str, kind: type[msgspec.Struct]) -> None:
    assert rows_of(heading) == rows_for(kind)
    assert [field for field, text in described(kind).items() if text == field] == []
