"""Statistics become metrics: gauges and counters, with their meaning, and a label of operations."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from prometheus_client import CollectorRegistry, generate_latest

from helenus.observability.prometheus import StatisticsCollector


class Inner(msgspec.Struct, frozen=True):
    """What was done.

    Attributes:
        calls: calls that ended,
            however they did.
    """

    calls: int


class Outer(msgspec.Struct, frozen=True):
    """What there is.

    Attributes:
        waiting: what waits.
        done: what was done.

    More text: it belongs to no attribute.
    """

    gauges: ClassVar[frozenset[str]] = frozenset({"waiting"})

    waiting: int
    done: int


class Both(msgspec.Struct, frozen=True):
    """Two operations.

    Attributes:
        append: appends.
        read: reads.
    """

    append: Inner
    read: Inner


def exposed(source: msgspec.Struct) -> str:
    registry = CollectorRegistry()
    registry.register(StatisticsCollector("shop", {"part": lambda: source}))
    return generate_latest(registry).decode()


def test_a_field_is_a_counter_unless_it_is_named_a_gauge() -> None:
    text = exposed(Outer(waiting=2, done=7))
    assert "# TYPE shop_part_waiting gauge" in text
    assert "# HELP shop_part_waiting what waits.\n" in text
    assert "\nshop_part_waiting 2.0" in text
    assert "# TYPE shop_part_done_total counter" in text
    assert "# HELP shop_part_done_total what was done.\n" in text
    assert "\nshop_part_done_total 7.0" in text


def test_operations_are_one_metric_with_a_label() -> None:
    text = exposed(Both(append=Inner(3), read=Inner(4)))
    assert "# HELP shop_part_calls_total calls that ended, however they did.\n" in text
    assert 'shop_part_calls_total{operation="append"} 3.0' in text
    assert 'shop_part_calls_total{operation="read"} 4.0' in text


def test_each_scrape_asks_anew() -> None:
    values = iter([1, 2])
    registry = CollectorRegistry()
    registry.register(StatisticsCollector("shop", {"part": lambda: Outer(0, next(values))}))
    scrapes = [generate_latest(registry).decode() for _ in range(2)]
    assert ["done_total 1.0" in scrapes[0], "done_total 2.0" in scrapes[1]] == [True, True]
