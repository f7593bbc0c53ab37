"""Where the oracle's histories come from: the service's history endpoint, or an export file."""

from __future__ import annotations

import msgspec

from download_licensing.simulate.journal import LinesByOwner
from download_licensing.simulate.oracle import RecordedEvent
from download_licensing.simulate.transport import Transport
from download_licensing.simulate.wire import HttpRequest

_PAGE_EVENTS = 10_000
_ATTEMPTS_MAX = 5


class HistoryUnavailable(Exception):
    """A customer's history could not be had; the message says why."""


class HistoryPage(msgspec.Struct, frozen=True):
    """An answer of the history endpoint."""

    customer_id: str
    head: int
    events: list[RecordedEvent]


_decode_page = msgspec.json.Decoder(HistoryPage).decode
_decode_event = msgspec.json.Decoder(RecordedEvent).decode


async def fetch_history(transport: Transport, customer_id: str) -> list[RecordedEvent]:
    """All events of a customer, page by page; none if it has no account.

    Raises:
        HistoryUnavailable: the service refuses, or its pages do not end at the head it names.
        Unreachable: no answer came.
    """
    events: list[RecordedEvent] = []
    while True:
        page = await _fetch_page(transport, customer_id, events[-1].position if events else 0)
        if page is None:
            return events
        events += page.events
        if not page.events or events[-1].position >= page.head:
            if page.head != (events[-1].position if events else 0):
                raise HistoryUnavailable(f"{customer_id}: pages end before head {page.head}")
            return events


async def _fetch_page(transport: Transport, customer_id: str, after: int) -> HistoryPage | None:
    path = f"/v1/customers/{customer_id}/history?after={after}&limit={_PAGE_EVENTS}"
    for _ in range(_ATTEMPTS_MAX):
        response = await transport.send(HttpRequest("GET", path, {}, None))
        if response.status == 200:
            break
        if response.status == 404 and not after:
            return None
        if response.status != 503:
            raise HistoryUnavailable(f"{customer_id}: {response.status} {response.body[:300]!r}")
    else:
        raise HistoryUnavailable(f"{customer_id}: the service is overloaded")
    try:
        return _decode_page(response.body)
    except msgspec.DecodeError as error:
        raise HistoryUnavailable(f"{customer_id}: {error}") from error


def read_history(export: LinesByOwner, customer_id: str) -> list[RecordedEvent]:
    """All events of a customer in an export.

    Raises:
        HistoryUnavailable: a line is damaged.
    """
    try:
        return [_decode_event(line) for line in export.of(customer_id)]
    except msgspec.DecodeError as error:
        raise HistoryUnavailable(f"{customer_id}: {error}") from error
