"""An append whose answer is lost: its fate is found out, and what did not happen never will."""

import random
import uuid
from collections.abc import AsyncIterator

import msgspec
import pytest

from helenus import AggregateRepository, OutcomeUnknown, StoreUnavailable
from helenus.errors import Conflict, HelenusError
from helenus.store import Commit, Head
from helenus.stores.cassandra import CassandraSettings, CassandraStore, cql
from helenus.testing.conformance.fixtures import commit, commits, five_events, pages, stored
from helenus.testing.histories import History, RecordingStore, violations
from tests.faults.cassandra_store.faulty_session import Fault, Faults
from tests.unit.helenus.bank import Account, deposit

STREAM = "customer/1"


@pytest.fixture
def faults() -> Faults:
    return Faults()


@pytest.fixture
async def store(small_buckets: CassandraSettings, faults: Faults) -> AsyncIterator[CassandraStore]:
    async with CassandraStore(small_buckets, connect=faults.connect) as opened:
        yield opened


async def stream_of(store: CassandraStore) -> list[Commit]:
    return await stored(store, STREAM)


async def test_an_append_whose_answer_is_lost_is_found_to_have_happened(
    store: CassandraStore, faults: Faults
) -> None:
    made = five_events()
    faults.once(cql.APPEND, Fault.AFTER)
    head = await store.append(STREAM, made, Head(0))
    assert head.position == 5
    assert await stream_of(store) == made
    assert await store.append(STREAM, [commit(6)], head) == await store.head(STREAM)


async def test_an_append_said_to_lack_replicas_after_it_was_applied_is_found_to_have_happened(
    store: CassandraStore, faults: Faults
) -> None:
    """With paxos v1, the commit of an accepted proposal may still find too few of them."""
    made = five_events()
    faults.once(cql.APPEND, Fault.UNAVAILABLE)
    head = await store.append(STREAM, made, Head(0))
    assert head.position == 5
    assert await stream_of(store) == made


async def test_an_append_said_to_lack_replicas_that_cannot_be_looked_for_may_have_happened(
    store: CassandraStore, faults: Faults
) -> None:
    made = five_events()
    faults.always(dict.fromkeys((cql.APPEND, cql.FENCE, cql.READ_BUCKET), Fault.UNAVAILABLE))
    with pytest.raises(OutcomeUnknown) as unknown:
        await store.append(STREAM, made, Head(0))
    assert unknown.value.commit_ids == tuple(commit.id for commit in made)
    faults.none()
    assert await stream_of(store) == made


async def test_an_append_that_was_lost_did_not_happen_and_its_place_is_free(
    store: CassandraStore, faults: Faults
) -> None:
    faults.always({cql.APPEND: Fault.BEFORE})
    with pytest.raises(StoreUnavailable):
        await store.append(STREAM, [commit(1)], Head(0))
    faults.none()
    assert await stream_of(store) == []
    again = [commit(1)]
    await store.append(STREAM, again, await store.head(STREAM))
    assert await stream_of(store) == again


async def test_without_a_fence_an_absent_append_may_still_be_applied(
    store: CassandraStore, faults: Faults
) -> None:
    """The ghost write: why a serial read that finds nothing decides nothing."""
    ghost = commit(1)
    faults.always({cql.APPEND: Fault.LATE, cql.FENCE: Fault.BEFORE})
    with pytest.raises(OutcomeUnknown):
        await store.append(STREAM, [ghost], Head(0))
    assert await stream_of(store) == []
    await faults.release()
    assert await stream_of(store) == [ghost]


async def test_a_fate_that_is_not_found_in_time_is_reported_as_unknown(
    small_buckets: CassandraSettings, faults: Faults
) -> None:
    impatient = msgspec.structs.replace(small_buckets, settle_timeout_s=1e-9)
    lost = commit(1)
    async with CassandraStore(impatient, connect=faults.connect) as store:
        faults.once(cql.APPEND, Fault.LATE)
        with pytest.raises(OutcomeUnknown) as raised:
            await store.append(STREAM, [lost], Head(0))
        assert raised.value.commit_ids == (lost.id,)


@pytest.mark.parametrize("already", [0, 5])
async def test_behind_a_fence_it_never_is(
    store: CassandraStore, faults: Faults, already: int
) -> None:
    there = five_events() if already else []
    head = await store.append(STREAM, there, Head(0)) if there else Head(0)
    faults.always({cql.APPEND: Fault.LATE})
    with pytest.raises(StoreUnavailable):
        await store.append(STREAM, [commit(already + 1)], head)
    faults.none()
    await faults.release()
    assert await stream_of(store) == there


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.LATE])
async def test_an_append_that_did_not_happen_is_made_again_and_is_there_once(
    store: CassandraStore, faults: Faults, fault: Fault
) -> None:
    made = five_events()
    faults.once(cql.APPEND, fault)
    await store.append(STREAM, made, Head(0))
    await faults.release()
    assert await stream_of(store) == made


async def test_a_fence_that_another_writer_moved_is_no_conflict(
    small_buckets: CassandraSettings, store: CassandraStore, faults: Faults
) -> None:
    first = [commit(1)]
    head = await store.append(STREAM, first, Head(0))
    async with CassandraStore(small_buckets, connect=faults.connect) as other:
        faults.always({cql.APPEND: Fault.BEFORE})
        with pytest.raises(StoreUnavailable):
            await other.append(STREAM, [commit(2)], head)
    faults.none()
    second = [commit(2)]
    await store.append(STREAM, second, head)
    assert await stream_of(store) == first + second


@pytest.mark.parametrize("append", [Fault.BEFORE, Fault.AFTER, Fault.LATE])
@pytest.mark.parametrize("fence", [Fault.BEFORE, Fault.AFTER, Fault.LATE, Fault.REFUSED])
async def test_a_fence_whose_own_answer_is_lost_settles_all_the_same(
    store: CassandraStore, faults: Faults, append: Fault, fence: Fault
) -> None:
    pending = {cql.APPEND: append, cql.FENCE: fence}
    faults.plan = lambda statement: pending.pop(statement, None)
    made = [commit(1)]
    await store.append(STREAM, made, Head(0))
    faults.none()
    await faults.release()
    assert await stream_of(store) == made


async def test_a_lost_append_whose_place_was_taken_is_a_conflict(
    small_buckets: CassandraSettings, store: CassandraStore, faults: Faults
) -> None:
    other = [commit(1)]
    async with CassandraStore(small_buckets) as winner:
        await winner.append(STREAM, other, Head(0))
    faults.once(cql.APPEND, Fault.LATE)
    with pytest.raises(Conflict):
        await store.append(STREAM, [commit(1)], Head(0))
    await faults.release()
    assert await stream_of(store) == other


async def test_a_refused_append_is_a_conflict_without_a_look_at_its_row(
    store: CassandraStore, faults: Faults
) -> None:
    await store.append(STREAM, [commit(1)], Head(0))
    faults.always({cql.READ_OWN: Fault.BEFORE})
    with pytest.raises(Conflict):
        await store.append(STREAM, [commit(1)], Head(0))


async def test_an_outcome_that_cannot_be_found_out_is_told_with_its_commits(
    store: CassandraStore, faults: Faults
) -> None:
    made = five_events()
    faults.always({cql.APPEND: Fault.AFTER, cql.FENCE: Fault.BEFORE, cql.READ_BUCKET: Fault.BEFORE})
    with pytest.raises(OutcomeUnknown) as unknown:
        await store.append(STREAM, made, Head(0))
    assert unknown.value.commit_ids == tuple(commit.id for commit in made)
    faults.none()
    assert await stream_of(store) == made


@pytest.mark.parametrize("fault", [Fault.BEFORE, Fault.AFTER])
async def test_a_payload_that_may_be_lost_leaves_no_commit(
    store: CassandraStore, faults: Faults, fault: Fault
) -> None:
    large = [commit(1, body=random.randbytes(100_000))]
    faults.once(cql.WRITE_PAYLOAD, fault)
    with pytest.raises(StoreUnavailable):
        await store.append(STREAM, large, Head(0))
    assert await stream_of(store) == []
    await store.append(STREAM, large, Head(0))
    assert await stream_of(store) == large


async def test_a_command_of_unknown_outcome_takes_effect_once_when_it_is_repeated(
    store: CassandraStore, faults: Faults
) -> None:
    async with AggregateRepository(store, [Account]) as repository:
        await repository.transact(STREAM, deposit(5))
        faults.always(
            {cql.APPEND: Fault.AFTER, cql.FENCE: Fault.BEFORE, cql.READ_BUCKET: Fault.BEFORE}
        )
        with pytest.raises(OutcomeUnknown):
            await repository.transact(STREAM, deposit(10), command_id="one")
        faults.none()
        await repository.transact(STREAM, deposit(10), command_id="one")
        view = await repository.load(STREAM)
        assert view.position == 2


@pytest.mark.parametrize("seed", range(4))
async def test_histories_with_faults_at_every_statement_are_linearizable(
    small_buckets: CassandraSettings, seed: int
) -> None:
    """Two stores, three streams, small buckets; one statement in six is lost, before or after."""
    chance = random.Random(seed)
    faults, history = Faults(), History()
    streams = [f"random/{uuid.uuid4().hex}/{number}" for number in range(3)]

    def plan(_: object) -> Fault | None:
        return chance.choice(list(Fault)) if chance.random() < 1 / 6 else None

    async with (
        CassandraStore(small_buckets, connect=faults.connect) as one,
        CassandraStore(small_buckets, connect=faults.connect) as two,
    ):
        clients = [RecordingStore(one, history), RecordingStore(two, history)]
        heads = [dict.fromkeys(streams, Head(0)) for _ in clients]
        faults.plan = plan
        for _ in range(200):
            number, stream = chance.randrange(2), chance.choice(streams)
            client, known = clients[number], heads[number]
            try:
                if chance.random() < 0.2:
                    known[stream] = (await pages(client, stream))[-1].head
                else:
                    sizes = chance.choices((1, 2), k=2)
                    made = commits(*sizes, after=known[stream].position)
                    known[stream] = await client.append(stream, made, known[stream])
            except HelenusError:
                known[stream] = await _head(client, stream, known[stream])
            if chance.random() < 0.1:
                await faults.release()
        faults.none()
        await faults.release()
        final = {stream: await stored(one, stream) for stream in streams}
    assert violations(history, final) == [], f"seed {seed}"
    assert sum(map(len, final.values())) > 20


async def _head(client: RecordingStore, stream: str, known: Head) -> Head:
    try:
        return await client.head(stream)
    except HelenusError:
        return known
