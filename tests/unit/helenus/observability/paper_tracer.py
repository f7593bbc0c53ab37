"""A tracer that writes its spans down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace


class PaperSpan(trace.NonRecordingSpan):
    """A span that keeps what it was told.

    Attributes:
        name: its name.
        parent: the name of the span that it began in.
        told: its attributes.
        failed: whether its status is an error.
        ended: how often it was ended.
    """

    def __init__(self, name: str) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        around = trace.get_current_span()
        self.name = name
        self.parent = around.name if isinstance(around, PaperSpan) else None
        self.told: dict[str, Any] = {}
        self.failed = False
        self.ended = 0

    def set_attribute(self, key: str, value: Any) -> None:
        self.told[key] = value

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.failed = status is trace.StatusCode.ERROR

    def end(self, end_time: int | None = None) -> None:
        self.ended += 1


class PaperTracer(trace.NoOpTracer):
    def __init__(self) -> None:
        self.spans: list[PaperSpan] = []

    def start_span(self, name: str, *_: Any, **__: Any) -> PaperSpan:
        span = PaperSpan(name)
        self.spans.append(span)
        return span

    @contextmanager
    def start_as_current_span(  # type: ignore[override]
        self, name: str, **_: Any
    ) -> Iterator[trace.Span]:
        with trace.use_span(
            self.start_span(name),
            end_on_exit=True,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            yield span

    def named(self, name: str) -> list[PaperSpan]:
        return [span for span in self.spans if span.name == name]
