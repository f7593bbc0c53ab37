"""Is a stream well formed? Positions, recorded times and commits, whatever the events say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from download_licensing.simulate.oracle.findings import Finding, Kind
from download_licensing.simulate.oracle.records import RecordedEvent


def check_stream(
    customer_id: str, events: Sequence[RecordedEvent], stream: str
) -> Iterator[Finding]:
    """What is wrong with the order of a stream.

    Args:
        customer_id: whom the findings are about.
        events: of the stream.
        stream: its name.
    """
    for expected, event in enumerate(events, start=1):
        if event.position != expected:
            detail = f"position {event.position} where {expected} is due"
            yield Finding(customer_id, expected, Kind.STREAM, detail)
            return
        if event.stream not in {"", stream}:
            detail = f"event of stream {event.stream!r}"
            yield Finding(customer_id, expected, Kind.STREAM, detail)
    yield from _recorded_times(customer_id, events)
    yield from _commits(customer_id, events)


def _recorded_times(customer_id: str, events: Sequence[RecordedEvent]) -> Iterator[Finding]:
    for before, event in pairwise(events):
        if event.recorded_at < before.recorded_at:
            detail = f"recorded at {event.recorded_at}, before the event it follows"
            yield Finding(customer_id, event.position, Kind.STREAM, detail)
        if event.commit_id == before.commit_id and event.recorded_at != before.recorded_at:
            detail = f"commit {event.commit_id} was recorded at two times"
            yield Finding(customer_id, event.position, Kind.STREAM, detail)


def _commits(customer_id: str, events: Sequence[RecordedEvent]) -> Iterator[Finding]:
    ended: set[str] = set()
    for before, event in pairwise(events):
        if event.commit_id != before.commit_id:
            ended.add(before.commit_id)
            if event.commit_id in ended:
                detail = f"commit {event.commit_id} goes on after another began"
                yield Finding(customer_id, event.position, Kind.STREAM, detail)
