"""Whatever ids, clocks and events a program brings is kept as it is, or refused without a trace."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from helenus import (
    Aggregate,
    AggregateRepository,
    DomainError,
    Event,
    InvalidArgument,
    RepositorySettings,
    UnitOfWork,
    applies,
)
from helenus.stores.memory import MemoryStore
from helenus.testing import MockClock
from tests.unit.helenus.bank import AGGREGATES, STREAM, Account, deposit

ids = st.text(st.characters(exclude_categories=()), max_size=12) | st.sampled_from(
    ["x" * 500, "x" * 501, "𝄞" * 500, "𝄞" * 501, "a/b", "/", "..", "a b", "$event", "é", "e\u0301"]
)


def is_well_formed(name: str) -> bool:
    """The rule that the documents state, in other words than the code's."""
    return 1 <= len(name) <= 500 and not any(
        unicodedata.category(one) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Zs"} and one != " "
        for one in name
    )


@given(ids, ids, ids)
@example("customer/1", "a", "c\u2028")
@example("\ud800", "a", "c")
@example("customer/1", "\x7f", "c")
def test_ids_are_kept_as_they_are_or_refused(stream: str, aggregate: str, command: str) -> None:
    async def use() -> None:
        async with MemoryStore() as store:
            always = RepositorySettings(snapshot_events=1)
            async with AggregateRepository(store, AGGREGATES, settings=always) as repository:
                attempt = repository.transact(stream, deposit(5, aggregate), command_id=command)
                if not all(map(is_well_formed, (stream, aggregate, command))):
                    with pytest.raises(InvalidArgument):
                        await attempt
                    assert [page async for page in store.feed()] == []
                    return
                assert await attempt == 5
                assert (
                    await repository.transact(stream, deposit(5, aggregate), command_id=command)
                    == 5
                )
            for settings in (always, RepositorySettings(snapshot_events=0)):
                fresh = AggregateRepository(store, AGGREGATES, settings=settings)
                [account] = (await fresh.load(stream)).all(Account)
                assert (account.id, account.balance) == (aggregate, 5)
                [stored] = [one async for one in fresh.history(stream)]
                assert (stored.stream, stored.aggregate_id, stored.command_id) == (
                    stream,
                    aggregate,
                    command,
                )

    asyncio.run(use())


def test_ids_that_look_alike_are_not_the_same() -> None:
    async def use() -> None:
        async with (
            MemoryStore() as store,
            AggregateRepository(store, AGGREGATES) as repository,
        ):
            for number, name in enumerate(["é", "e\u0301", "É", "a", "a ", "A"], start=1):
                await repository.transact(f"s/{name}", deposit(number, name), command_id=name)
                await repository.transact(STREAM, deposit(number, name), command_id=name)
                view = await repository.load(f"s/{name}")
                assert [(one.id, one.balance) for one in view.all(Account)] == [(name, number)]
            assert len((await repository.load(STREAM)).all(Account)) == 6

    asyncio.run(use())


@pytest.mark.parametrize("wrong", [5, b"x", ["x"], ("x",), object(), 1.5, True])
async def test_what_is_no_text_is_refused_everywhere(wrong: Any) -> None:
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        attempts: list[Callable[[], Any]] = [
            lambda: repository.transact(wrong, deposit(1)),
            lambda: repository.load(wrong),
            lambda: anext(repository.history(wrong)),
            lambda: repository.transact(STREAM, deposit(1, wrong)),
            lambda: repository.transact(STREAM, deposit(1), command_id=wrong),
            lambda: repository.transact(STREAM, deposit(1), actor=wrong),
            lambda: repository.transact(STREAM, deposit(1), correlation_id=wrong),
            lambda: repository.transact(STREAM, deposit(1), causation_id=wrong),
        ]
        for attempt in attempts:
            with pytest.raises(InvalidArgument):
                await attempt()
        assert [page async for page in store.feed()] == []


async def test_a_fingerprint_that_is_no_bytes_is_refused() -> None:
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        with pytest.raises(InvalidArgument, match="bytes, not str"):
            await repository.transact(
                STREAM,
                deposit(1),
                fingerprint="x",  # type: ignore[arg-type]  # the mistake
            )


@given(st.text(st.characters(exclude_categories=()), max_size=8) | st.just("x" * 1_001))
@example("\ud800")
@example("\0")
def test_metadata_is_kept_as_it_is_or_refused(text: str) -> None:
    async def use() -> None:
        async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
            attempt = repository.transact(
                STREAM, deposit(1), actor=text, correlation_id=text, causation_id=text
            )
            if len(text) > 1_000 or any("\ud800" <= one <= "\udfff" for one in text):
                with pytest.raises(InvalidArgument, match="actor is a text"):
                    await attempt
                return
            await attempt
            [stored] = [one async for one in repository.history(STREAM)]
            assert (stored.actor, stored.correlation_id, stored.causation_id) == (text,) * 3

    asyncio.run(use())


@given(st.lists(st.integers(-(10**12), 10**9), min_size=1, max_size=12), st.data())
def test_recorded_time_never_falls_whatever_clocks_do(
    steps: list[int], data: st.DataObject
) -> None:
    """Microseconds that each of two processes' clocks is moved by before it commits."""

    async def use() -> None:
        clocks = [MockClock(), MockClock()]
        async with MemoryStore() as store:
            repositories = [AggregateRepository(store, AGGREGATES, clock=one) for one in clocks]
            for step in steps:
                which = data.draw(st.integers(0, 1))
                clocks[which].advance(step / 1_000_000)
                await repositories[which].transact(STREAM, deposit(1))
            times = [one.recorded_at async for one in repositories[0].history(STREAM)]
            assert times == sorted(times)
            # So the state at a time is a prefix, and the next moment holds all of an earlier one.
            for count, moment in enumerate(times, start=1):
                view = await repositories[1].load(STREAM, at_time=moment)
                assert view.position >= count
                before = moment - timedelta(microseconds=1)
                assert (await repositories[1].load(STREAM, at_time=before)).position < count

    asyncio.run(use())


class Pressed(Event, name="test-pressed"):
    key: int


class Fragile(Aggregate, name="test-fragile"):
    keys: list[int] = []  # noqa: RUF012  # msgspec copies an empty list

    @applies
    def pressed(self, event: Pressed) -> None:
        self.keys.append(event.key)
        if event.key == 0:
            raise ZeroDivisionError("key 0")


@given(st.lists(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=4), max_size=6))
def test_commands_that_break_their_aggregates_leave_nothing(
    commands: list[list[tuple[int, bool]]],
) -> None:
    """Each command presses keys; 0 raises in `apply`, and a true value meddles with the state."""

    def press(presses: list[tuple[int, bool]]) -> Callable[[UnitOfWork], None]:
        def decide(unit: UnitOfWork) -> None:
            fragile = unit.get(Fragile, "f")
            for key, meddles in presses:
                if meddles:
                    fragile.keys.append(-1)
                else:
                    fragile.record(Pressed(key=key))

        return decide

    async def use() -> None:
        async with MemoryStore() as store:
            always = RepositorySettings(snapshot_events=1)
            repository = AggregateRepository(store, [Fragile], settings=always)
            kept: list[int] = []
            for presses in commands:
                if any(meddles or key == 0 for key, meddles in presses):
                    with pytest.raises(DomainError):
                        await repository.transact(STREAM, press(presses))
                else:
                    await repository.transact(STREAM, press(presses))
                    kept += [key for key, _ in presses]
            await repository.settle()
            for reader in (repository, AggregateRepository(store, [Fragile])):
                assert (await reader.load(STREAM)).get(Fragile, "f").keys == kept

    asyncio.run(use())
