"""Hooks around commands: metrics, log lines and spans."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from opentelemetry import trace
from structlog.testing import capture_logs

from download_licensing import observability
from download_licensing.domain.refusals import AccountNotFound, DownloadRefused
from download_licensing.domain.unmet import Unmet
from helenus.errors import OutcomeUnknown, StoreUnavailable
from helenus.service import CommandCall, CommandContext, Hook

UNMET = Unmet(reason="device-limit", limit=1, used=1, resets_at=None, remedy="R.", detail="D.")
CALL = CommandCall(
    name="renew",
    stream="customer/secret",
    command=None,
    context=CommandContext(at=datetime(2026, 1, 1, tzinfo=UTC), correlation_id="r-1"),
)


@pytest.fixture(autouse=True)
def _fresh_logs() -> Iterator[None]:
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def run(hook: Hook, error: Exception | None = None) -> None:
    if error is None:
        with hook(CALL):
            return
    with pytest.raises(type(error)), hook(CALL):
        raise error


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (None, "ok"),
        (DownloadRefused([UNMET]), "device-limit"),
        (AccountNotFound("c"), "account-not-found"),
        (OutcomeUnknown("o", ()), "outcome-unknown"),
        (KeyError(), "key-error"),
    ],
)
def test_the_result_of_a_command_is_one_word(error: Exception | None, result: str) -> None:
    assert observability.result_of(error) == result


def test_commands_are_counted_by_name_and_result() -> None:
    metrics = observability.Metrics()
    run(metrics.hook)
    run(metrics.hook)
    run(metrics.hook, AccountNotFound("c"))
    text = metrics.exposition().decode()
    name = "download_licensing_command_seconds_count"
    assert f'{name}{{command="renew",result="ok"}} 2.0' in text
    assert f'{name}{{command="renew",result="account-not-found"}} 1.0' in text
    assert "secret" not in text


def test_an_odd_method_and_a_path_that_is_none_make_no_series_of_their_own() -> None:
    metrics = observability.Metrics()
    for method in ("BREW", "WHEN"):
        metrics.request_started()
        metrics.request_ended(method=method, route="", status=405, seconds=0.1)
    assert 'method="other",route="none",status="405"} 2.0' in metrics.exposition().decode()


def test_a_refusal_and_a_failure_are_one_line_each_and_success_is_none() -> None:
    _, logged = observability.hooks(observability.Metrics())
    with capture_logs() as lines:
        run(logged)
        run(logged, AccountNotFound("secret"))
        run(logged, StoreUnavailable("secret"))
    assert [(line["event"], line["result"]) for line in lines] == [
        ("command refused", "account-not-found"),
        ("command failed", "store-unavailable"),
    ]
    assert "secret" not in str(lines)


def test_lines_are_json_objects(capsys: pytest.CaptureFixture[str]) -> None:
    observability.configure_logs(level="info", as_json=True)
    log: Any = structlog.get_logger("test")
    log.debug("not written")
    log.info("written", odd=object())
    try:
        raise ValueError("told")
    except ValueError:
        log.exception("failed")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("written", "info"),
        ("failed", "error"),
    ]
    assert "ValueError: told" in lines[1]["exception"]


class PaperSpan(trace.NonRecordingSpan):
    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self.told = told

    def set_attribute(self, key: str, value: Any) -> None:
        self.told[key] = value

    def set_status(self, status: Any, description: str | None = None) -> None:
        self.told["status"] = status.status_code


class PaperTracer(trace.NoOpTracer):
    def __init__(self) -> None:
        self.told: dict[str, Any] = {}

    @contextmanager
    def start_as_current_span(  # type: ignore[override]
        self, name: str, **_: Any
    ) -> Iterator[trace.Span]:
        self.told["span"] = name
        yield PaperSpan(self.told)


class PaperProvider(trace.NoOpTracerProvider):
    def __init__(self) -> None:
        self.tracer = PaperTracer()

    def get_tracer(self, *_: Any, **__: Any) -> trace.Tracer:
        return self.tracer


def test_without_an_sdk_there_are_no_spans() -> None:
    assert len(observability.hooks(observability.Metrics())) == 2


def test_with_an_sdk_each_command_has_a_span(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = PaperProvider()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    traced = observability.hooks(observability.Metrics())[0]
    run(traced, AccountNotFound("c"))
    assert provider.tracer.told == {
        "span": "command renew",
        "command.name": "renew",
        "command.request_id": "r-1",
        "command.result": "account-not-found",
    }
    run(traced, StoreUnavailable("s"))
    assert provider.tracer.told["status"] is trace.StatusCode.ERROR
