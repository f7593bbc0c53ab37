"""A population whose requests take turns among processes of the service on one store.

Each process keeps states in memory, so nothing but the store's condition stands between a customer
and a limit. The oracle must be content with a store that keeps it, and not with one that does not.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import msgspec

from download_licensing.catalogue import Catalogue
from download_licensing.composition import open_api
from download_licensing.settings import Settings
from download_licensing.simulate.driver import Driver
from download_licensing.simulate.histories import fetch_history
from download_licensing.simulate.options import shipped_catalogue, shipped_policy
from download_licensing.simulate.oracle import (
    Finding,
    History,
    Kind,
    examine,
    read_terms,
)
from download_licensing.simulate.population import Population, PopulationSettings
from download_licensing.simulate.report import Report
from helenus.store import Commit, Head
from helenus.stores.memory import MemoryStore
from tests.integration.api.asgi_client import AsgiClient
from tests.integration.download_licensing.turns import Recorded, Turns

PROCESSES = 4
POPULATION = PopulationSettings(
    run="turns", seed=3, members=15, actions_per_member=40, days=400, zipf_exponent=1.1
)
TERMS = read_terms(shipped_catalogue(), [shipped_policy()])


class CarelessStore(MemoryStore):
    """Appends wherever the stream ends by now, whatever the writer thought."""

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        actual = await self.head(stream)
        late_by = actual.position - expected.position
        moved = [
            msgspec.structs.replace(
                commit, first=commit.first + late_by, last=commit.last + late_by
            )
            for commit in commits
        ]
        return await super().append(stream, moved, actual)


@contextlib.asynccontextmanager
async def processes(store: MemoryStore) -> AsyncIterator[Turns]:
    async with contextlib.AsyncExitStack() as stack:
        opened = await stack.enter_async_context(store)
        clients = []
        for _ in range(PROCESSES):
            opening = open_api(Settings(rehearsal=True), Catalogue.shipped(), opened)
            clients.append(AsgiClient((await stack.enter_async_context(opening)).gate))
        yield Turns(clients)


async def simulated(transport: Turns) -> tuple[Report, list[Finding]]:
    """What a population saw, and what the oracle says to it."""
    journal, report = Recorded(), Report()
    driver = Driver(
        Population(POPULATION, TERMS),
        transport,
        journal,
        report,
        connections=8,
        patience_s=60,
        duration_max_s=60,
    )
    await driver.run()
    findings: list[Finding] = []
    for customer_id, entries in journal.of.items():
        events = await fetch_history(transport, customer_id)
        findings += examine(History(customer_id, events, entries, complete=True), TERMS)
    return report, findings


async def test_on_one_store_they_keep_every_limit_together() -> None:
    async with processes(MemoryStore()) as transport:
        report, findings = await simulated(transport)
    assert findings == []
    assert report.sound
    assert report.requests > 20 * POPULATION.members
    assert {"device-limit", "title-downloads-per-year"} <= set(report.refusals)


async def test_on_a_store_that_ignores_its_condition_they_pass_limits_and_are_found_out() -> None:
    async with processes(CarelessStore()) as transport:
        _, findings = await simulated(transport)
    assert Counter(finding.kind for finding in findings)[Kind.LIMIT_PASSED] > 0
