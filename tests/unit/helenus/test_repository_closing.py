"""Callers that go away, and repositories that close."""

from __future__ import annotations

import asyncio

import pytest

from helenus import (
    StoreClosed,
)
from helenus.testing import (
    FaultyStore,
    Hold,
)
from tests.unit.helenus.bank import (
    STREAM,
    deposit,
)
from tests.unit.helenus.repositories import ALWAYS, balance_of, repository_on


async def test_a_cancelled_caller_does_not_harm_the_others(store: FaultyStore) -> None:
    repository = repository_on(store)
    hold = Hold()
    store.inject("append", hold)
    tasks = [asyncio.ensure_future(repository.transact(STREAM, deposit(1))) for _ in range(2)]
    await hold.reached.wait()
    tasks += [asyncio.ensure_future(repository.transact(STREAM, deposit(1))) for _ in range(4)]
    await asyncio.sleep(0)
    for cancelled in (tasks[0], tasks[3]):
        cancelled.cancel()
    await asyncio.sleep(0)
    hold.release()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    # The first was on its way and happened; the fourth was still waiting and did not.
    assert [a for a in answers if isinstance(a, int)] == [2, 3, 4, 5]
    assert await balance_of(repository) == 5


async def test_closing_finishes_what_waits_and_refuses_what_comes(store: FaultyStore) -> None:
    repository = repository_on(store, ALWAYS)
    hold = Hold()
    store.inject("append", hold)
    tasks = [asyncio.ensure_future(repository.transact(STREAM, deposit(1))) for _ in range(5)]
    await hold.reached.wait()
    tasks += [asyncio.ensure_future(repository.transact(STREAM, deposit(1))) for _ in range(5)]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(repository.close())
    await asyncio.sleep(0)
    with pytest.raises(StoreClosed):
        await repository.transact(STREAM, deposit(1))
    assert not closing.done()
    hold.release()
    await asyncio.wait_for(closing, 10)
    assert await asyncio.gather(*tasks) == list(range(1, 11))
    snapshot = await store.load_snapshot(STREAM)
    assert snapshot is not None
    assert snapshot.position == 10
