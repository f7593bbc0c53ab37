"""Whatever is asked, in whatever order: no limit is passed, and nothing is refused below one."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from download_licensing.domain.refusals import (
    DeviceNotFound,
    DownloadRefused,
    LicenseReleased,
)
from download_licensing.service.answers import Grant
from download_licensing.service.licensing import AGGREGATES, LicensingService
from helenus import AggregateRepository, RepositorySettings
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from tests.integration.download_licensing.member import (
    DAY,
    HOUR,
    START,
    YEAR,
    Member,
    catalogue,
    plan,
    service_of,
    title,
)
from tests.integration.download_licensing.naive_model import Model

PLAN = plan("tight", 2, 3)
TITLES = {
    one.title_id: one
    for one in (
        title("capped", downloads=3, days=30, window_hours=48, renewals=2),
        title("week", downloads=2, days=7),
        title("free", days=30, renewals=1),
        title("endless", days=0, window_hours=48),
    )
}
CATALOGUE = catalogue(PLAN, *TITLES.values())
DEVICES = ("tv", "phone", "tablet")


@dataclass(frozen=True)
class Step:
    """One thing a customer does, so long after the step before."""

    kind: str
    device: str
    title_id: str
    which: int
    later_h: int
    clock_behind_h: int
    told_h: int


kinds = ("request", "request", "request", "renew", "renew", "play", "release", "remove")
steps = st.builds(
    Step,
    kind=st.sampled_from(kinds),
    device=st.sampled_from(DEVICES),
    title_id=st.sampled_from(list(TITLES)),
    which=st.integers(0, 30),
    later_h=st.sampled_from((0, 0, 0, 1, 24, 48, 7 * 24, 30 * 24, 335 * 24)),
    clock_behind_h=st.sampled_from((0, 0, 0, 1, 24)),
    told_h=st.integers(-100, 100),
)


class Walk:
    """Takes the same steps with the service and with the model, and compares what they say."""

    def __init__(self, service: LicensingService) -> None:
        self.member = Member(service)
        self.model = Model(PLAN)
        self.license_ids: list[str] = []
        self._clock = START

    async def take(self, step: Step) -> None:
        self._clock += step.later_h * HOUR
        at = self._clock - step.clock_behind_h * HOUR
        if step.kind == "request":
            await self._request(step, at)
        elif step.kind == "remove":
            await self._remove(step.device, at)
        elif self.license_ids:
            await self._change(step, step.which % len(self.license_ids), at)
        devices = await self.member.devices(self._clock)
        assert devices.devices_in_use == self.model.devices_in_use(self._clock)

    async def _request(self, step: Step, at: datetime) -> None:
        allowed = await self.member.allowance(step.device, step.title_id, at)
        expected = self.model.request(step.device, TITLES[step.title_id], at)
        assert [unmet.reason for unmet in allowed.refusals] == expected
        assert all(unmet.resets_at is None or unmet.resets_at > at for unmet in allowed.refusals)
        request = self.member.request(step.device, step.title_id, at)
        if expected:
            assert list(await self.member.refused(request)) == expected
        else:
            self.license_ids.append((await request).license_id)

    async def _remove(self, device: str, at: datetime) -> None:
        self.model.remove(device)
        try:
            await self.member.remove(device, at)
        except DeviceNotFound:
            assert all(held.device != device for held in self.model.licenses)

    async def _change(self, step: Step, index: int, at: datetime) -> None:
        license_id, held = self.license_ids[index], self.model.licenses[index]
        if step.kind == "renew":
            expected = self.model.renew(held, at)
            assert await self._renewal_refusals(license_id, at) == expected
        elif step.kind == "play":
            told = at + step.told_h * HOUR
            self.model.play(held, told, at)
            await self.member.play(license_id, told, at)
        else:
            held.released = True
            await self.member.release(license_id, at)
        state = (await self.member.license(license_id, at)).state
        expected_state = "active" if held.active(at) else "expired"
        assert state == ("released" if held.released else expected_state)

    async def _renewal_refusals(self, license_id: str, at: datetime) -> Sequence[str]:
        try:
            await self.member.renew(license_id, at)
        except DownloadRefused as refusal:
            return [unmet.reason for unmet in refusal.unmet]
        except LicenseReleased:
            return ["license-released"]
        return []


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, min_size=8, max_size=60), st.booleans())
def test_one_after_another(walked: list[Step], forgetful: bool) -> None:
    async def walk() -> None:
        bounds = RepositorySettings(cache_bytes_max=1 if forgetful else 2**20, snapshot_events=7)
        async with (
            MemoryStore() as store,
            AggregateRepository(store, AGGREGATES, settings=bounds) as repository,
        ):
            journey = Walk(service_of(repository, CATALOGUE))
            await journey.member.open("tight", START - YEAR)
            for step in walked:
                await journey.take(step)

    asyncio.run(walk())


requests = st.lists(
    st.tuples(st.sampled_from(DEVICES), st.sampled_from(list(TITLES))),
    min_size=5,
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(requests)
def test_all_at_once(asked: list[tuple[str, str]]) -> None:
    async def ask() -> None:
        async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
            member = Member(service_of(repository, CATALOGUE))
            await member.open("tight")
            answers = await asyncio.gather(
                *(member.request(device, title_id) for device, title_id in asked),
                return_exceptions=True,
            )
            await _require_limits_used_up(member, asked, answers, START)

    asyncio.run(ask())


@pytest.mark.parametrize("seed", range(5))
async def test_all_at_once_in_two_processes_on_one_file(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    asked = [(chance.choice(DEVICES), chance.choice(list(TITLES))) for _ in range(40)]
    path = tmp_path / "store.sqlite3"
    async with (
        SqliteStore(path) as one_store,
        SqliteStore(path) as other_store,
        AggregateRepository(one_store, AGGREGATES) as one,
        AggregateRepository(other_store, AGGREGATES) as other,
    ):
        members = [Member(service_of(repository, CATALOGUE)) for repository in (one, other)]
        await members[0].open("tight")
        tasks = []
        for turn, (device, title_id) in enumerate(asked):
            attempt = members[turn % 2].request(device, title_id, START + DAY)
            tasks.append(asyncio.create_task(attempt))
            await asyncio.sleep(chance.choice((0, 0, 0.001)))
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        await _require_limits_used_up(members[0], asked, answers, START + DAY)


async def _require_limits_used_up(
    member: Member,
    asked: Sequence[tuple[str, str]],
    answers: Sequence[Grant | BaseException],
    at: datetime,
) -> None:
    """With one time and no release, use only grows: what was refused must be refused at the end."""
    granted = {answer.license_id for answer in answers if isinstance(answer, Grant)}
    issued = await member.facts("license-issued")
    assert len(issued) == len(granted)
    assert len({fact["device_id"] for fact in issued}) <= 2
    assert all(n <= 3 for n in Counter(fact["device_id"] for fact in issued).values())
    model = Model(PLAN)
    for fact in issued:
        assert model.request(fact["device_id"], TITLES[fact["title_id"]], at) == []
    for (device, title_id), answer in zip(asked, answers, strict=True):
        if not isinstance(answer, Grant):
            assert isinstance(answer, DownloadRefused)
            reasons = [unmet.reason for unmet in answer.unmet]
            at_the_end = model.request(device, TITLES[title_id], at)
            assert set(reasons) <= set(at_the_end)
            assert at_the_end
