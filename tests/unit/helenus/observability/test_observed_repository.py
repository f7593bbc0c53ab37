"""Commands and loads are spans, and those of the store are within them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from opentelemetry import trace

from helenus import CommandRefused, UnitOfWork
from helenus.observability import ObservedRepository, ObservedStore
from helenus.stores.memory import MemoryStore
from tests.unit.helenus.bank import AGGREGATES, STREAM, deposit
from tests.unit.helenus.observability.paper_tracer import PaperTracer


@pytest.fixture
def tracer() -> PaperTracer:
    return PaperTracer()


@pytest.fixture
async def repository(tracer: PaperTracer) -> AsyncIterator[ObservedRepository]:
    async with (
        ObservedStore(MemoryStore(), tracer=tracer) as store,
        ObservedRepository(store, AGGREGATES, tracer=tracer) as repository,
    ):
        yield repository


async def test_an_append_is_within_the_command_that_led_to_it(
    repository: ObservedRepository, tracer: PaperTracer
) -> None:
    await repository.transact(STREAM, deposit(5))
    (command,) = tracer.named("helenus.transact")
    (append,) = tracer.named("helenus.append")
    assert (command.parent, command.ended, command.failed) == (None, 1, False)
    assert append.parent == "helenus.transact"
    assert trace.get_current_span() is trace.INVALID_SPAN


async def test_a_load_is_a_span(repository: ObservedRepository, tracer: PaperTracer) -> None:
    await repository.load(STREAM)
    (load,) = tracer.named("helenus.load")
    assert (load.ended, load.failed) == (1, False)


async def test_a_refusal_is_an_answer_and_a_fault_is_an_error(
    repository: ObservedRepository, tracer: PaperTracer
) -> None:
    def refuse(unit: UnitOfWork) -> None:
        raise CommandRefused("no")

    def fail(unit: UnitOfWork) -> None:
        raise KeyError("secret")

    for decide, error in ((refuse, CommandRefused), (fail, KeyError)):
        with pytest.raises(error):
            await repository.transact(STREAM, decide)
    refused, failed = tracer.named("helenus.transact")
    assert (refused.told["error.type"], refused.failed) == ("CommandRefused", False)
    assert (failed.told["error.type"], failed.failed) == ("KeyError", True)
    assert "secret" not in str(failed.told)
