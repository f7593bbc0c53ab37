import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from download_licensing.domain.policy import NoPolicyInForce
from download_licensing.policies.document import PolicyError
from download_licensing.policies.events import POLICY_STREAM, PolicyBook, PolicyPublished
from download_licensing.policies.following import PoliciesUnread, PublishedPolicies
from download_licensing.policies.keeping import PolicyKeeper
from download_licensing.policies.publishing import PolicyService, PublishPolicy, WithdrawPolicy
from download_licensing.policies.shipped import shipped_policy
from helenus import AggregateRepository, CommandContext
from helenus.errors import OutcomeUnknown, StoreUnavailable
from helenus.stores.memory import MemoryStore
from helenus.testing.clock import MockClock
from helenus.testing.faults import FailAfter, FailBefore, FaultyStore
from tests.unit.download_licensing.policies.documents import CATALOGUE

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Process:
    """One process of the service on a store, whose turns the test takes."""

    def __init__(self, store: MemoryStore | FaultyStore, file: Path | None = None) -> None:
        self.clock = MockClock(NOW)
        self.repository = AggregateRepository(store, [PolicyBook], clock=self.clock)
        self.service = PolicyService(self.repository, lead_s=10)
        self.policies = PublishedPolicies(self.repository)
        self.keeper = PolicyKeeper(
            self.policies, self.service, CATALOGUE, file=file, clock=self.clock
        )

    def version(self, at: datetime = NOW) -> str:
        return self.policies.in_force(at).version

    async def publish(self, version: str, start: datetime | None = None) -> None:
        command = PublishPolicy(
            version=version, effective_from=start, document=f"version: {version}\n", source="p"
        )
        await self.service.execute(command, CommandContext(at=self.clock.now))


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    async with MemoryStore() as opened:
        yield opened


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    write(path, "version: one\n")
    return path


def write(file: Path, text: str) -> None:
    """Write a file so that it is seen to have changed, however coarse its times are."""
    before = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(text)
    os.utime(file, ns=(before + 10**9, before + 10**9))


def remove(file: Path) -> None:
    file.unlink()


async def test_the_first_process_publishes_the_policy_shipped(store: MemoryStore) -> None:
    process = Process(store)

    await process.keeper.start()

    assert process.version() == process.version(NOW.replace(year=1950)) == shipped_policy().version
    (published,) = [recorded async for recorded in process.repository.history(POLICY_STREAM)]
    assert isinstance(published.event, PolicyPublished)
    assert published.event.document == shipped_policy().text
    assert published.actor == "policy-file"


async def test_the_first_process_publishes_the_file_that_is_configured(
    store: MemoryStore, file: Path
) -> None:
    process = Process(store, file)

    await process.keeper.start()

    assert process.version() == "one"


async def test_a_first_policy_that_is_unsound_ends_the_start(
    store: MemoryStore, file: Path
) -> None:
    write(file, "version: one\nplans: {nobody: {}}\n")

    with pytest.raises(PolicyError, match="the catalogue has no such plan"):
        await Process(store, file).keeper.start()


async def test_of_processes_that_start_at_once_one_publishes(
    store: MemoryStore, file: Path
) -> None:
    other = file.with_name("other.yaml")
    write(other, "version: two\n")
    processes = [Process(store, file), Process(store, other)]

    await asyncio.gather(*[process.keeper.start() for process in processes])

    assert len({process.version() for process in processes}) == 1
    assert len(await processes[0].service.versions()) == 1


async def test_what_is_published_wins_over_the_file_of_an_older_version(
    store: MemoryStore, file: Path
) -> None:
    old = Process(store, file)
    await old.keeper.start()
    await old.publish("two")

    new = Process(store, file)
    new.clock.advance(60)
    await new.keeper.start()

    assert new.version(NOW + 60 * SECOND) == "two"
    assert [known.version for known in await new.service.versions()] == ["one", "two"]


async def test_a_process_follows_what_another_published_and_each_at_the_same_time(
    store: MemoryStore,
) -> None:
    one, other = Process(store), Process(store)
    await one.keeper.start()
    await other.keeper.start()
    await one.publish("next")

    assert await other.keeper.turn()
    assert not await other.keeper.turn()
    await one.keeper.turn()

    for process in (one, other):
        assert process.version(NOW + 10 * SECOND - timedelta(microseconds=1)) != "next"
        assert process.version(NOW + 10 * SECOND) == "next"


async def test_a_withdrawn_version_never_holds(store: MemoryStore) -> None:
    process = Process(store)
    await process.keeper.start()
    await process.publish("next", NOW + 60 * SECOND)
    await process.keeper.turn()
    assert process.version(NOW + 60 * SECOND) == "next"

    await process.service.execute(WithdrawPolicy(version="next"), CommandContext(at=NOW))
    await process.keeper.turn()

    assert process.version(NOW + 60 * SECOND) == shipped_policy().version


async def test_a_new_version_in_the_file_is_published_once_it_is_complete(
    store: MemoryStore, file: Path
) -> None:
    process = Process(store, file)
    await process.keeper.start()

    write(file, "version: two\n")
    await process.keeper.turn()
    write(file, "version: two\ndefault: {device-limit: {devices_max: 1}}\n")
    await process.keeper.turn()
    assert [known.version for known in await process.service.versions()] == ["one"]
    await process.keeper.turn()

    policy = process.policies.in_force(NOW + 10 * SECOND)
    assert policy.version == "two"
    assert "device-limit" in policy.default.clauses


async def test_a_reload_takes_the_file_as_it_is(store: MemoryStore, file: Path) -> None:
    process = Process(store, file)
    await process.keeper.start()
    write(file, "version: two\n")

    reload = await process.keeper.reload()

    assert (reload.version, reload.changed, reload.problem) == ("one", True, "")
    assert process.version(NOW + 10 * SECOND) == "two"
    process.clock.advance(10)
    assert (await process.keeper.reload()).version == "two"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version: two\ndefault: {device-limit: {devices_max: -1}}\n", "policy.yaml:2:39"),
        ("version: one # changed\n", "Version one was published at"),
        ("version: two\neffective_from: 2026-12-01T12:00:09Z\n", "decisions may have been made"),
        ("version: &x two\n", "anchors and aliases"),
    ],
)
async def test_an_unsound_file_is_told_and_the_old_policy_stays(
    store: MemoryStore, file: Path, text: str, problem: str
) -> None:
    process = Process(store, file)
    await process.keeper.start()
    write(file, text)

    reload = await process.keeper.reload()
    await process.keeper.turn()

    assert problem in reload.problem
    assert (reload.version, reload.changed) == ("one", False)
    assert process.version(NOW + timedelta(days=1)) == "one"
    write(file, "version: two\n")
    assert (await process.keeper.reload()).problem == ""
    assert process.version(NOW + timedelta(days=1)) == "two"


async def test_a_file_that_goes_away_is_told_and_the_old_policy_stays(
    store: MemoryStore, file: Path
) -> None:
    process = Process(store, file)
    await process.keeper.start()
    remove(file)

    assert "cannot be read" in (await process.keeper.reload()).problem
    assert process.version() == "one"


async def test_a_service_with_a_policy_starts_without_its_file_and_tells(
    store: MemoryStore, file: Path
) -> None:
    await Process(store, file).keeper.start()
    remove(file)
    process = Process(store, file)

    with capture_logs() as logs:
        await process.keeper.start()

    assert process.version() == "one"
    (line,) = [line for line in logs if line["event"] == "policy file not published"]
    assert "cannot be read" in line["cause"]


async def test_a_service_with_a_policy_starts_with_an_unsound_file(
    store: MemoryStore, file: Path
) -> None:
    await Process(store, file).keeper.start()
    write(file, "version: {\n")
    process = Process(store, file)

    await process.keeper.start()

    assert process.version() == "one"


async def test_a_service_starts_without_its_store_and_decides_nothing_until_it_is_there(
    store: MemoryStore, file: Path
) -> None:
    await Process(store, file).keeper.start()
    faulty = FaultyStore(store)
    faulty.inject("read", FailBefore())
    process = Process(faulty)

    await process.keeper.start()

    with pytest.raises(PoliciesUnread, match="not read from the store yet"):
        process.version()
    await process.keeper.turn()
    assert process.version() == "one"


async def test_a_store_that_fails_leaves_the_policy_in_force(store: MemoryStore) -> None:
    faulty = FaultyStore(store)
    process = Process(faulty)
    await process.keeper.start()
    await Process(store).publish("next")

    faulty.inject("head", FailBefore())
    with pytest.raises(StoreUnavailable):
        await process.keeper.turn()
    assert process.version(NOW + timedelta(days=1)) == shipped_policy().version

    await process.keeper.turn()
    assert process.version(NOW + timedelta(days=1)) == "next"


async def test_it_tells_which_policy_is_in_force_and_whether_it_is_up_to_date(
    store: MemoryStore, file: Path
) -> None:
    faulty = FaultyStore(store)
    process = Process(faulty, file)
    unread = process.keeper.statistics()
    assert (unread.version, unread.effective_from_seconds, unread.published) == ("", 0.0, 0)
    assert (unread.reloads, unread.reloads_failed, unread.reloaded_at_seconds) == (0, 0, 0.0)

    await process.keeper.start()
    start = NOW + 60 * SECOND
    await process.publish("next", start)
    await process.keeper.turn()
    first = process.keeper.statistics()
    assert (first.version, first.published) == ("one", 2)
    assert first.effective_from_seconds < 0  # the first has held ever since
    assert (first.reloads, first.reloads_failed, first.files_refused) == (2, 0, 0)

    faulty.inject("head", FailBefore())
    process.clock.advance(60.0)
    with pytest.raises(StoreUnavailable):
        await process.keeper.turn()
    failed = process.keeper.statistics()
    assert (failed.version, failed.effective_from_seconds) == ("next", start.timestamp())
    assert (failed.reloads, failed.reloads_failed) == (2, 1)
    assert failed.reloaded_at_seconds == NOW.timestamp()

    write(file, "version: 7\n")
    for _ in range(3):
        await process.keeper.turn()
    refused = process.keeper.statistics()
    assert (refused.reloads, refused.reloads_failed, refused.files_refused) == (5, 1, 1)
    assert refused.reloaded_at_seconds == start.timestamp()


async def test_a_publication_that_may_have_happened_is_tried_again_and_happens_once(
    store: MemoryStore, file: Path
) -> None:
    faulty = FaultyStore(store)
    process = Process(faulty, file)
    await process.keeper.start()
    write(file, "version: two\n")

    faulty.inject("append", FailAfter())
    with pytest.raises(OutcomeUnknown):
        await process.keeper.turn(now=True)
    await process.keeper.turn(now=True)

    assert process.version(NOW + timedelta(days=1)) == "two"
    assert len(await process.service.versions()) == 2


async def test_a_version_that_this_program_cannot_read_leaves_the_one_before_in_force(
    store: MemoryStore,
) -> None:
    process = Process(store)
    await process.keeper.start()
    command = PublishPolicy(
        version="of-tomorrow",
        effective_from=None,
        document="version: of-tomorrow\ndefault: {rule-of-tomorrow: {x: 1}}\n",
        source="p",
    )
    await process.service.execute(command, CommandContext(at=NOW))

    await process.keeper.turn()

    assert process.version(NOW + timedelta(days=1)) == shipped_policy().version


async def test_before_the_first_date_nothing_holds(store: MemoryStore) -> None:
    process = Process(store)
    await process.keeper.start()

    with pytest.raises(NoPolicyInForce):
        process.version(datetime(1899, 12, 31, tzinfo=UTC))


async def test_a_running_keeper_looks_again_after_each_pause_and_when_it_is_woken(
    store: MemoryStore, file: Path
) -> None:
    class Paused(MockClock):
        def __init__(self) -> None:
            super().__init__(NOW)
            self.pauses: asyncio.Queue[float] = asyncio.Queue()
            self.over = asyncio.Event()

        async def sleep(self, seconds: float) -> None:
            self.pauses.put_nowait(seconds)
            await self.over.wait()
            self.over.clear()

    process = Process(store, file)
    clock = Paused()
    keeper = PolicyKeeper(
        process.policies, process.service, CATALOGUE, file=file, poll_s=7, clock=clock
    )
    await keeper.start()

    async with keeper.running():
        assert await clock.pauses.get() == 7
        await Process(store).publish("by-store", NOW + 20 * SECOND)
        clock.over.set()
        await clock.pauses.get()
        assert process.policies.named("by-store") is not None

        write(file, "version: by-file\neffective_from: 2026-12-02T00:00:00Z\n")
        keeper.wake()
        await clock.pauses.get()
        assert process.policies.named("by-file") is not None
