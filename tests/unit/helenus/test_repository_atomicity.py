"""A unit of work commits all its events or none, and nothing but events (G1)."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec
import pytest

from helenus import (
    Aggregate,
    AggregateRepository,
    CodecError,
    DomainError,
    Event,
    Outcome,
    UnitOfWork,
    applies,
)
from helenus.testing import (
    FaultyStore,
)
from tests.unit.helenus.bank import (
    STREAM,
    Account,
    Deposited,
    Opened,
    Stored,
    Vault,
    deposit,
)
from tests.unit.helenus.repositories import balance_of, histories, repository_on


class Listed(Event, name="test-listed"):
    items: list[str]


class Lister(Aggregate, name="test-lister"):
    items: list[str] = msgspec.field(default_factory=list)

    @applies
    def listed(self, event: Listed) -> None:
        if self.items:
            self.items.extend(event.items)
        else:
            self.items = event.items  # the mistake: the event's own list


class Met(Event, name="test-met"):
    pass


class Stranger(Aggregate, name="test-stranger"):
    @applies
    def met(self, event: Met) -> None: ...


async def test_all_events_of_a_unit_are_committed_together(store: FaultyStore) -> None:
    repository = repository_on(store)

    def decide(unit: UnitOfWork) -> None:
        unit.get(Account, "a").deposit(5)
        unit.get(Account, "b").deposit(7)
        unit.get(Vault, "v").record(Stored(items=["x"]))

    await repository.transact(STREAM, decide)
    events = await histories(repository)
    assert [e.position for e in events] == [1, 2, 3]
    assert len({e.commit_id for e in events}) == 1
    assert [(e.aggregate_type, e.aggregate_id) for e in events] == [
        ("test-account", "a"),
        ("test-account", "b"),
        ("test-vault", "v"),
    ]
    assert store.calls["append"] == 1


async def test_a_decision_that_raises_leaves_nothing(store: FaultyStore) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(5))

    def decide(unit: UnitOfWork) -> None:
        unit.get(Account, "a").deposit(5)
        unit.get(Account, "b").deposit(5)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        await repository.transact(STREAM, decide)
    for reader in (repository, repository_on(store)):
        view = await reader.load(STREAM)
        assert (view.position, view.get(Account, "a").balance) == (1, 5)
        assert [account.id for account in view.all(Account)] == ["a"]


async def test_a_change_without_an_event_is_refused(store: FaultyStore) -> None:
    repository = repository_on(store)
    await repository.transact(STREAM, deposit(5))

    def cheat(unit: UnitOfWork) -> None:
        unit.get(Account, "a").balance = 1000

    def cheat_beside_an_event(unit: UnitOfWork) -> None:
        unit.get(Account, "a").deposit(1)
        unit.get(Account, "a").balance = 1000

    for decide in (cheat, cheat_beside_an_event):
        with pytest.raises(DomainError, match="changed other than by its events"):
            await repository.transact(STREAM, decide)
    assert await balance_of(repository) == 5


async def test_an_event_that_is_changed_after_it_was_recorded_is_refused(
    store: FaultyStore,
) -> None:
    def decide(unit: UnitOfWork) -> None:
        for item in ("one", "two"):
            unit.get(Lister, "l").record(Listed(items=[item]))

    repository = AggregateRepository(store, [Lister])
    with pytest.raises(DomainError, match="'test-listed' was changed after it was recorded"):
        await repository.transact(STREAM, decide)
    assert store.calls["append"] == 0


async def test_an_event_that_cannot_be_applied_is_never_committed(store: FaultyStore) -> None:
    repository = repository_on(store)

    def decide(unit: UnitOfWork) -> None:
        account = unit.get(Account, "a")
        account.deposit(1)
        with contextlib.suppress(DomainError):
            account.record(Deposited(amount=None))  # type: ignore[arg-type]  # cannot be added

    with pytest.raises(DomainError, match="test-account 'a'"):
        await repository.transact(STREAM, decide)
    assert store.calls["append"] == 0


async def test_a_commit_that_cannot_be_encoded_leaves_nothing(store: FaultyStore) -> None:
    repository = repository_on(store)

    def decide(unit: UnitOfWork) -> None:
        unit.get(Account, "a").deposit(1)
        unit.get(Account, "b").record(Opened(owner="\ud800"))

    with pytest.raises(Exception, match="test-opened") as caught:
        await repository.transact(STREAM, decide)
    assert getattr(caught.value, "outcome", None) is Outcome.DID_NOT_HAPPEN
    assert store.calls["append"] == 0
    assert await balance_of(repository) == 0


async def test_what_nobody_could_read_again_is_never_committed(store: FaultyStore) -> None:
    repository = repository_on(store)

    def wrongly_typed(unit: UnitOfWork) -> None:
        unit.get(Account, "a").record(Opened(owner=5))  # type: ignore[arg-type]  # the mistake

    def unregistered(unit: UnitOfWork) -> None:
        unit.get(Stranger, "s").record(Met())

    for decide, reason in (
        (wrongly_typed, "test-opened.*Expected `str`"),
        (unregistered, "test-met"),
    ):
        with pytest.raises(CodecError, match=reason):
            await repository.transact(STREAM, decide)
    assert store.calls["append"] == 0
    assert await repository.transact(STREAM, deposit(1)) == 1


async def test_an_undeclared_attribute_is_refused(store: FaultyStore) -> None:
    repository = repository_on(store)

    def decide(unit: UnitOfWork) -> None:
        account: Any = unit.get(Account, "a")
        account.surprise = 5
        account.deposit(1)

    with pytest.raises(DomainError, match="no field surprise"):
        await repository.transact(STREAM, decide)


async def test_a_unit_is_of_no_use_after_its_decision(store: FaultyStore) -> None:
    kept: list[Any] = []

    def decide(unit: UnitOfWork) -> None:
        kept.extend((unit, unit.get(Account, "a")))

    await repository_on(store).transact(STREAM, decide)
    unit, account = kept
    with pytest.raises(DomainError, match="not part of an open unit"):
        account.deposit(1)
    with pytest.raises(DomainError, match="closed"):
        unit.get(Account, "b")


async def test_an_asynchronous_decision_is_refused(store: FaultyStore) -> None:
    async def decide(unit: UnitOfWork) -> None:
        unit.get(Account, "a").deposit(1)

    wrong: Any = decide
    with pytest.raises(DomainError, match="plain function"):
        await repository_on(store).transact(STREAM, wrong)
    assert store.calls["append"] == 0
