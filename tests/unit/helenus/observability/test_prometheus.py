"""Statistics become metrics: gauges and counters, with their meaning, and a label of operations."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from prometheus_client import CollectorRegistry, generate_latest

from helenus.observability import Durations
from helenus.observability.durations import DurationTally
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


class Timed(msgspec.Struct, frozen=True):
    """What took its time.

    Attributes:
        duration_seconds: time each took.
    """

    duration_seconds: Durations


class Operations(msgspec.Struct, frozen=True):
    """Two operations.

    Attributes:
        append: appends.
        read: reads.
    """

    append: Timed
    read: Timed


def test_durations_are_a_histogram() -> None:
    tally = DurationTally()
    for seconds in (0.0, 0.001, 0.0011, 10.0, 10.5, 700.0):
        tally.add(seconds)
    text = exposed(Operations(append=Timed(tally.taken()), read=Timed(Durations())))
    assert "# TYPE shop_part_duration_seconds histogram" in text
    assert "# HELP shop_part_duration_seconds time each took.\n" in text
    for bound, count in (
        *(("0.0001", 1), ("0.0005", 1), ("0.001", 2), ("0.0025", 3), ("5.0", 3), ("10.0", 4)),
        ("+Inf", 6),
    ):
        assert f'seconds_bucket{{le="{bound}",operation="append"}} {count}.0' in text
    assert 'seconds_count{operation="append"} 6.0' in text
    assert f'seconds_sum{{operation="append"}} {tally.seconds}' in text
    assert 'seconds_count{operation="read"} 0.0' in text
    assert "shop_part_duration_seconds_sum 720.5021" in exposed(Timed(tally.taken()))


class Named(msgspec.Struct, frozen=True):
    """What is in use.

    Attributes:
        version: what is in use.
        colour: its colour.
        uses: how often it was used.
    """

    version: str
    colour: str
    uses: int


def test_texts_are_the_labels_of_one_metric() -> None:
    text = exposed(Named(version='a"b', colour="", uses=2))
    assert "# TYPE shop_part_info gauge" in text
    assert "# HELP shop_part_info version: what is in use; colour: its colour.\n" in text
    assert '\nshop_part_info{colour="",version="a\\"b"} 1.0\n' in text
    assert "\nshop_part_uses_total 2.0" in text


def test_each_scrape_asks_anew() -> None:
    values = iter([1, 2])
    registry = CollectorRegistry()
    registry.register(StatisticsCollector("shop", {"part": lambda: Outer(0, next(values))}))
    scrapes = [generate_latest(registry).decode() for _ in range(2)]
    assert ["done_total 1.0" in scrapes[0], "done_total 2.0" in scrapes[1]] == [True, True]
