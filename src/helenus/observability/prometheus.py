"""Statistics as Prometheus metrics, read when they are scraped."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache

import msgspec
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

Family = CounterMetricFamily | GaugeMetricFamily
_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.*?)(?=^ {0,4}\w|\Z)", re.MULTILINE | re.DOTALL)


class StatisticsCollector(Collector):
    """Shows what `statistics()` of long-lived objects tells. Register it with a registry.

    What a struct names in `gauges` is a gauge, all else a counter. A field that is a struct itself
    becomes the label `operation`.

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
    for field in statistics.__struct_fields__:
        value = getattr(statistics, field)
        if isinstance(value, msgspec.Struct):
            by_operation[field] = value
        else:
            family = _family(prefix, type(statistics), field)
            family.add_metric([], value)
            yield family
    if by_operation:
        kind = type(next(iter(by_operation.values())))
        for field in kind.__struct_fields__:
            family = _family(prefix, kind, field, labels=["operation"])
            for operation, value in by_operation.items():
                family.add_metric([operation], getattr(value, field))
            yield family


def _family(
    prefix: str, kind: type[msgspec.Struct], field: str, labels: list[str] | None = None
) -> Family:
    is_gauge = field in getattr(kind, "gauges", ())
    family = GaugeMetricFamily if is_gauge else CounterMetricFamily
    return family(f"{prefix}_{field}", described(kind)[field], labels=labels or [])


@cache
def described(kind: type[msgspec.Struct]) -> dict[str, str]:
    """The fields of a struct with what its docstring says of them."""
    text = (inspect.getdoc(kind) or "").partition("Attributes:\n")[2]
    found = {name: " ".join(words.split()) for name, words in _ATTRIBUTE.findall(text)}
    return {field: found.get(field, field) for field in kind.__struct_fields__}
