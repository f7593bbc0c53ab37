"""Statistics as Prometheus metrics, read when they are scraped."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from helenus.observability.durations import Durations

Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily | InfoMetricFamily
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*?)(?=^ {0,4}\w|\Z)", re.MULTILINE | re.DOTALL)


class StatisticsCollector(Collector):
    """Shows what `statistics()` of long-lived objects tells. Register it with a registry.

    What a struct names in `gauges` is a gauge, `Durations` are a histogram, all else is a counter.
    A field that is any other struct becomes the label `operation`. Texts are the labels of one more
    metric, `…_info`, which is always 1: they should be few, and seldom change.

    Args:
        prefix: of the metrics' names.
        sources: what to ask, by the part of the name that follows the prefix.
    """

    def __init__(self, prefix: str, sources: Mapping[str, Callable[[], msgspec.Struct]]) -> None:
        self._prefix = prefix
        self._sources = dict(sources)

    def collect(self) -> Iterator[Family]:
        """Ask each source once."""
        for name, source in self._sources.items():
            yield from _families(f"{self._prefix}_{name}", source())


def _families(prefix: str, statistics: msgspec.Struct) -> Iterator[Family]:
    by_operation: dict[str, msgspec.Struct] = {}
    texts: dict[str, str] = {}
    for field in statistics.__struct_fields__:
        value = getattr(statistics, field)
        if isinstance(value, msgspec.Struct) and not isinstance(value, Durations):
            by_operation[field] = value
        elif isinstance(value, str):
            texts[field] = value
        else:
            yield _family(prefix, type(statistics), field, [], {(): value})
    if texts:
        meaning = described(type(statistics))
        text = "; ".join(f"{field}: {meaning[field].rstrip('.')}" for field in texts)
        yield InfoMetricFamily(prefix, f"{text}.", value=texts)
    if by_operation:
        kind = type(next(iter(by_operation.values())))
        for field in kind.__struct_fields__:
            values: dict[tuple[str, ...], Any] = {
                (name,): getattr(value, field) for name, value in by_operation.items()
            }
            yield _family(prefix, kind, field, ["operation"], values)


def _family(
    prefix: str,
    kind: type[msgspec.Struct],
    field: str,
    labels: list[str],
    values: Mapping[tuple[str, ...], Any],
) -> Family:
    name, text = f"{prefix}_{field}", described(kind)[field]
    if all(isinstance(value, Durations) for value in values.values()):
        histogram = HistogramMetricFamily(name, text, labels=labels)
        for at, durations in values.items():
            histogram.add_metric(at, durations.cumulative(), durations.seconds)
        return histogram
    is_gauge = field in getattr(kind, "gauges", ())
    family = (GaugeMetricFamily if is_gauge else CounterMetricFamily)(name, text, labels=labels)
    for at, value in values.items():
        family.add_metric(at, value)
    return family


@cache
def described(kind: type[msgspec.Struct]) -> dict[str, str]:
    """The fields of a struct with what its docstring says of them."""
    text = (inspect.getdoc(kind) or "").partition("Attributes:\n")[2]
    found = {name: " ".join(words.split()) for name, words in _ATTRIBUTE.findall(text)}
    return {field: found.get(field, field) for field in kind.__struct_fields__}
