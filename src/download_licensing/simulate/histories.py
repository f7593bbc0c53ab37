"""Where the oracle's histories come from: the service's history endpoint, or an export file."""

from __future__ import annotations

from collections.abc import Iterable

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
    """An answer of a history endpoint."""

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
    return await _fetch_all(transport, customer_id, f"/v1/customers/{customer_id}/history")


async def fetch_titles(transport: Transport) -> list[RecordedEvent]:
    """All events about withdrawals of titles.

    Raises:
        HistoryUnavailable: as of `fetch_history`.
        Unreachable: no answer came.
    """
    return await _fetch_all(transport, "The titles", "/v1/admin/withdrawals/history")


async def _fetch_all(transport: Transport, whose: str, path: str) -> list[RecordedEvent]:
    events: list[RecordedEvent] = []
    while True:
        page = await _fetch_page(transport, whose, path, events[-1].position if events else 0)
        if page is None:
            return events
        events += page.events
        if not page.events or events[-1].position >= page.head:
            if page.head != (events[-1].position if events else 0):
                raise HistoryUnavailable(f"{whose}: pages end before head {page.head}")
            return events


async def _fetch_page(
    transport: Transport, whose: str, path: str, after: int
) -> HistoryPage | None:
    request = HttpRequest("GET", f"{path}?after={after}&limit={_PAGE_EVENTS}", {}, None)
    for _ in range(_ATTEMPTS_MAX):
        response = await transport.send(request)
        if response.status == 200:
            break
        if response.status == 404 and not after:
            return None
        if response.status != 503:
            raise HistoryUnavailable(f"{whose}: {response.status} {response.body[:300]!r}")
    else:
        raise HistoryUnavailable(f"{whose}: the service is overloaded")
    try:
        return _decode_page(response.body)
    except msgspec.DecodeError as error:
        raise HistoryUnavailable(f"{whose}: {error}") from error


def read_history(export: LinesByOwner, customer_id: str) -> list[RecordedEvent]:
    """All events of a customer in an export.

    Raises:
        HistoryUnavailable: a line is damaged.
    """
    return _read(export.of(customer_id), customer_id)


def read_titles(export: LinesByOwner) -> list[RecordedEvent]:
    """All events about withdrawals of titles in an export.

    Raises:
        HistoryUnavailable: a line is damaged.
    """
    return _read(export.of_titles(), "The titles")


def _read(lines: Iterable[bytes], whose: str) -> list[RecordedEvent]:
    try:
        return [_decode_event(line) for line in lines]
    except msgspec.DecodeError as error:
        raise HistoryUnavailable(f"{whose}: {error}") from error
