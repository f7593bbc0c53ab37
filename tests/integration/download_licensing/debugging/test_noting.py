"""Refusals are noted in the background: coalesced, bounded, and never in anyone's way."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from download_licensing.debugging.errors import NothingRefused
from download_licensing.debugging.judging import Always, Judging
from download_licensing.debugging.noted import refusals_of
from download_licensing.debugging.noting import NoteSettings, RefusalNotes
from download_licensing.debugging.whatif import WhatIf
from download_licensing.debugging.why import explain, question_of_refusal
from download_licensing.domain.license import License
from download_licensing.domain.policy import Layer
from download_licensing.domain.refusals import DownloadRefused, TitleWithdrawn
from download_licensing.domain.rules.device_limit import DeviceLimit
from download_licensing.domain.unmet import Unmet
from download_licensing.service.answers import Renewed
from download_licensing.service.base import WITHDRAWALS_STREAM
from download_licensing.service.commands import (
    ChangePlan,
    ReinstateTitle,
    RenewLicenses,
    RequestDownload,
    SyncedRenewal,
    WithdrawTitle,
)
from download_licensing.service.licensing import AGGREGATES, LicensingService, stream_of
from download_licensing.service.noted_refusals import RECENT_MAX, RefusalNoted, Refusals
from helenus import AggregateRepository
from helenus.clock import SystemClock
from helenus.codec import Entry
from helenus.errors import InvalidArgument, StoreUnavailable
from helenus.service import CommandCall, CommandContext
from helenus.store import Commit, EventStore, Head
from helenus.stores.memory import MemoryStore
from helenus.testing.counting import CountingStore
from helenus.testing.faults import FaultyStore, Hold
from tests.integration.download_licensing.debugging.held_policies import Held
from tests.integration.download_licensing.member import (
    CATALOGUE,
    DAY,
    HOUR,
    POLICIES,
    START,
    Member,
)


class Noted:
    """A service whose refusals are noted, with one customer."""

    def __init__(
        self,
        member: Member,
        notes: RefusalNotes,
        repository: AggregateRepository,
        store: EventStore,
    ) -> None:
        self.member = member
        self.notes = notes
        self.repository = repository
        self.store = store

    async def refused(self, device: str = "phone", title: str = "free", days: float = 1) -> None:
        with pytest.raises(DownloadRefused):
            await self.member.request(device, title, START + days * DAY)

    async def written(self) -> list[RefusalNoted]:
        await self.notes.write()
        return await refusals_of(self.repository, "ada")


@asynccontextmanager
async def noting(
    settings: NoteSettings | None = None,
    *,
    clock: SystemClock | None = None,
    notes_in: EventStore | None = None,
) -> AsyncIterator[Noted]:
    async with (
        MemoryStore() as store,
        AggregateRepository(store, AGGREGATES) as repository,
        AggregateRepository(notes_in or store, [Refusals]) as noted,
    ):
        notes = RefusalNotes(noted, settings, clock)
        service = LicensingService(
            repository,
            CATALOGUE,
            policies=POLICIES,
            hooks=[notes.hook],
            observers=[notes.observe],
        )
        member = Member(service)
        await member.open("solo")
        await member.request("tv", "short", START)
        yield Noted(member, notes, noted, store)


async def test_a_refused_download_is_noted_with_all_that_explains_it() -> None:
    async with noting() as case:
        head = len(await case.member.recorded())
        await case.refused()
        (one,) = await case.written()
        assert (one.device_id, one.title_id, one.license_id) == ("phone", "free", "")
        assert (one.position, one.at, one.times) == (head, START + DAY, 1)
        assert one.reasons == ("device-limit",)
        assert one.policy_version == "offered"


async def test_a_refused_renewal_is_noted_by_its_licence() -> None:
    async with noting() as case:
        granted = await case.member.request("tv", "unrenewable", START + HOUR)
        with pytest.raises(DownloadRefused):
            await case.member.renew(granted.license_id, START + DAY)
        (one,) = await case.written()
        assert (one.device_id, one.title_id, one.license_id) == ("", "", granted.license_id)


async def test_nothing_is_written_to_the_stream_of_the_customer() -> None:
    async with noting() as case:
        before = await case.member.recorded()
        await case.refused()
        await case.written()
        assert await case.member.recorded() == before


async def test_repetitions_before_it_is_written_are_counted() -> None:
    async with noting() as case:
        for minute in range(3):
            await case.refused(days=1 + minute / 1_440)
        (one,) = await case.written()
        assert (one.times, one.at) == (3, START + DAY)


async def test_a_repetition_on_the_same_history_is_not_noted_again() -> None:
    async with noting() as case:
        await case.refused()
        assert len(await case.written()) == 1
        await case.refused(days=2)
        assert len(await case.written()) == 1
        await case.refused("tablet", days=2)
        assert len(await case.written()) == 2
        await case.member.request("tv", "free", START + 2 * DAY)
        await case.refused(days=3)
        assert len(await case.written()) == 3
        assert case.notes.statistics().repeated == 1


async def test_a_day_has_its_share_and_the_next_one_again() -> None:
    async with noting(NoteSettings(per_day_max=2)) as case:
        for number in range(5):
            await case.refused(f"phone-{number}")
        assert len(await case.written()) == 2
        await case.refused("phone-9", days=2)
        assert len(await case.written()) == 3
        told = case.notes.statistics()
        assert (told.noted, told.repeated, told.waiting) == (3, 3, 0)


async def test_no_more_wait_than_may() -> None:
    async with noting(NoteSettings(waiting_max=2)) as case:
        for number in range(5):
            await case.refused(f"phone-{number}")
        told = case.notes.statistics()
        assert (told.waiting, told.dropped) == (2, 3)
        assert len(await case.written()) == 2


async def test_what_is_remembered_to_recognise_repetitions_is_bounded() -> None:
    async with noting(NoteSettings(per_day_max=10_000)) as case:
        for number in range(RECENT_MAX + 10):
            await case.refused(f"phone-{number}")
        await case.written()
        view = await case.repository.load("refusals/ada")
        assert len(view.get(Refusals, "refusals").recent) == RECENT_MAX


class FailingStore(MemoryStore):
    """A store that takes nothing."""

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        raise StoreUnavailable("Down.")


async def test_a_store_that_fails_costs_the_note_and_nothing_else() -> None:
    async with FailingStore() as failing, noting(notes_in=failing) as case:
        await case.refused()
        await case.notes.write()
        told = case.notes.statistics()
        assert (told.noted, told.failed, told.waiting) == (0, 1, 0)


class SteppedClock(SystemClock):
    """A clock whose sleepers wake when told to."""

    def __init__(self) -> None:
        self.asleep = asyncio.Event()
        self._wake = asyncio.Event()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.asleep.set()
        await self._wake.wait()
        self._wake.clear()

    async def wake(self) -> None:
        await self.asleep.wait()
        self.asleep.clear()
        self._wake.set()
        await self.asleep.wait()


async def test_it_is_written_after_each_interval_and_at_the_end() -> None:
    clock = SteppedClock()
    async with noting(NoteSettings(interval_s=7), clock=clock) as case:
        async with case.notes.running():
            await case.refused()
            await clock.wake()
            assert len(await refusals_of(case.repository, "ada")) == 1
            assert set(clock.slept) == {7}
            await case.refused("tablet")
        assert len(await refusals_of(case.repository, "ada")) == 2


def take_note(notes: RefusalNotes, customer: str) -> None:
    """Have a refusal of another customer noted."""
    command = RequestDownload(customer_id=customer, device_id="phone", title_id="free")
    call = CommandCall(
        name="request_download",
        stream=stream_of(customer),
        command=command,
        context=CommandContext(at=START),
    )
    unmet = Unmet(
        reason="device-limit",
        rule="device-limit",
        limit=1,
        used=1,
        resets_at=None,
        frees="",
        remedy="",
        detail="",
    )
    with pytest.raises(DownloadRefused), notes.hook(call):
        raise DownloadRefused([unmet], policy_version="offered", at=START, position=1)


async def test_what_was_being_written_at_the_end_is_not_lost() -> None:
    clock, hold = SteppedClock(), Hold()
    customers = [f"c-{number}" for number in range(40)]  # more than are written at the same time
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        store.inject("append", hold)
        async with noting(clock=clock, notes_in=store) as case:
            async with case.notes.running():
                for customer in customers:
                    take_note(case.notes, customer)
                waking = asyncio.create_task(clock.wake())
                await hold.reached.wait()
                asyncio.get_running_loop().call_soon(hold.release)
            waking.cancel()
            for customer in customers:
                assert len(await refusals_of(case.repository, customer)) == 1
            assert case.notes.statistics().waiting == 0


async def test_what_is_refused_within_a_command_is_noted_where_the_items_before_led() -> None:
    async with noting() as case:
        member, at = case.member, START + 32 * DAY
        (short,) = await licenses(case, "short")
        released = (await member.request("tv", "free-2", START)).license_id
        await member.release(released, START)
        free = (await member.request("tv", "free", START)).license_id
        await member.request("tv", "forever", START + 31 * DAY)

        answer: Renewed = await member.do(
            RenewLicenses, at, license_ids=(released, free, short), key="bulk"
        )

        assert [item.outcome for item in answer.items] == ["refused", "done", "refused"]
        (one,) = await case.written()  # the released one was refused by no rule
        assert (one.license_id, one.position) == (short, len(await member.recorded()))
        assert one.reasons == ("active-downloads-per-device",)
        question = await question_of_refusal(case.repository, "ada")
        found = await explain(
            member.service.repository, "ada", question, Held(POLICIES), CATALOGUE.titles
        )
        unmet = [told.reason for told in found.rules if not told.met]
        assert (found.license_id, tuple(unmet)) == (short, one.reasons)


async def test_what_is_refused_in_the_middle_of_a_command_is_judged_there() -> None:
    async with noting() as case:
        member = case.member
        (short,) = await licenses(case, "short")
        free = (await member.request("tv", "free", START)).license_id
        await member.request("tv", "short", START + 8 * DAY)
        first = (await member.request("tv", "free-2", START + 31 * DAY)).license_id
        wanted = (first, short, free)
        await member.do(RenewLicenses, START + 40 * DAY, license_ids=wanted, key="bulk")
        (one,) = await case.written()
        assert one.reasons == ("title-downloads-per-year",)
        assert one.position < len(await member.recorded())

        judging = Judging(AGGREGATES, POLICIES, CATALOGUE.titles, [one])
        commits: dict[object, list[Entry]] = {}
        async for recorded in member.service.repository.history(stream_of("ada")):
            entry = (recorded.aggregate_type, recorded.aggregate_id, recorded.event)
            commits.setdefault(recorded.commit_id, []).append(entry)
        judged = [each for commit in commits.values() for each in judging.commit(commit)]
        (refused,) = [each for each in judged if not each.granted]
        assert refused.judgement is not None
        assert refused.judgement.reasons == one.reasons
        used = {each.rule: each.used for each in refused.judgement.findings}
        assert used["active-downloads-per-device"] == 1  # the third was renewed after it


@pytest.mark.parametrize(("devices", "granted"), [(2, 0), (3, 1)])
async def test_a_what_if_counts_for_a_refusal_what_a_withdrawal_had_left(
    devices: int, granted: int
) -> None:
    """No event says that it ended: the refusal left none on the stream of the customer."""
    async with noting() as case:
        member = case.member
        await member.do(ChangePlan, START, plan="family")
        for device, title in (("phone", "free-2"), ("tablet", "free-3")):
            await member.request(device, title, START)
        await member.do(ChangePlan, START + DAY, plan="solo")
        withdrawal = WithdrawTitle(title_id="short", reason="Claim.")
        await member.service.execute(withdrawal, CommandContext(at=START + 2 * DAY))
        await case.refused("watch", "thrice", 3)
        (one,) = await case.written()
        assert one.reasons == ("device-limit",)

        wider = dataclasses.replace(
            POLICIES.in_force(START), default=Layer.of(DeviceLimit(devices)), plans={}
        )
        tally = await WhatIf(case.store, Always(wider), CATALOGUE.titles).customer("ada")

        assert tally.refused == 1
        assert tally.would_be_granted.total() == granted


async def test_a_what_if_looks_once_at_the_titles_withdrawn_and_leaves_their_snapshot() -> None:
    async with noting() as case:
        service = case.member.service
        for hour in range(60):
            at = CommandContext(at=START + hour * HOUR)
            await service.execute(WithdrawTitle(title_id="short", reason="Claim."), at)
            await service.execute(ReinstateTitle(title_id="short"), at)
        await service.repository.settle()
        kept = await case.store.load_snapshot(WITHDRAWALS_STREAM)
        assert kept is not None

        counting = CountingStore(case.store)
        what_if = WhatIf(counting, Always(POLICIES.in_force(START)), CATALOGUE.titles)
        await asyncio.gather(*[what_if.customer("ada") for _ in range(4)])
        assert counting.calls["read"] == 4 * 2 + 1  # of each the events and the refusals
        for _ in range(20):  # whatever was left behind would have run by now
            await asyncio.sleep(0)

        assert await case.store.load_snapshot(WITHDRAWALS_STREAM) == kept


async def test_a_withdrawn_title_within_a_sync_is_noted() -> None:
    async with noting() as case:
        (held,) = await licenses(case, "short")
        withdraw = WithdrawTitle(title_id="short", reason="Claim.")
        await case.member.service.execute(withdraw, CommandContext(at=START))
        for _ in range(2):  # said twice under one key, noted once
            renewal = SyncedRenewal(item_id="one", license_id=held)
            await case.member.sync("tv", START + DAY, renewal, key="sync")
        (one,) = await case.written()
        assert (one.license_id, one.reasons) == (held, ("title-withdrawn",))
        question = await question_of_refusal(case.repository, "ada")
        found = await explain(
            case.member.service.repository, "ada", question, Held(POLICIES), CATALOGUE.titles
        )
        assert found.withdrawal is not None


async def licenses(case: Noted, title: str) -> list[str]:
    """The licences for a title, as they were issued."""
    view = await case.member.service.repository.load(stream_of("ada"))
    return [license.id for license in view.all(License) if license.title_id == title]


async def test_what_waits_of_one_customer_is_written_when_it_is_asked_for() -> None:
    async with noting() as case:
        for customer in ("anna", "bert"):
            take_note(case.notes, customer)
        await case.notes.write_of("anna")
        assert len(await refusals_of(case.repository, "anna")) == 1
        assert await refusals_of(case.repository, "bert") == []
        assert case.notes.statistics().waiting == 1


async def test_what_is_being_written_of_a_customer_is_waited_for() -> None:
    hold = Hold()
    async with MemoryStore() as memory:
        store = FaultyStore(memory)
        store.inject("append", hold)
        async with noting(notes_in=store) as case:
            take_note(case.notes, "anna")
            writing = asyncio.create_task(case.notes.write())
            await hold.reached.wait()
            asked = asyncio.create_task(case.notes.write_of("anna"))
            asyncio.get_running_loop().call_soon(hold.release)
            await asked
            assert len(await refusals_of(case.repository, "anna")) == 1
            await writing


async def test_a_title_that_was_withdrawn_is_noted_as_that() -> None:
    async with noting() as case:
        withdraw = WithdrawTitle(title_id="short", reason="Claim.")
        await case.member.service.execute(withdraw, CommandContext(at=START))
        with pytest.raises(TitleWithdrawn):
            await case.member.request("tv", "short", START + DAY)
        with pytest.raises(TitleWithdrawn):
            await case.member.service.allowance("ada", "short", "tv", START + DAY)
        (one,) = await case.written()
        assert (one.device_id, one.title_id, one.at) == ("tv", "short", START + DAY)
        assert (one.reasons, one.policy_version) == (("title-withdrawn",), "")


async def test_a_noted_refusal_is_explained_exactly_as_it_was() -> None:
    async with noting() as case:
        await case.refused("phone")
        await case.refused("tablet")
        await case.notes.write()
        await case.member.remove("tv", START + 3 * DAY)
        versions = Held(POLICIES)
        for latest, device in ((1, "tablet"), (2, "phone")):
            question = await question_of_refusal(case.repository, "ada", latest)
            found = await explain(
                case.member.service.repository, "ada", question, versions, CATALOGUE.titles
            )
            assert (found.device_id, found.at, found.allowed) == (device, START + DAY, False)
        with pytest.raises(NothingRefused, match=r"Only 2 refusal\(s\)"):
            await question_of_refusal(case.repository, "ada", 3)
        with pytest.raises(NothingRefused, match="No refusal"):
            await question_of_refusal(case.repository, "bob")
        with pytest.raises(InvalidArgument):
            await question_of_refusal(case.repository, "ada", 0)
