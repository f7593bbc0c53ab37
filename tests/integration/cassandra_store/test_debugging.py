"""Questions about customers, on Cassandra: the same answers as from memory."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import msgspec
import pytest

from download_licensing.catalogue import Catalogue
from download_licensing.debugging.debugger import Debugger
from download_licensing.debugging.noting import RefusalNotes
from download_licensing.debugging.replaying import open_case
from download_licensing.debugging.states import Moment
from download_licensing.debugging.versions import shipped
from download_licensing.debugging.why import Question
from download_licensing.domain.refusals import DownloadRefused
from download_licensing.service.licensing import AGGREGATES, LicensingService
from download_licensing.service.noted_refusals import Refusals
from helenus import AggregateRepository
from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.stores.memory import MemoryStore
from helenus.transfer import SourceStore
from tests.integration.download_licensing.debugging.case import lived
from tests.integration.download_licensing.member import DAY, START, Member

CATALOGUE = Catalogue.shipped()
VARYING = {"recorded_at", "commit_id", "cursor"}
"""What no two stores have in common."""


async def answers(store: SourceStore, bundle: Path) -> list[Any]:
    """One answer to each kind of question, about the same lives."""
    async with (
        AggregateRepository(store, AGGREGATES) as customers,
        AggregateRepository(store, [Refusals]) as refusals,
    ):
        notes = RefusalNotes(refusals)
        service = LicensingService(customers, CATALOGUE, policies=shipped(), hooks=[notes.hook])
        for customer in ("ada", "bob"):
            member = Member(service, customer)
            await lived(member, plan="standard", windowed="glass-harbour", other="nine-winters")
            await member.request("phone", "the-salt-road", START + 60 * DAY)
            with pytest.raises(DownloadRefused):
                await member.request("laptop", "the-salt-road", START + 61 * DAY)
        await notes.write()
        debugger = Debugger(
            store=store,
            customers=customers,
            refusals=refusals,
            policies=shipped(),
            catalogue=CATALOGUE,
        )
        lines = b"".join([line async for line in debugger.bundle("ada")])
        await asyncio.to_thread(bundle.write_bytes, lines)
        return [
            await debugger.timeline("ada", after=2, limit=5),
            await debugger.state("ada", Moment(position=6), limit=100),
            await debugger.changes("ada", Moment(position=2), limit=100),
            await debugger.refusals("bob", limit=10),
            await debugger.why("bob", Question(device_id="phone", title_id="glass-harbour")),
            await debugger.what_if().population(store),
        ]


async def test_every_question_has_the_answer_that_memory_gives(
    empty_installation: CassandraSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = "tests.integration.download_licensing.member._keys"  # they make the licences' ids
    monkeypatch.setattr(keys, itertools.count())
    async with MemoryStore() as memory:
        expected = await answers(memory, tmp_path / "memory.jsonl")
    monkeypatch.setattr(keys, itertools.count())
    async with CassandraStore(empty_installation) as cassandra:
        found = await answers(cassandra, tmp_path / "cassandra.jsonl")
    assert [plain(one) for one in found] == [plain(one) for one in expected]
    async with open_case(tmp_path / "cassandra.jsonl") as case:
        replayed = case.replay()
        assert replayed.decisions == replayed.as_before > 3


def plain(answer: Any) -> Any:
    """An answer without what no two stores have in common."""
    return without(msgspec.to_builtins(answer))


def without(value: Any) -> Any:
    match value:
        case dict():
            return {name: without(one) for name, one in value.items() if name not in VARYING}
        case list() | tuple():
            return [without(one) for one in value]
        case _:
            return value
