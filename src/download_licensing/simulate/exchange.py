"""One call to its end: sent again under the same key until it is answered or patience runs out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol
from zlib import crc32

import msgspec

from download_licensing.simulate.calls import Answer, Call
from download_licensing.simulate.journal import Recorder
from download_licensing.simulate.oracle import Entry
from download_licensing.simulate.oracle.answers import Body
from download_licensing.simulate.report import Report
from download_licensing.simulate.transport import Transport, Unreachable
from download_licensing.simulate.wire import (
    HttpRequest,
    HttpResponse,
    Violation,
    read_answer,
    read_not_now,
    to_http,
)

_BACKOFF_S = 0.05
_BACKOFF_MAX_S = 1.0
_RETRY_AFTER_MAX_S = 5.0
Sleep = Callable[[float], Awaitable[object]]
_encode = msgspec.json.Encoder().encode


class Halt(Protocol):
    """Whether the simulation is to end."""

    @property
    def halted(self) -> bool:
        """Whether it is."""

    def halt(self, reason: str) -> None:
        """End it; the first reason stays."""


class Exchange:
    """Sends calls, counts and records their answers.

    Args:
        transport: carries them.
        journal: takes a line for every call.
        report: counts them.
        halt: ends the waiting for an answer, and is halted when that was in vain.
        connections: most requests in flight.
        patience_s: how long one call is repeated.
        clock_ns: monotonic.
        sleep: waits between attempts.
    """

    def __init__(
        self,
        transport: Transport,
        journal: Recorder,
        report: Report,
        halt: Halt,
        *,
        connections: int,
        patience_s: float,
        clock_ns: Callable[[], int] = time.perf_counter_ns,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._transport = transport
        self._journal = journal
        self._report = report
        self._halt = halt
        self._lines = asyncio.Semaphore(connections)
        self._patience_s = patience_s
        self._clock_ns = clock_ns
        self._sleep = sleep

    async def ask(self, call: Call) -> Answer:
        """Send a call; status 0 if no answer came in time, so that its outcome is unknown."""
        request = to_http(call)
        attempts = 0
        async with self._lines:
            began_ns = self._clock_ns()
            while True:
                attempts += 1
                sent_ns = self._clock_ns()
                attempt = await self._attempt(request)
                ended_ns = self._clock_ns()
                if isinstance(attempt, HttpResponse):
                    break
                if not await self._wait(attempts, attempt, (ended_ns - began_ns) / 1e9):
                    self._report.unanswered += 1
                    self._journal.write(_entry(call, began_ns, ended_ns, attempts=attempts))
                    return Answer(0, None)
        body = self._judge(call, attempt, (ended_ns - sent_ns) / 1e6)
        entry = _entry(call, began_ns, ended_ns, attempts=attempts)
        self._journal.write(entry if body is None else _with_answer(entry, attempt, body))
        return Answer(attempt.status, body)

    async def _attempt(self, request: HttpRequest) -> HttpResponse | float:
        """One attempt; instead of an answer, the seconds to wait at least before the next one."""
        try:
            response = await self._transport.send(request)
        except Unreachable:
            self._report.unreachable += 1
            return 0.0
        if response.status != 503:
            return response
        try:
            wait_s = read_not_now(response)
        except Violation:
            return response
        self._report.unavailable += 1
        return min(wait_s, _RETRY_AFTER_MAX_S)

    async def _wait(self, attempts: int, wait_min_s: float, waited_s: float) -> bool:
        """Wait before the next attempt; False if there is to be none."""
        if waited_s > self._patience_s:
            self._halt.halt(f"the service gave no answer for {self._patience_s:g} s")
        if self._halt.halted:
            return False
        backoff_s = min(_BACKOFF_S * 2 ** min(attempts - 1, 10), _BACKOFF_MAX_S)
        await self._sleep(max(backoff_s, wait_min_s))
        return True

    def _judge(self, call: Call, response: HttpResponse, latency_ms: float) -> Body | None:
        try:
            body = read_answer(call, response)
        except Violation as violation:
            self._report.violated(f"{call.customer_id} {call.key}: {violation}", latency_ms)
            return None
        self._report.answered(call, body, latency_ms)
        return body


def _entry(call: Call, began_ns: int, ended_ns: int, *, attempts: int) -> Entry:
    """The journal's line for a call without an answer, or with one against the contract."""
    return Entry(
        customer_id=call.customer_id,
        call=call.kind,
        key=call.key,
        at=call.at,
        began_ns=began_ns,
        ended_ns=ended_ns,
        attempts=attempts,
        reuses_key=call.reuses_key,
        license_id=call.license_id,
        device_id=call.device_id,
        title_id=call.title_id,
        plan=call.plan,
        country=call.country,
        time_zone=call.time_zone,
        standing=call.standing,
        reason=call.reason,
        session_id=call.session_id,
        device_time=call.device_time,
        events=call.events,
        items=call.items,
    )


def _with_answer(entry: Entry, response: HttpResponse, body: Body) -> Entry:
    return msgspec.structs.replace(
        entry, status=response.status, crc=crc32(response.body), body=msgspec.Raw(_encode(body))
    )
