"""Tells a customer's story to the service on paper, call by call, and keeps the journal."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Self
from zlib import crc32

import msgspec

from download_licensing.simulate.calls import Call
from download_licensing.simulate.oracle import (
    Entry,
    Finding,
    History,
    RecordedEvent,
    TitleHistory,
    examine,
    examine_titles,
)
from download_licensing.simulate.oracle.answers import Body
from download_licensing.simulate.oracle.journal import Item
from download_licensing.simulate.oracle.terms import Terms
from download_licensing.simulate.wire import read_answer, to_http
from tests.unit.download_licensing.simulate.paper_service import TERMS, PaperService

START = datetime(2026, 1, 1, tzinfo=UTC)
CUSTOMER = "anna"
Events = list[RecordedEvent]


class Story:
    """A customer's calls, told by day; each is answered before the next one begins.

    Args:
        terms: that the service decides by; the oracle judges by those of `judged`.
        plan: that the account is opened with.
        region: country and time_zone, likewise.
    """

    def __init__(self, terms: Terms = TERMS, plan: str = "standard", **region: Any) -> None:
        self.service = PaperService(terms)
        self.entries: list[Entry] = []
        self.bodies: list[Body] = []
        self._told = 0
        self.tell("open", 0, key=None, plan=plan, **region)

    @property
    def events(self) -> Events:
        return self.service.streams[CUSTOMER].events

    def tell(
        self,
        kind: Any,
        day: float = 0,
        *,
        key: str | None = None,
        owner: str = CUSTOMER,
        **about: Any,
    ) -> Self:
        """One call and its answer. Keys count up, k1, k2 …, where none is given."""
        self._told += 1
        query = kind in {"license", "devices", "allowance"}
        call = Call(
            kind=kind,
            customer_id=owner,
            at=START + timedelta(days=day),
            key="" if query else key or f"k{self._told}",
            **about,
        )
        response = self.service.answer(to_http(call))
        body = read_answer(call, response)
        self.bodies.append(body)
        self.entries.append(
            Entry(
                call=call.kind,
                began_ns=10 * self._told,
                ended_ns=10 * self._told + 5,
                status=response.status,
                crc=crc32(response.body),
                body=msgspec.Raw(msgspec.json.encode(body)),
                **{
                    name: getattr(call, name)
                    for name in Call.__struct_fields__
                    if name not in {"kind", "repeats", "process"}
                },
            )
        )
        return self

    def request(
        self, day: float = 0, device: str = "tv", title: str = "free", **about: Any
    ) -> Self:
        return self.tell("request", day, device_id=device, title_id=title, **about)

    def play(self, day: float, license_id: str, played: float | None = None) -> Self:
        device_time = START + timedelta(days=day if played is None else played)
        return self.tell("play", day, license_id=license_id, device_time=device_time)

    def session(
        self, day: float, license_id: str, session_id: str, *told: tuple[str, float]
    ) -> Self:
        """A report of events, each of a kind and a day."""
        events = tuple((kind, START + timedelta(days=when)) for kind, when in told)
        return self.tell(
            "session", day, license_id=license_id, session_id=session_id, events=events
        )

    def renew(self, day: float, license_id: str) -> Self:
        return self.tell("renew", day, license_id=license_id)

    def release(self, day: float, license_id: str) -> Self:
        device_time = START + timedelta(days=day)
        return self.tell("release", day, license_id=license_id, device_time=device_time)

    def remove(self, day: float, device: str) -> Self:
        return self.tell("remove", day, device_id=device)

    def withdraw(self, day: float, title: str = "free", **about: Any) -> Self:
        about = {"reason": "a claim", **about}
        return self.tell("withdraw", day, title_id=title, owner="", **about)

    def reinstate(self, day: float, title: str = "free", **about: Any) -> Self:
        return self.tell("reinstate", day, title_id=title, owner="", **about)

    def renew_many(self, day: float, *license_ids: str) -> Self:
        items = tuple([Item(kind="renew", item_id="", license_id=each) for each in license_ids])
        return self.tell("renewals", day, items=items)

    def statuses(self) -> list[int]:
        """Of the answers after the opening of the account."""
        return [entry.status for entry in self.entries[1:]]

    def judged(
        self,
        terms: Terms = TERMS,
        *,
        events: Events | None = None,
        entries: list[Entry] | None = None,
        complete: bool = True,
        titles: Events | None = None,
    ) -> list[Finding]:
        """What the oracle finds, in the story as it was or with something replaced."""
        entries = self.entries if entries is None else entries
        told = [entry for entry in entries if not entry.customer_id]
        of_titles = self.service.titles.events if titles is None else titles
        found, known = examine_titles(TitleHistory(of_titles, told, complete))
        history = History(
            CUSTOMER,
            self.events if events is None else events,
            [entry for entry in entries if entry.customer_id],
            complete,
        )
        return [*found, *examine(history, terms, known)]

    def spoilt(self, name: str, change: Callable[[dict[str, Any]], Any], nth: int = -1) -> Events:
        """The events with the data of one of that name changed: the last, or the nth."""
        index = [i for i, event in enumerate(self.events) if event.name == name][nth]
        event = self.events[index]
        data = msgspec.json.decode(event.data)
        change(data)
        spoilt = msgspec.structs.replace(event, data=msgspec.Raw(msgspec.json.encode(data)))
        return [*self.events[:index], spoilt, *self.events[index + 1 :]]

    def answered(self, change: Callable[[dict[str, Any]], Any], index: int = -1) -> list[Entry]:
        """The journal with one answer changed."""
        entry = self.entries[index]
        body = msgspec.json.decode(entry.body)
        change(body)
        entries = list(self.entries)
        entries[index] = msgspec.structs.replace(entry, body=msgspec.Raw(msgspec.json.encode(body)))
        return entries


def renumbered(events: Events) -> Events:
    """The events with positions as if nothing were missing."""
    return [
        msgspec.structs.replace(event, position=position)
        for position, event in enumerate(events, start=1)
    ]


def without_last_command(events: Events) -> Events:
    """The events without those of the last commit."""
    return [event for event in events if event.commit_id != events[-1].commit_id]
