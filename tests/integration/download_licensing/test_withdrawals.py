import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
from structlog.testing import capture_logs

from download_licensing.domain.refusals import TitleNotFound, TitleWithdrawn
from download_licensing.domain.spans import SPANS_MAX
from download_licensing.service.answers import Withdrawal
from download_licensing.service.base import WITHDRAWALS_STREAM
from download_licensing.service.commands import (
    ReinstateTitle,
    RevokeLicense,
    SetStanding,
    SyncedRenewal,
    WithdrawTitle,
)
from download_licensing.service.licensing import AGGREGATES, LicensingService
from helenus import AggregateRepository, CommandContext
from helenus.events import to_microseconds
from helenus.state import StreamView
from helenus.stores.memory import MemoryStore
from helenus.testing.faults import FailBefore, FaultyStore
from tests.integration.download_licensing.member import DAY, START, TICK, Member, service_of

GONE = START + 5 * DAY
BACK = START + 9 * DAY


async def withdraw(member: Member, title: str, at: datetime = GONE) -> Withdrawal:
    command = WithdrawTitle(title_id=title, reason="Claim.")
    answer: Withdrawal = await member.service.execute(command, CommandContext(at=at))
    return answer


async def reinstate(member: Member, title: str, at: datetime = BACK) -> Withdrawal:
    command = ReinstateTitle(title_id=title)
    answer: Withdrawal = await member.service.execute(command, CommandContext(at=at))
    return answer


async def test_every_download_of_it_expires_then_and_no_other(member: Member) -> None:
    await member.open("pair")
    gone = (await member.request("tv", "forever")).license_id
    stays = (await member.request("tv", "free")).license_id
    other = Member(member.service, "bob")
    await other.open("solo")
    his = (await other.request("phone", "forever")).license_id

    withdrawn = await withdraw(member, "forever")

    assert (withdrawn.withdrawn_at, withdrawn.reason) == (GONE, "Claim.")
    for owner, license_id in ((member, gone), (other, his)):
        before = await owner.license(license_id, GONE - TICK)
        after = await owner.license(license_id, GONE)
        assert (before.state, after.state) == ("active", "expired")
        assert (before.effective_expires_at, before.cut_reason) == (None, None)
        assert (after.effective_expires_at, after.license_remaining_s) == (GONE, 0)
        assert after.cut_reason == "title-withdrawn"
    assert (await member.license(stays, GONE)).state == "active"
    assert (await other.devices(GONE)).devices_in_use == 0


async def test_no_stream_of_a_customer_is_written_for_it(member: Member) -> None:
    await member.open("pair")
    license_id = (await member.request("tv", "forever")).license_id
    before = await member.recorded()

    await withdraw(member, "forever")
    await member.license(license_id, GONE)
    await member.devices(GONE)

    assert await member.recorded() == before


async def test_the_next_decision_records_it_first_as_of_then(member: Member) -> None:
    await member.open("solo")
    license_id = (await member.request("tv", "forever")).license_id
    await withdraw(member, "forever")
    seen = await member.license(license_id, BACK)

    granted = await member.request("phone", "free", BACK)

    assert granted.devices_left == 0
    (ended,) = await member.facts("downloads-ended")
    assert ended == {"ends": {license_id: GONE}, "at": BACK}
    assert await member.license(license_id, BACK) == seen
    await member.release(license_id, BACK)
    (cut,) = await member.facts("license-cut")
    assert (cut["ends_at"], cut["at"], cut["reason"]) == (GONE, BACK, "title-withdrawn")
    assert len(await member.facts("downloads-ended")) == 1


async def test_requests_and_renewals_of_it_are_refused(member: Member) -> None:
    await member.open("pair")
    license_id = (await member.request("tv", "forever")).license_id
    await withdraw(member, "forever")

    await member.turned_down(TitleWithdrawn, member.request("tv", "forever", GONE))
    await member.turned_down(TitleWithdrawn, member.renew(license_id, GONE))
    await member.turned_down(TitleWithdrawn, member.allowance("tv", "forever", GONE))
    synced = await member.sync("tv", GONE, SyncedRenewal(item_id="a", license_id=license_id))
    assert synced.items[0].refusal is not None
    assert synced.items[0].refusal.reason == "title-withdrawn"


async def test_before_it_everything_is_as_it_was(member: Member) -> None:
    await member.open("pair")
    await withdraw(member, "free")

    granted = await member.request("tv", "free", GONE - TICK)

    assert granted.expires_at == GONE - TICK + 30 * DAY


async def test_a_reinstated_title_is_granted_again_and_what_ended_stays_ended(
    member: Member,
) -> None:
    await member.open("pair")
    license_id = (await member.request("tv", "windowed")).license_id
    await withdraw(member, "windowed")
    await reinstate(member, "windowed")

    assert (await member.license(license_id, BACK)).state == "expired"
    assert (await member.devices(BACK)).devices_in_use == 0
    await member.turned_down(TitleWithdrawn, member.request("tv", "windowed", BACK - TICK))
    granted = await member.request("phone", "windowed", BACK)
    assert granted.expires_at == BACK + 30 * DAY

    await member.renew(license_id, BACK + DAY)
    (fact,) = await member.facts("license-renewed")
    assert fact["refresh"]
    renewed = await member.license(license_id, BACK + DAY)
    assert (renewed.state, renewed.cut_reason) == ("active", None)


async def test_what_was_granted_after_it_by_a_process_that_had_not_heard_is_over(
    member: Member,
) -> None:
    unaware = Member(service_of(member.service.repository))
    await member.open("pair")
    await withdraw(member, "forever")

    granted = await unaware.request("tv", "forever", GONE + DAY)

    ended = await member.license(granted.license_id, GONE + DAY)
    assert (ended.state, ended.effective_expires_at) == ("expired", GONE + DAY)
    await unaware.service.refresh_withdrawals()
    assert await unaware.license(granted.license_id, GONE + DAY) == ended
    await member.turned_down(TitleWithdrawn, unaware.request("tv", "forever", GONE + DAY))


async def test_what_one_process_ended_has_ended_for_one_that_has_not_heard_of_it(
    member: Member,
) -> None:
    unaware = Member(service_of(member.service.repository))
    await member.open("pair")
    license_id = (await member.request("tv", "forever")).license_id
    await withdraw(member, "forever")
    await member.request("tv", "free", GONE + DAY)  # notes that the device holds it no longer

    seen = await unaware.license(license_id, GONE + DAY)
    assert (seen.state, seen.effective_expires_at) == ("expired", GONE)
    renewed = await unaware.renew(license_id, GONE + DAY)
    assert renewed.renewed_at == GONE + DAY
    (cut,) = await member.facts("license-cut")
    assert (cut["reason"], cut["ends_at"]) == ("title-withdrawn", GONE)
    (fact,) = await member.facts("license-renewed")
    assert fact["refresh"]  # the place was free meanwhile, so it counts as a download


async def test_what_ended_early_says_so_when_its_device_is_removed(member: Member) -> None:
    await member.open("pair")
    license_id = (await member.request("tv", "forever")).license_id
    other = (await member.request("tv", "free", START + DAY)).license_id
    await withdraw(member, "forever")

    await member.remove("tv", GONE + DAY)

    (cut,) = await member.facts("license-cut")
    assert (cut["reason"], cut["ends_at"]) == ("title-withdrawn", GONE)
    released = await member.license(license_id, GONE + DAY)
    assert (released.effective_expires_at, released.cut_reason) == (GONE, "title-withdrawn")
    assert (await member.license(other, GONE + DAY)).cut_reason is None


@pytest.mark.parametrize("dropped_by", ["removal", "release", "revocation"])
async def test_what_one_process_ended_stays_so_when_another_drops_it_to_whom_the_title_never_left(
    member: Member, dropped_by: str
) -> None:
    """Granted by who has not heard of it, ended by who has, and then the title comes back."""
    unaware = Member(service_of(member.service.repository))
    await member.open("pair")
    await withdraw(member, "forever")
    license_id = (await unaware.request("tv", "forever", GONE + DAY)).license_id
    await member.request("tv", "free", GONE + 2 * DAY)  # notes that the device holds it no longer
    await reinstate(member, "forever")

    match dropped_by:
        case "removal":
            await unaware.remove("tv", BACK + DAY)
        case "release":
            await unaware.release(license_id, BACK + DAY)
        case _:
            await unaware.do(RevokeLicense, BACK + DAY, license_id=license_id, reason="Misuse.")

    (cut,) = await member.facts("license-cut")
    assert (cut["reason"], cut["ends_at"]) == ("title-withdrawn", GONE + DAY)
    for each in (member, unaware):
        dropped = await each.license(license_id, BACK + DAY)
        assert (dropped.effective_expires_at, dropped.cut_reason) == (
            GONE + DAY,
            "title-withdrawn",
        )


async def ended_by_one_who_has_not_heard_of_the_return(member: Member) -> tuple[str, Member]:
    """A licence granted when its title was back, and the customer at the process that ended it."""
    unaware = Member(service_of(member.service.repository))
    await member.open("pair")
    await withdraw(member, "forever")
    await unaware.service.refresh_withdrawals()
    await reinstate(member, "forever")
    license_id = (await member.request("tv", "forever", BACK)).license_id
    await unaware.request("phone", "free", BACK + DAY)
    return license_id, unaware


async def test_what_ended_early_by_one_who_had_not_heard_is_not_forgotten_when_it_lapses(
    member: Member,
) -> None:
    license_id, _ = await ended_by_one_who_has_not_heard_of_the_return(member)
    for month in range(1, 5):
        await member.request("tv", "free", BACK + month * 40 * DAY)
    late = BACK + 200 * DAY

    assert (await member.license(license_id, late)).effective_expires_at == BACK
    await member.release(license_id, late)
    (cut,) = await member.facts("license-cut")
    assert (cut["reason"], cut["ends_at"]) == ("title-withdrawn", BACK)


async def test_what_a_process_ended_that_had_not_heard_of_the_reinstatement_has_ended_for_all(
    member: Member,
) -> None:
    license_id, unaware = await ended_by_one_who_has_not_heard_of_the_return(member)

    for each in (member, unaware):
        assert (await each.license(license_id, BACK + DAY)).effective_expires_at == BACK
        assert (await each.devices(BACK + DAY)).devices_in_use == 1
    await member.play(license_id, BACK, BACK + DAY)
    (cut,) = await member.facts("license-cut")
    assert (cut["reason"], cut["ends_at"]) == ("title-withdrawn", BACK)


async def test_what_a_cancellation_ended_is_told_as_that_by_whoever_touches_it(
    member: Member,
) -> None:
    await member.open("pair")
    license_id = (await member.request("tv", "forever")).license_id
    for standing, at in (("cancelled", GONE), ("good", GONE + DAY)):
        await member.do(SetStanding, at, standing=standing)
    await withdraw(member, "forever", BACK)

    ended = await member.license(license_id, BACK)
    assert (ended.effective_expires_at, ended.cut_reason) == (GONE, "account-cancelled")


async def test_a_licence_that_ended_before_it_stays_as_it_was(member: Member) -> None:
    await member.open("pair")
    expired = (await member.request("tv", "short")).license_id
    released = (await member.request("tv", "forever")).license_id
    await member.release(released, START + DAY)
    for title in ("short", "forever"):
        await withdraw(member, title, START + 20 * DAY)

    late = START + 21 * DAY
    assert (await member.license(expired, late)).effective_expires_at == START + 7 * DAY
    assert (await member.license(released, late)).state == "released"
    await member.release(expired, late)
    assert await member.facts("license-cut") == []
    assert await member.facts("downloads-ended") == []


async def test_a_licence_that_lapsed_long_ago_is_still_seen_to_have_ended(member: Member) -> None:
    await member.open("pair")
    license_id = (await member.request("tv", "forever")).license_id
    await withdraw(member, "forever")
    for month in range(1, 5):
        await member.request("tv", "free", GONE + month * 40 * DAY)

    assert (await member.license(license_id, GONE + 200 * DAY)).effective_expires_at == GONE


async def test_plays_of_it_are_still_reported_and_do_not_revive_it(member: Member) -> None:
    await member.open("pair")
    license_id = (await member.request("tv", "windowed")).license_id
    await withdraw(member, "windowed")

    played = await member.play(license_id, START + 4 * DAY, BACK)

    assert (played.state, played.effective_expires_at) == ("expired", GONE)
    assert await member.plays("windowed") == [START + 4 * DAY]


async def test_it_is_withdrawn_and_reinstated_once(member: Member) -> None:
    first = await withdraw(member, "free")
    assert await withdraw(member, "free", GONE + DAY) == first
    listed = await member.service.withdrawals()
    assert listed.titles == (first,)

    back = await reinstate(member, "free")
    assert (back.withdrawn_at, back.reason) == (None, None)
    assert await reinstate(member, "free", BACK + DAY) == back
    assert (await member.service.withdrawals()).titles == ()


async def test_a_title_that_is_not_in_the_catalogue_is_not_found(member: Member) -> None:
    for attempt in (withdraw(member, "nothing"), reinstate(member, "nothing")):
        with pytest.raises(TitleNotFound):
            await attempt
    assert (await reinstate(member, "free")).withdrawn_at is None


async def test_a_title_that_comes_and_goes_is_remembered_within_bounds(member: Member) -> None:
    await member.open("pair")
    license_id = (await member.request("tv", "forever", GONE - TICK)).license_id
    for turn in range(SPANS_MAX + 1):
        await withdraw(member, "forever", GONE + 2 * turn * TICK)
        await reinstate(member, "forever", GONE + (2 * turn + 1) * TICK)

    # The first is forgotten, so the second ended it.
    ended = await member.license(license_id, BACK)
    assert ended.effective_expires_at == GONE + 2 * TICK


@pytest.fixture
async def store() -> AsyncIterator[FaultyStore]:
    async with MemoryStore() as held:
        yield FaultyStore(held)


class Turns:
    """A clock whose sleepers wait for the test."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self._slept = asyncio.Event()
        self._turn = asyncio.Event()

    def now(self) -> datetime:
        return START

    def now_us(self) -> int:
        return to_microseconds(START)

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        self._slept.set()
        await self._turn.wait()
        self._turn.clear()

    async def next(self) -> None:
        """Let the sleeper go on, until it sleeps again."""
        await self._slept.wait()
        self._slept.clear()
        self._turn.set()
        await self._slept.wait()


async def test_other_processes_come_to_know_of_it(store: FaultyStore) -> None:
    clock = Turns()
    async with (
        AggregateRepository(store, AGGREGATES) as one,
        AggregateRepository(store, AGGREGATES) as two,
    ):
        acting, following = service_of(one), service_of(two)
        await withdraw(Member(acting), "free")
        async with following.following_withdrawals(poll_s=2, clock=clock):
            with pytest.raises(TitleWithdrawn):
                await _request(following, "free", GONE)
            await withdraw(Member(acting), "forever")
            await _request(following, "forever", GONE)
            store.inject("head", FailBefore())
            store.inject("head", FailBefore())
            with capture_logs() as logs:  # once, however long it lasts
                await clock.next()
                await clock.next()
            await _request(following, "forever", GONE)
            await clock.next()
            with pytest.raises(TitleWithdrawn):
                await _request(following, "forever", GONE)
    assert [line["event"] for line in logs] == ["withdrawals not read"]
    assert set(clock.asked) == {2}


async def test_what_is_known_never_goes_back_where_two_look_at_once(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    await member.open("pair")
    repository = member.service.repository
    before = await repository.load(WITHDRAWALS_STREAM)
    await withdraw(member, "free")

    async def answered_late(stream: str) -> StreamView:
        return before

    with monkeypatch.context() as patched:
        patched.setattr(repository, "load", answered_late)
        await member.service.refresh_withdrawals()
    await member.turned_down(TitleWithdrawn, member.request("tv", "free", GONE))


async def _request(service: LicensingService, title: str, at: datetime) -> None:
    member = Member(service, f"member-of-{title}")
    await member.open("pair")
    await member.request("tv", title, at)
