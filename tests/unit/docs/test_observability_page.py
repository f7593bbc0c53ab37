"""The page on observability lists every span and every metric as the code describes them."""

from __future__ import annotations

import msgspec
import pytest

from helenus import Statistics
from helenus.observability import SPANS, OperationStatistics
from helenus.observability.prometheus import described
from helenus.stores.cassandra.statistics import CassandraStatistics, StatementStatistics
from helenus.stores.memory import MemoryStatistics
from helenus.stores.patient import PatientStatistics
from helenus.stores.sqlite import SqliteStatistics
from tests.unit.docs.metrics import rows_for, rows_of
from tests.unit.docs.pages import ROOT

TEXT = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")


def test_it_lists_every_span_with_its_attributes() -> None:
    assert rows_of(TEXT, "## Spans") == [
        f"| `{name}` | {span.text} | {', '.join(f'`{one}`' for one in span.attributes)} |"
        for name, span in SPANS.items()
    ]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("### Repository", Statistics),
        ("### Store", OperationStatistics),
        ("### A SQLite store", SqliteStatistics),
        ("### A Cassandra store", CassandraStatistics),
        ("#### Statements", StatementStatistics),
        ("### A memory store", MemoryStatistics),
        ("### A store that may not be there yet", PatientStatistics),
    ],
)
def test_it_lists_every_metric_with_its_meaning(heading: str, kind: type[msgspec.Struct]) -> None:
    assert rows_of(TEXT, heading) == rows_for(kind)
    assert [field for field, text in described(kind).items() if text == field] == []
