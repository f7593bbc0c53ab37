"""Cases on concurrency: one winner at each position, and views that are prefixes."""

from __future__ import annotations

import asyncio
import random

from helenus.errors import Conflict
from helenus.store import Commit, EventStore, Head
from helenus.testing.conformance.fixtures import (
    OTHER,
    STREAM,
    MakeStore,
    append,
    commits,
    five_events,
    pages,
    stored,
)
from helenus.testing.histories import History, RecordingStore, violations

_ROUNDS = 40
_WRITERS = 8


class ConcurrencyCases:
    """Appends to one stream are linearizable; appends to different ones do not meet."""

    async def test_exactly_one_of_many_writers_wins_each_position(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            assert_each_won(await race([store] * _WRITERS), await stored(store))

    async def test_disjoint_streams_do_not_conflict(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = {f"customer/{number}": five_events() for number in range(50)}
            await asyncio.gather(*(store.append(s, m, Head(0)) for s, m in made.items()))
            for stream, expected in made.items():
                assert await stored(store, stream) == expected

    async def test_a_conflict_does_not_take_its_neighbours_with_it(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            made = five_events()
            await append(store, STREAM, made)
            others = {f"customer/{number}": commits(1, 1) for number in range(10, 20)}
            late, *answers = await asyncio.gather(
                store.append(STREAM, commits(1), Head(0)),
                *(store.append(stream, some, Head(0)) for stream, some in others.items()),
                return_exceptions=True,
            )
            assert isinstance(late, Conflict)
            assert [a.position for a in answers if isinstance(a, Head)] == [2] * 10
            assert await stored(store) == made
            for stream, some in others.items():
                assert await stored(store, stream) == some

    async def test_a_chain_of_appends_sent_at_once_follows_its_order(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            made = commits(1, 1, 1)
            answers = await asyncio.gather(
                *(store.append(STREAM, [c], Head(c.first - 1)) for c in made),
                return_exceptions=True,
            )
            won = [c for c, a in zip(made, answers, strict=True) if isinstance(a, Head)]
            assert won, "Not even the first append was accepted."
            assert won == made[: len(won)]
            assert await stored(store) == won

    async def test_reads_during_appends_are_prefixes(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            assert_prefixes(await read_while_appending(store, store), await stored(store))

    async def test_the_head_includes_every_append_acknowledged_before(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            head = Head(0)
            for count in range(1, 60):
                head = await store.append(STREAM, commits(count % 3 + 1, after=head.position), head)
                seen = await asyncio.gather(*(store.head(STREAM) for _ in range(3)))
                assert seen == [head] * 3

    async def test_a_cancelled_append_is_there_whole_or_not_at_all(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            made = commits(2, 1, 2)
            await append(store, OTHER, five_events())
            waiting = asyncio.ensure_future(store.append(STREAM, made, Head(0)))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            # The store settles what it has begun before it answers a later append.
            await append(store, OTHER, commits(1, after=5))
            assert await stored(store) in ([], made)
            assert len(await stored(store, OTHER)) == 5

    async def test_a_random_concurrent_history_is_linearizable(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await check_random_history([store], seed=1)


async def race(stores: list[EventStore]) -> list[list[tuple[Commit, Head | BaseException]]]:
    """Let writers append at the same head, round after round, and report each answer."""
    rounds = []
    head = Head(0)
    for number in range(_ROUNDS):
        made = [commits(1 + number % 3, after=head.position)[0] for _ in stores]
        tries = [s.append(STREAM, [c], head) for s, c in zip(stores, made, strict=True)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        rounds.append(list(zip(made, answers, strict=True)))
        head = await stores[0].head(STREAM)
    return rounds


def assert_each_won(
    rounds: list[list[tuple[Commit, Head | BaseException]]], found: list[Commit]
) -> None:
    """Check that each round had one winner, that it is stored, and that all others conflicted."""
    winners = []
    for answers in rounds:
        won = [made for made, answer in answers if isinstance(answer, Head)]
        lost = [answer for _, answer in answers if not isinstance(answer, Head)]
        assert len(won) == 1, f"{len(won)} writers won one position."
        others = [e for e in lost if not (isinstance(e, Conflict) and e.actual == won[0].last)]
        assert not others, f"Not a conflict with position {won[0].last}: {others}"
        winners += won
    assert found == winners


async def read_while_appending(reader: EventStore, writer: EventStore) -> list[list[Commit]]:
    """Read a stream again and again while it grows by appends of several commits."""
    reads: list[list[Commit]] = []

    async def write() -> None:
        head = Head(0)
        for _ in range(_ROUNDS):
            head = await writer.append(STREAM, commits(1, 2, after=head.position), head)
            await asyncio.sleep(0)

    writing = asyncio.ensure_future(write())
    while True:
        finished = writing.done()
        read = await pages(reader, page_bytes=40)
        assert read[-1].head.position % 3 == 0, "A part of an append was visible."
        reads.append([c for page in read for c in page.commits])
        if finished:
            break
        await asyncio.sleep(0)
    await writing
    return reads


def assert_prefixes(reads: list[list[Commit]], found: list[Commit]) -> None:
    """Check that each read is a prefix of whole appends, and none is shorter than one before."""
    assert len(found) == 2 * _ROUNDS
    lengths = [len(read) for read in reads]
    assert lengths == sorted(lengths)
    assert lengths[-1] == len(found)
    for read in reads:
        assert read == found[: len(read)]
        assert len(read) % 2 == 0, "A part of an append was visible."


async def check_random_history(stores: list[EventStore], *, seed: int) -> None:
    """Append and read at random through recording stores, then judge the history."""
    history = History()
    clients = [RecordingStore(store, history) for store in stores]
    streams = [f"random/{seed}/{number}" for number in range(3)]
    acknowledged = 0

    async def work(client: EventStore, chance: random.Random) -> None:
        nonlocal acknowledged
        heads = dict.fromkeys(streams, Head(0))
        for _ in range(30):
            stream = chance.choice(streams)
            if chance.random() < 0.3:
                heads[stream] = (await pages(client, stream, page_bytes=100))[-1].head
                continue
            made = commits(*chance.choices((1, 2), k=2), after=heads[stream].position)
            try:
                heads[stream] = await client.append(stream, made, heads[stream])
                acknowledged += 1
            except Conflict:
                heads[stream] = await client.head(stream)
            await asyncio.sleep(0)

    chances = [random.Random(f"{seed}/{number}") for number in range(6)]
    tasks = [work(clients[number % len(clients)], c) for number, c in enumerate(chances)]
    await asyncio.gather(*tasks)
    final = {stream: await stored(stores[0], stream) for stream in streams}
    assert violations(history, final) == [], f"seed {seed}"
    assert acknowledged == sum(len(made) for made in final.values()) // 2
