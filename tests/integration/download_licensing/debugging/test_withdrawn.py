"""Which withdrawal of a title held at a time, and how little of their stream is read for it."""

from collections.abc import AsyncIterator
from datetime import datetime
from random import Random
from typing import Any

import pytest

from download_licensing.debugging import withdrawn
from download_licensing.debugging.withdrawn import WithdrawalTold, withdrawals
from download_licensing.domain.events import TitleReinstated, TitleWithdrawn
from download_licensing.service.base import WITHDRAWALS_STREAM
from download_licensing.service.commands import ReinstateTitle, WithdrawTitle
from download_licensing.service.licensing import AGGREGATES
from helenus import AggregateRepository, CommandContext
from helenus.errors import CorruptData
from helenus.events import Event, RecordedEvent
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.member import DAY, START, TICK, service_of

TITLES = ("free", "free-2", "free-3", "thrice")
READ_BACK = 8
HISTORIES = 20


class Watched(AggregateRepository):
    """Tells which parts of the stream of titles were read."""

    def __init__(self, store: MemoryStore) -> None:
        super().__init__(store, AGGREGATES)
        self.parts: list[tuple[int, int | None]] = []

    async def history(
        self, stream: str, *, after: int = 0, upto: int | None = None
    ) -> AsyncIterator[RecordedEvent[Event]]:
        self.parts.append((after, upto))
        async for recorded in super().history(stream, after=after, upto=upto):
            yield recorded


@pytest.fixture(autouse=True)
def _few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withdrawn, "READ_BACK_EVENTS", READ_BACK)


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with MemoryStore() as store, Watched(store) as repository:
        yield repository


async def tell(repository: AggregateRepository, *commands: tuple[str, bool]) -> None:
    """One command a day about a title: it is withdrawn, or reinstated."""
    service = service_of(repository)
    for day, (title_id, gone) in enumerate(commands, start=1):
        command: Any = ReinstateTitle(title_id=title_id)
        if gone:
            command = WithdrawTitle(title_id=title_id, reason=f"Of day {day}.")
        await service.execute(command, CommandContext(at=START + day * DAY))


async def told(repository: AggregateRepository, title_id: str, at: datetime) -> Any:
    return await (await withdrawals(repository)).of(title_id, at)


async def told_by_all_events(
    repository: AggregateRepository, title_id: str, at: datetime
) -> tuple[int, str, datetime | None] | None:
    """Position, reason and end of the withdrawal that holds, found by reading everything."""
    holds: tuple[int, str] | None = None
    async for recorded in repository.history(WITHDRAWALS_STREAM):
        event = recorded.event
        if recorded.aggregate_id != title_id:
            continue
        if isinstance(event, TitleReinstated):
            if holds is not None and at < event.at:
                return (*holds, event.at)
            holds = None
        elif isinstance(event, TitleWithdrawn) and event.at <= at:
            holds = recorded.position, event.reason
    return None if holds is None else (*holds, None)


def essence(one: WithdrawalTold | None) -> tuple[int, str, datetime | None] | None:
    return None if one is None else (one.position, one.reason, one.reinstated_at)


@pytest.mark.parametrize("seed", range(HISTORIES))
async def test_it_is_the_one_that_all_events_tell_of(watched: Watched, seed: int) -> None:
    random = Random(seed)
    days = random.randint(1, 5 * READ_BACK)
    await tell(watched, *[(random.choice(TITLES), random.random() < 0.6) for _ in range(days)])
    for day in range(days + 2):
        for at in (START + day * DAY - TICK, START + day * DAY):
            for title_id in TITLES:
                expected = await told_by_all_events(watched, title_id, at)
                assert essence(await told(watched, title_id, at)) == expected


async def test_no_event_is_read_for_a_title_that_was_not_withdrawn_then(watched: Watched) -> None:
    await tell(watched, ("free", True), ("free", False), ("thrice", True))
    assert await told(watched, "free-2", START + 9 * DAY) is None
    assert await told(watched, "free", START + 9 * DAY) is None
    assert await told(watched, "thrice", START + 3 * DAY - TICK) is None
    assert watched.parts == []


async def test_the_stream_is_read_from_its_end_back_to_the_withdrawal(watched: Watched) -> None:
    others = [("free", True), ("free", False)] * READ_BACK
    await tell(watched, ("free-2", True), *others, ("thrice", True))
    head, at = 2 * READ_BACK + 2, START + 90 * DAY
    found = await told(watched, "thrice", at)
    assert (found.position, watched.parts) == (head, [(head - READ_BACK, head)])
    watched.parts.clear()
    found = await told(watched, "free-2", at)
    assert (found.position, found.withdrawn_at) == (1, START + DAY)
    assert watched.parts == [(10, 18), (2, 10), (0, 2)]


async def test_of_two_withdrawals_at_one_moment_it_is_the_one_that_lasts(watched: Watched) -> None:
    service = service_of(watched)
    for command in (
        WithdrawTitle(title_id="free", reason="In error."),
        ReinstateTitle(title_id="free"),
        WithdrawTitle(title_id="free", reason="Claim."),
    ):
        await service.execute(command, CommandContext(at=START))
    assert essence(await told(watched, "free", START)) == (3, "Claim.", None)


async def test_of_two_titles_withdrawn_at_one_moment_it_is_the_one_asked_about(
    watched: Watched,
) -> None:
    service = service_of(watched)
    for title_id in ("free", "thrice"):
        command = WithdrawTitle(title_id=title_id, reason=f"Of {title_id}.")
        await service.execute(command, CommandContext(at=START))
    assert essence(await told(watched, "free", START)) == (1, "Of free.", None)
    assert essence(await told(watched, "thrice", START)) == (2, "Of thrice.", None)


async def test_a_withdrawal_without_its_event_is_damage(watched: Watched) -> None:
    await tell(watched, ("free", True))
    known = await withdrawals(watched)
    async with MemoryStore() as empty, AggregateRepository(empty, AGGREGATES) as elsewhere:
        astray = withdrawn.Withdrawals(elsewhere, await watched.load(WITHDRAWALS_STREAM))
        with pytest.raises(CorruptData, match="'free' was withdrawn at"):
            await astray.of("free", START + DAY)
    assert await known.of("free", START + DAY) is not None
