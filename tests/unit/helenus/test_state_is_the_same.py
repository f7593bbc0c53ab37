"""G5: with or without snapshots, warm or cold, from any position, the state is the same."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from helenus import AggregateRepository, Event, RepositorySettings, StreamView, UnitOfWork
from helenus.stores.memory import MemoryStore
from helenus.testing import MockClock
from tests.unit.helenus.bank import (
    AGGREGATES,
    STREAM,
    Account,
    Closed,
    Deposited,
    Opened,
    Stored,
    Vault,
    Withdrawn,
)

Raised = tuple[str, Event]

amounts = st.integers(1, 100)
to_accounts = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.one_of(
        st.builds(Opened, owner=st.text(max_size=3)),
        st.builds(Deposited, amount=amounts),
        st.builds(Withdrawn, amount=amounts),
        st.just(Closed()),
    ),
)
to_vaults = st.tuples(
    st.sampled_from(["v", "w"]),
    st.builds(Stored, items=st.lists(st.sampled_from(["x", "y", "z"]), max_size=3)),
)
units = st.lists(st.one_of(to_accounts, to_vaults), min_size=1, max_size=4)


def shown(view: StreamView) -> Any:
    return [[(a.id, msgspec.to_builtins(a)) for a in view.all(kind)] for kind in AGGREGATES]


def settings_of(snapshot_events: int, **other: int) -> RepositorySettings:
    return RepositorySettings(snapshot_events=snapshot_events, **other)


async def replay(histories: list[list[Raised]], snapshot_events: int, together: bool) -> None:
    async with MemoryStore() as store:
        clock = MockClock()
        every = settings_of(snapshot_events)

        def repository(chosen: RepositorySettings = every) -> AggregateRepository:
            return AggregateRepository(store, AGGREGATES, settings=chosen, clock=clock)

        async def commit(writer: AggregateRepository, raised: list[Raised]) -> None:
            def decide(unit: UnitOfWork) -> None:
                for aggregate_id, event in raised:
                    kind = Vault if isinstance(event, Stored) else Account
                    unit.get(kind, aggregate_id).record(event)

            await writer.transact(STREAM, decide)

        warm = repository()
        if together:
            await asyncio.gather(*(commit(warm, raised) for raised in histories))
        else:
            for raised in histories:
                clock.advance(1)
                await commit(warm, raised)
        await warm.settle()

        plain = repository(settings_of(0, page_bytes=1, cache_bytes_max=1))
        wanted = shown(await plain.load(STREAM))
        assert shown(await warm.load(STREAM)) == wanted
        cold = repository()
        assert shown(await cold.load(STREAM)) == wanted
        await cold.settle()
        head = (await cold.load(STREAM)).position
        await store.save_snapshot(STREAM, None)
        prefixes = [shown(await plain.load(STREAM, at_position=at)) for at in range(head + 1)]
        assert prefixes[head] == wanted
        for at in range(1, head + 1):
            stepwise = repository(settings_of(1))
            view = await stepwise.load(STREAM, at_position=at)
            assert (view.position, shown(view)) == (at, prefixes[at])


@settings(max_examples=60, deadline=None)
@given(st.lists(units, min_size=1, max_size=8), st.integers(1, 5), st.booleans())
def test_the_state_is_the_same_however_it_is_reached(
    histories: list[list[Raised]], snapshot_events: int, together: bool
) -> None:
    asyncio.run(replay(histories, snapshot_events, together))
