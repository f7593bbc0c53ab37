"""Generated histories of one customer, told to several processes at once, and judged by the oracle.

A history is a list of rounds. All calls of a round are sent at the same instant, in turn to each of
the processes, and the next round begins when all are answered.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.settings import Settings
from download_licensing.simulate.calls import Answer, Call
from download_licensing.simulate.exchange import Exchange
from download_licensing.simulate.histories import fetch_history
from download_licensing.simulate.oracle import Finding, History, Terms, examine, read_terms
from download_licensing.simulate.oracle.answers import Grant, Refusal
from download_licensing.simulate.report import Report
from tests.integration.api.asgi_client import AsgiClient
from tests.integration.download_licensing.turns import Recorded, Turns

START = datetime(2026, 1, 1, tzinfo=UTC)
PLANS = ("any", "small")
DEVICES = ("tv", "phone", "tablet")
TITLES = ("one", "two", "tide-1", "tide-2")
ZONES = (("DE", "Europe/Berlin"), ("NZ", "Pacific/Auckland"))
CATALOGUE = """
plans:
  any: {name: Any}
  small: {name: Small}
titles:
  one: {name: One, studio: S}
  two: {name: Two, studio: S}
  tide-1: {name: Tide 1, studio: S, agreement: tide}
  tide-2: {name: Tide 2, studio: S, agreement: tide}
"""

# Each rule with a limit that a few calls reach, and how the kinds of calls are mixed to reach it.
RULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "operator-block": ("{}", ("block", "unblock")),
    "account-standing": ("{}", ("standing", "good")),
    "title-availability": (
        "{available_from: 2026-01-02T00:00:00Z, available_until: 2026-03-01T00:00:00Z}",
        (),
    ),
    "device-limit": ("{devices_max: 2}", ("release", "remove", "plan")),
    "device-registrations": ("{registrations_max: 2, window_days: 30}", ("remove", "remove")),
    "active-downloads-per-device": ("{downloads_max: 2}", ("release",)),
    "device-downloads-per-month": ("{downloads_max: 2}", ("region",)),
    "title-downloads-per-year": ("{downloads_max: 2}", ("release",)),
    "title-plays-per-year": ("{plays_max: 2}", ("play", "session", "session")),
    "agreement-concurrent-downloads": ("{downloads_max: 1}", ("release", "revoke")),
    "renewals-per-license": ("{renewals_max: 1}", ("renew", "renew")),
    "renewals-per-license-per-year": ("{renewals_max: 1}", ("renew", "renew")),
}


class Asked(msgspec.Struct, frozen=True):
    """One call of a round; numbers choose among what there is by then."""

    kind: str
    device: int
    title: int
    which: int


class Round(msgspec.Struct, frozen=True):
    """Calls at one instant, so many hours after those before."""

    later_h: int
    calls: tuple[Asked, ...]


def histories(kinds: Sequence[str]) -> st.SearchStrategy[list[Round]]:
    """Histories in which half of the calls are requests and renewals, the others of these kinds."""
    asked = st.builds(
        Asked,
        kind=st.sampled_from(("request", "request", "request", "renew", *kinds)),
        device=st.integers(0, 2),
        title=st.integers(0, 3),
        which=st.integers(0, 9),
    )
    rounds = st.builds(
        Round,
        later_h=st.sampled_from((0, 1, 24, 24 * 7, 24 * 30, 24 * 300)),
        calls=st.lists(asked, min_size=1, max_size=6).map(tuple),
    )
    return st.lists(rounds, min_size=2, max_size=8)


def write_terms(directory: Path, rules: Sequence[str]) -> Terms:
    """Write catalogue and policy with these rules alone, and read them as the oracle does."""
    (directory / "catalogue.yaml").write_text(CATALOGUE)
    lines = [f"  {rule}: {RULES[rule][0]}" for rule in rules]
    durations = "  license-duration: {hours: 168}\n  playback-window: {hours: 48}\n"
    small = "plans:\n  small:\n    device-limit: {devices_max: 1}\n"
    policy = "version: v1\ndefault:\n" + durations + "\n".join(lines) + "\n"
    policy += small if "device-limit" in rules else ""
    (directory / "policy.yaml").write_text(policy)
    return read_terms(directory / "catalogue.yaml", [directory / "policy.yaml"])


class Households:
    """Lives generated histories, each of a new customer, against processes on one store.

    Args:
        turns: the processes.
        terms: that they decide by.
    """

    def __init__(self, turns: Turns, terms: Terms) -> None:
        self._turns = turns
        self._terms = terms
        self._numbers = count()
        self.report = Report()

    async def live(self, history: Sequence[Round]) -> list[Finding]:
        """What the oracle finds in a history and its answers."""
        household = _Household(f"c-{next(self._numbers)}", self._turns, self.report)
        await household.open()
        for turn in history:
            await household.live(turn)
        assert not self.report.violations, self.report.violation_samples
        assert not self.report.unanswered
        entries = household.journal.of[household.customer_id]
        events = await fetch_history(self._turns, household.customer_id)
        told = History(household.customer_id, events, entries, complete=True)
        return examine(told, self._terms)


class _Household:
    def __init__(self, customer_id: str, turns: Turns, report: Report) -> None:
        self.customer_id = customer_id
        self.journal = Recorded()
        self._exchange = Exchange(
            turns, self.journal, report, _Unhalted(), connections=16, patience_s=30
        )
        self._now = START
        self._keys = count()
        self._licenses: list[str] = []
        self._resets: list[datetime] = []

    async def open(self) -> None:
        country, time_zone = ZONES[0]
        await self._ask(self._call("open", plan="any", country=country, time_zone=time_zone))

    async def live(self, turn: Round) -> None:
        """Send a round; now and then at the very moment at which a refusal says that it ends."""
        later = self._now + timedelta(hours=turn.later_h)
        resets = [moment for moment in self._resets if self._now <= moment]
        self._now = min([later, *resets]) if turn.later_h >= _TO_A_RESET_H else later
        calls = [call for asked in turn.calls if (call := self._of(asked)) is not None]
        await asyncio.gather(*(self._ask(call) for call in calls))

    async def _ask(self, call: Call) -> Answer:
        answer = await self._exchange.ask(call)
        if isinstance(answer.body, Grant) and answer.body.license_id not in self._licenses:
            self._licenses.append(answer.body.license_id)
        if isinstance(answer.body, Refusal) and answer.body.resets_at is not None:
            self._resets.append(answer.body.resets_at)
        return answer

    def _of(self, asked: Asked) -> Call | None:
        device, title = DEVICES[asked.device], TITLES[asked.title]
        match asked.kind:
            case "request":
                return self._call("request", device_id=device, title_id=title)
            case "remove":
                return self._call("remove", device_id=device)
            case "block":
                return self._call("block", reason=f"reason {asked.which}")
            case "unblock":
                return self._call("unblock")
            case "standing" | "good":
                ill = ("past-due", "cancelled")[asked.which % 2]
                standing = "good" if asked.kind == "good" else ill
                return self._call("standing", standing=standing)
            case "plan":
                return self._call("plan", plan=PLANS[asked.which % 2])
            case "region":
                country, time_zone = ZONES[asked.which % 2]
                return self._call("region", country=country, time_zone=time_zone)
            case _:
                return self._about_a_license(asked) if self._licenses else None

    def _about_a_license(self, asked: Asked) -> Call:
        about: dict[str, Any] = {"license_id": self._licenses[asked.which % len(self._licenses)]}
        told = self._now - timedelta(hours=asked.title)
        match asked.kind:
            case "play" | "release":
                about["device_time"] = told
            case "session":
                about["session_id"] = f"s{asked.device}"
                about["events"] = (("start", told), (("stop", "pause")[asked.title % 2], self._now))
            case "revoke":
                about["reason"] = "misuse"
            case _:
                assert asked.kind == "renew"
        return self._call(asked.kind, **about)

    def _call(self, kind: Any, **about: Any) -> Call:
        key = f"{self.customer_id}-{next(self._keys)}"
        return Call(kind=kind, customer_id=self.customer_id, at=self._now, key=key, **about)


_TO_A_RESET_H = 24 * 30


class _Unhalted:
    halted = False

    def halt(self, reason: str) -> None:
        raise AssertionError(reason)


@contextlib.asynccontextmanager
async def processes(directory: Path, store: str, number: int) -> AsyncIterator[Turns]:
    """So many processes of the service on one store, with the policy written to a directory."""
    catalogue = Catalogue.parse((directory / "catalogue.yaml").read_bytes(), "test")
    settings = Settings(rehearsal=True, store=store, policy=directory / "policy.yaml")
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for _ in range(number):
            api = await stack.enter_async_context(open_api(settings, catalogue))
            clients.append(AsgiClient(api.gate))
        yield Turns(clients)
