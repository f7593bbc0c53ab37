"""What operators see of the service: metrics, spans and log lines.

None holds personal data: a customer is found by the id of the request, which the customer's history
carries as correlation id.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import msgspec
import structlog
from opentelemetry import trace
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from download_licensing.domain.refusals import DownloadRefused, Refusal
from helenus.errors import CommandRefused
from helenus.observability.prometheus import StatisticsCollector
from helenus.service import CommandCall, Hook

PREFIX = "download_licensing"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"})
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")

_log = structlog.get_logger(f"{PREFIX}.commands")


def result_of(error: BaseException | None) -> str:
    """How a command ended, in one word: ok, the reason of a refusal, or the name of an error."""
    match error:
        case None:
            return "ok"
        case DownloadRefused():
            return error.unmet[0].reason
        case Refusal():
            return error.reason
        case _:
            return _WORD_START.sub("-", type(error).__name__).lower()


class Metrics:
    """The metrics of one service; it has a registry of its own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._commands = Histogram(
            f"{PREFIX}_command_seconds",
            "Commands by name and result, from their arrival at the service to the answer.",
            ["command", "result"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._requests = Histogram(
            f"{PREFIX}_request_seconds",
            "HTTP requests by method, route and status.",
            ["method", "route", "status"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._shed = Counter(
            f"{PREFIX}_requests_shed",
            "HTTP requests refused because too many were in flight.",
            registry=self._registry,
        )
        in_flight = Gauge(
            f"{PREFIX}_requests_in_flight", "HTTP requests in flight.", registry=self._registry
        )
        in_flight.set_function(lambda: self._in_flight)
        self._in_flight = 0
        # Looking a child up by its labels costs more than observing, so each is looked up once.
        self._command_children: dict[tuple[str, str], Histogram] = {}
        self._request_children: dict[tuple[str, str, int], Histogram] = {}

    def watch(self, name: str, statistics: Callable[[], msgspec.Struct]) -> None:
        """Show what one of the framework's objects tells of itself, under a name."""
        self._registry.register(StatisticsCollector(PREFIX, {name: statistics}))

    def exposition(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self._registry)

    def hook(self, call: CommandCall) -> _Timed:
        """Times a command."""
        return _Timed(self, call.name)

    def command_ended(self, command: str, result: str, seconds: float) -> None:
        """Count a command."""
        key = (command, result)
        child = self._command_children.get(key)
        if child is None:
            child = self._command_children[key] = self._commands.labels(*key)
        child.observe(seconds)

    def request_started(self) -> None:
        """Count a request as in flight."""
        self._in_flight += 1

    def request_ended(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        self._in_flight -= 1
        key = (method if method in _METHODS else "other", route or "none", status)
        child = self._request_children.get(key)
        if child is None:
            child = self._request_children[key] = self._requests.labels(*key)
        child.observe(seconds)

    def request_shed(self) -> None:
        """Count a request refused for load."""
        self._shed.inc()


class _Timed:
    __slots__ = ("_command", "_metrics", "_started")

    def __init__(self, metrics: Metrics, command: str) -> None:
        self._metrics = metrics
        self._command = command

    def __enter__(self) -> Self:
        self._started = perf_counter()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        seconds = perf_counter() - self._started
        self._metrics.command_ended(self._command, result_of(error), seconds)


class _Logged:
    """One line for each command that was not carried out."""

    __slots__ = ("_call",)

    def __init__(self, call: CommandCall) -> None:
        self._call = call

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            _log.info(
                "command refused" if isinstance(error, CommandRefused) else "command failed",
                command=self._call.name,
                result=result_of(error),
                request_id=self._call.context.correlation_id,
            )


class _Traced:
    """A span around each command."""

    __slots__ = ("_call", "_manager", "_span", "_tracer")

    def __init__(self, tracer: trace.Tracer, call: CommandCall) -> None:
        self._tracer = tracer
        self._call = call

    def __enter__(self) -> Self:
        self._manager = self._tracer.start_as_current_span(
            f"command {self._call.name}", record_exception=False, set_status_on_exception=False
        )
        self._span = self._manager.__enter__()
        self._span.set_attribute("command.name", self._call.name)
        self._span.set_attribute("command.request_id", self._call.context.correlation_id or "")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        self._span.set_attribute("command.result", result_of(error))
        if error is not None and not isinstance(error, CommandRefused):
            self._span.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
        self._manager.__exit__(None, None, None)


def tracer_installed() -> trace.Tracer | None:
    """Makes spans, where an SDK was installed before."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return None
    return trace.get_tracer(PREFIX)


def hooks(metrics: Metrics) -> list[Hook]:
    """What surrounds every command: spans where an SDK was installed before, metrics, log lines."""
    surrounding: list[Hook] = [metrics.hook, _Logged]
    if tracer := tracer_installed():
        surrounding.insert(0, lambda call: _Traced(tracer, call))
    return surrounding


def configure_logs(*, level: str, as_json: bool) -> None:
    """Send all log lines of the process to stderr, one line each."""
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_as_json)
        if as_json
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # Not the one that shows local variables: they hold what belongs to customers.
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([structlog.processors.format_exc_info] if as_json else []),
        renderer,
    ]
    numeric = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(handlers=[_Bridge()], level=max(numeric, logging.WARNING), force=True)


def _as_json(line: Any, **_: Any) -> str:
    return msgspec.json.encode(line, enc_hook=repr).decode()


class _Bridge(logging.Handler):
    """Hands the lines of libraries that use `logging` over."""

    def emit(self, record: logging.LogRecord) -> None:
        log = structlog.get_logger(record.name)
        log.log(record.levelno, record.getMessage(), exc_info=record.exc_info, logger=record.name)
