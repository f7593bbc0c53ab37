"""The driver brings every step to its end, over a transport that fails in every way."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from download_licensing.simulate.driver import Driver
from download_licensing.simulate.oracle import (
    Entry,
    History,
    Mark,
    TitleHistory,
    examine,
    examine_titles,
)
from download_licensing.simulate.population import Population, PopulationSettings
from download_licensing.simulate.report import Report
from download_licensing.simulate.transport import Transport, Unreachable
from download_licensing.simulate.wire import HttpRequest, HttpResponse
from tests.unit.download_licensing.simulate.paper_service import TERMS, PaperService

CONNECTIONS = 8
Wrap = Callable[[HttpRequest, PaperService], Awaitable[HttpResponse]]


class Recorded:
    """A journal in memory."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def write(self, line: Entry | Mark) -> None:
        assert isinstance(line, Entry)
        self.entries.append(line)

    def flush(self) -> None: ...


class Wrapped:
    """A service on paper, behind a transport that a test makes fail; counts requests in flight."""

    def __init__(self, wrap: Wrap | None = None) -> None:
        self.service = PaperService()
        self.in_flight = self.in_flight_max = 0
        self._wrap = wrap

    async def send(self, request: HttpRequest) -> HttpResponse:
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight, self.in_flight_max)
        try:
            await asyncio.sleep(0)
            if self._wrap is not None:
                return await self._wrap(request, self.service)
            return await self.service.send(request)
        finally:
            self.in_flight -= 1


def overloaded() -> HttpResponse:
    problem = {"type": "/problems/overloaded", "title": "Not now", "status": 503}
    headers = {"content-type": "application/problem+json", "retry-after": "1"}
    return HttpResponse(503, headers, msgspec.json.encode(problem))


class Simulation:
    def __init__(
        self,
        transport: Transport,
        *,
        members: int = 20,
        connections: int = CONNECTIONS,
        patience_s: float = 60,
        withdrawals: int = 2,
    ) -> None:
        settings = PopulationSettings(
            run="test",
            seed=5,
            members=members,
            actions_per_member=30,
            days=400,
            zipf_exponent=1,
            withdrawals=withdrawals,
            processes=2,
        )
        self.report = Report()
        self.journal = Recorded()
        self.naps: list[float] = []
        self.driver = Driver(
            Population(settings, TERMS),
            transport,
            self.journal,
            self.report,
            connections=connections,
            patience_s=patience_s,
            duration_max_s=60,
            sleep=self._nap,
        )

    async def _nap(self, seconds: float) -> None:
        self.naps.append(seconds)

    async def run(self) -> Report:
        await self.driver.run()
        return self.report

    def found(self, service: PaperService) -> list[str]:
        told = [entry for entry in self.journal.entries if not entry.customer_id]
        history = TitleHistory(service.titles.events, told, complete=True)
        found, known = examine_titles(history)
        for customer_id, stream in service.streams.items():
            asked = [each for each in self.journal.entries if each.customer_id == customer_id]
            found += examine(History(customer_id, stream.events, asked, True), TERMS, known)
        return [str(finding) for finding in found]


async def test_a_service_that_is_right_is_accepted() -> None:
    transport = Wrapped()
    simulation = Simulation(transport)
    report = await simulation.run()
    assert report.sound
    assert report.requests == len(simulation.journal.entries) > 300
    assert report.done["request"] > 50
    assert report.refusals
    assert report.replays
    assert (report.done["withdraw"], report.done["reinstate"]) >= (2, 2)
    assert report.problems["title-withdrawn"]
    assert report.done["renewals"]
    assert simulation.found(transport.service) == []


async def test_no_more_requests_are_in_flight_than_allowed() -> None:
    transport = Wrapped()
    await Simulation(transport).run()
    assert 1 < transport.in_flight_max <= CONNECTIONS


async def test_members_take_turns_in_the_order_of_the_calendar() -> None:
    simulation = Simulation(Wrapped(), connections=1)
    await simulation.run()
    times = [entry.at for entry in simulation.journal.entries]
    assert times == sorted(times)


async def test_a_request_whose_answer_is_lost_is_repeated_under_its_key() -> None:
    lost: Counter[str] = Counter()

    async def loses_each_first_answer(request: HttpRequest, service: PaperService) -> HttpResponse:
        response = await service.send(request)
        key = request.headers.get("idempotency-key", "")
        lost[key] += 1
        if key and lost[key] == 1:
            raise Unreachable("cut")
        return response

    transport = Wrapped(loses_each_first_answer)
    simulation = Simulation(transport)
    report = await simulation.run()
    assert report.unreachable > 100
    assert report.sound
    assert {entry.attempts for entry in simulation.journal.entries} >= {1, 2}
    assert simulation.found(transport.service) == []


async def test_a_service_that_is_overloaded_is_asked_again() -> None:
    refused: Counter[int] = Counter()

    async def refuses_at_first(request: HttpRequest, service: PaperService) -> HttpResponse:
        refused[id(request)] += 1
        if refused[id(request)] <= 2:
            return overloaded()
        return await service.send(request)

    simulation = Simulation(Wrapped(refuses_at_first), members=2)
    report = await simulation.run()
    assert report.sound
    assert report.unavailable >= 2 * report.requests > 0
    assert set(simulation.naps) == {1.0}  # as Retry-After says


async def test_the_waits_for_a_service_that_is_away_grow_up_to_a_second() -> None:
    async def comes_back_late(request: HttpRequest, service: PaperService) -> HttpResponse:
        if len(simulation.naps) < 8:
            raise Unreachable("restarting")
        return await service.send(request)

    simulation = Simulation(Wrapped(comes_back_late), members=1, connections=1)
    await simulation.run()
    assert simulation.naps == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]


async def test_a_service_that_stays_away_ends_the_simulation() -> None:
    async def never(request: HttpRequest, service: PaperService) -> HttpResponse:
        raise Unreachable("nobody there")

    simulation = Simulation(Wrapped(never), patience_s=0)
    report = await simulation.run()
    assert report.stopped == "the service gave no answer for 0 s"
    assert 0 < report.unanswered < 4 * CONNECTIONS
    assert not report.sound
    assert {entry.status for entry in simulation.journal.entries} == {0}


async def test_a_simulation_that_is_halted_finishes_what_is_under_way() -> None:
    async def halts(request: HttpRequest, service: PaperService) -> HttpResponse:
        if len(service.requests) == 40:
            simulation.driver.halt("enough")
        return await service.send(request)

    transport = Wrapped(halts)
    simulation = Simulation(transport)
    report = await simulation.run()
    assert report.stopped == "enough"
    assert report.sound
    assert 40 < len(transport.service.requests) < 40 + 4 * CONNECTIONS
    assert len(simulation.journal.entries) == len(transport.service.requests)
    assert simulation.found(transport.service) == []


@pytest.mark.parametrize("status", [500, 502, 503, 400, 404, 418])
async def test_an_answer_against_the_contract_is_counted(status: int) -> None:
    async def answers_wrong(request: HttpRequest, service: PaperService) -> HttpResponse:
        return HttpResponse(status, {"content-type": "application/problem+json"}, b"{}")

    report = await Simulation(Wrapped(answers_wrong), members=3, withdrawals=0).run()
    assert report.violations == 3  # nobody goes on without an account
    assert not report.sound
    assert str(status) in report.violation_samples[0]
