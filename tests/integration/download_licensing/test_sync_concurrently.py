"""Two processes on one file take in the same things at once, and withdraw what others grant."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from download_licensing.domain.refusals import TitleWithdrawn
from download_licensing.service.commands import (
    SessionEvent,
    SyncedRelease,
    SyncedRenewal,
    SyncedSession,
    SyncItem,
    WithdrawTitle,
)
from download_licensing.service.licensing import AGGREGATES
from helenus import AggregateRepository, CommandContext
from helenus.stores.sqlite import SqliteStore
from tests.integration.download_licensing.member import DAY, START, Member, service_of

Processes = tuple[Member, Member]


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Processes]:
    file = tmp_path / "store.db"
    async with (
        SqliteStore(file) as one,
        SqliteStore(file) as two,
        AggregateRepository(one, AGGREGATES) as first,
        AggregateRepository(two, AGGREGATES) as second,
    ):
        yield Member(service_of(first)), Member(service_of(second))


async def test_what_is_brought_to_two_processes_at_once_takes_effect_once(
    processes: Processes,
) -> None:
    one, two = processes
    await one.open("family")
    ids = [(await one.request("tv", "free")).license_id for _ in range(12)]
    items: list[SyncItem] = [
        *[SyncedRelease(item_id=f"r-{each}", license_id=each) for each in ids[:4]],
        *[
            SyncedSession(
                item_id=f"s-{each}",
                license_id=each,
                session_id="s-1",
                events=(SessionEvent(kind="stop", at=START + DAY),),
            )
            for each in ids[4:8]
        ],
        *[SyncedRenewal(item_id=f"n-{each}", license_id=each) for each in ids[8:]],
    ]

    answers = await asyncio.gather(
        *[each.sync("tv", START + 2 * DAY, *items) for each in (one, two) * 6]
    )

    outcomes = Counter(item.outcome for answer in answers for item in answer.items)
    assert outcomes == {"done": 12, "repeated": 11 * 12}
    recorded = Counter(name for _, name in await one.recorded())
    assert recorded["license-released"] == 4
    assert recorded["session-reported"] == recorded["play-counted"] == 4
    assert recorded["license-renewed"] == 4


async def test_nothing_of_a_title_is_active_after_its_withdrawal_whoever_granted_it(
    processes: Processes,
) -> None:
    one, two = processes
    await one.open("family")
    gone = START + timedelta(seconds=10)
    granted: list[str] = []

    async def request(member: Member, second: int) -> None:
        at = START + timedelta(seconds=second)
        try:
            granted.append((await member.request("tv", "forever", at)).license_id)
        except TitleWithdrawn:
            assert at >= gone

    async def withdraw() -> None:
        command = WithdrawTitle(title_id="forever", reason="Claim.")
        await one.service.execute(command, CommandContext(at=gone))

    await asyncio.gather(
        *[request((one, two)[second % 2], second) for second in range(20)], withdraw()
    )

    assert len(granted) >= 10
    for member in (one, two):
        await member.service.refresh_withdrawals()
        states = [await member.license(each, START + timedelta(seconds=20)) for each in granted]
        assert {state.state for state in states} == {"expired"}
        assert (await member.devices(START + timedelta(seconds=20))).devices_in_use == 0
