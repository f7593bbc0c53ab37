from datetime import UTC, datetime

import pytest

from download_licensing.domain.refusals import AccountNotFound, DeviceNotFound
from download_licensing.service.answers import Renewed, Synced
from download_licensing.service.commands import (
    SYNC_ITEMS_MAX,
    RenewLicenses,
    RevokeLicense,
    SessionEvent,
    SyncedPlay,
    SyncedRelease,
    SyncedRenewal,
    SyncedSession,
)
from download_licensing.service.licensing import AGGREGATES
from helenus import AggregateRepository, CommandIdReused, InvalidArgument
from helenus.settings import RepositorySettings
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.member import (
    DAY,
    HOUR,
    START,
    Member,
    service_of,
)

LATER = START + 10 * DAY
UNKNOWN = "lic-" + 32 * "0"


def release(item_id: str, license_id: str) -> SyncedRelease:
    return SyncedRelease(item_id=item_id, license_id=license_id)


def renewal(item_id: str, license_id: str) -> SyncedRenewal:
    return SyncedRenewal(item_id=item_id, license_id=license_id)


def play(item_id: str, license_id: str, played_at: datetime) -> SyncedPlay:
    return SyncedPlay(item_id=item_id, license_id=license_id, played_at=played_at)


def session(item_id: str, license_id: str, session_id: str, began: datetime) -> SyncedSession:
    events = (
        SessionEvent(kind="start", at=began),
        SessionEvent(kind="stop", at=began + HOUR),
    )
    return SyncedSession(
        item_id=item_id, license_id=license_id, session_id=session_id, events=events
    )


def outcomes(answer: Synced | Renewed) -> dict[str, str]:
    return {
        item.item_id: item.refusal.reason if item.refusal else item.outcome for item in answer.items
    }


async def _granted(member: Member, *titles: str, device: str = "tv") -> list[str]:
    await member.open("pair")
    return [(await member.request(device, title)).license_id for title in titles]


async def test_everything_is_carried_out_and_answered_in_one_commit(member: Member) -> None:
    one, two, three = await _granted(member, "windowed", "free", "forever")
    before = len(await member.recorded())

    synced = await member.sync(
        "tv",
        LATER,
        renewal("a", two),
        session("b", two, "s-1", START + DAY),
        play("c", one, START + 9 * DAY),
        release("d", three),
    )

    assert [(item.item_id, item.outcome) for item in synced.items] == [
        *(("d", "done"), ("b", "done"), ("c", "done"), ("a", "done"))
    ]
    released, _, played, renewed = synced.items
    assert (released.state, released.kind) == ("released", "release")
    assert (played.state, played.effective_expires_at) == ("active", START + 11 * DAY)
    assert renewed.grant is not None
    assert renewed.grant.expires_at == renewed.effective_expires_at == LATER + 30 * DAY
    history = member.service.repository.history("customer/ada", after=before)
    assert len({event.commit_id async for event in history}) == 1


async def test_it_is_idempotent_as_a_whole(member: Member) -> None:
    (one,) = await _granted(member, "windowed")
    items = (renewal("a", one), play("b", one, START))
    first = await member.sync("tv", LATER, *items, key="k")
    before = await member.recorded()

    assert await member.sync("tv", LATER + DAY, *items, key="k") == first
    assert await member.recorded() == before
    with pytest.raises(CommandIdReused):
        await member.sync("tv", LATER, *items[:1], key="k")


async def test_each_item_is_carried_out_once_under_whatever_key(member: Member) -> None:
    one, two = await _granted(member, "windowed", "free")
    items = (
        renewal("a", one),
        play("b", one, START),
        session("c", one, "s-1", START),
        release("d", two),
    )
    first = await member.sync("tv", START + DAY, *items)
    before = await member.recorded()

    again = await member.sync("tv", LATER, *items)

    assert set(outcomes(first).values()) == {"done"}
    assert set(outcomes(again).values()) == {"repeated"}
    assert again.items[-1].grant is not None
    assert again.items[-1].grant.renewals_left == 1
    assert await member.recorded() == before


async def test_a_new_item_renews_again(member: Member) -> None:
    (one,) = await _granted(member, "windowed")

    await member.sync("tv", START + DAY, renewal("a", one))
    synced = await member.sync("tv", START + 2 * DAY, renewal("a", one), renewal("b", one))
    last = await member.sync("tv", START + 3 * DAY, renewal("b", one), renewal("c", one))

    assert outcomes(synced) == {"a": "repeated", "b": "done"}
    assert outcomes(last) == {"b": "repeated", "c": "renewals-exhausted"}


async def test_what_one_item_is_refused_for_holds_up_no_other(member: Member) -> None:
    one, two, three = await _granted(member, "unrenewable", "free", "free-2")
    (elsewhere,) = await _granted(member, "free", device="phone")
    await member.do(RevokeLicense, license_id=three, reason="Claim.")

    synced = await member.sync(
        "tv",
        LATER,
        renewal("a", one),
        renewal("b", three),
        renewal("c", UNKNOWN),
        release("d", UNKNOWN),
        play("e", elsewhere, START),
        renewal("f", two),
    )

    assert outcomes(synced) == {
        "a": "renewals-exhausted",
        "b": "license-revoked",
        "c": "license-not-found",
        "d": "license-not-found",
        "e": "license-elsewhere",
        "f": "done",
    }
    (exhausted,) = [item.refusal for item in synced.items if item.item_id == "a"]
    assert exhausted is not None
    assert [unmet.limit for unmet in exhausted.unmet] == [0]
    assert (exhausted.at, exhausted.position > 0) == (LATER, True)
    assert exhausted.policy_version
    assert exhausted.remedy


async def test_releases_free_what_renewals_need(member: Member) -> None:
    expired, other = await _granted(member, "free", "forever")
    now = START + 40 * DAY
    for title in ("free-2", "free-3"):
        await member.request("tv", title, now)

    refused = await member.sync("tv", now, renewal("a", expired))
    granted = await member.sync("tv", now, renewal("a", expired), release("b", other))

    assert outcomes(refused) == {"a": "active-downloads-per-device"}
    assert outcomes(granted) == {"b": "done", "a": "done"}


async def test_a_play_that_ended_the_licence_makes_its_renewal_a_refresh(member: Member) -> None:
    (one,) = await _granted(member, "windowed")

    synced = await member.sync("tv", LATER, renewal("a", one), play("b", one, START + DAY))

    assert outcomes(synced) == {"b": "done", "a": "done"}
    (fact,) = await member.facts("license-renewed")
    assert (fact["refresh"], fact["item_id"]) == (True, "a")


async def test_reports_are_taken_in_the_order_in_which_they_happened(member: Member) -> None:
    (one,) = await _granted(member, "windowed")

    await member.sync(
        "tv",
        LATER,
        session("a", one, "s-2", START + 5 * DAY),
        session("b", one, "s-1", START + 3 * DAY),
        play("c", one, START + 4 * DAY),
    )

    assert (await member.license(one, LATER)).first_played_at == START + 3 * DAY


async def test_plays_of_what_the_same_sync_releases_still_count(member: Member) -> None:
    (one,) = await _granted(member, "free")

    synced = await member.sync(
        "tv", LATER, session("a", one, "s-1", START + DAY), release("b", one)
    )

    assert outcomes(synced) == {"b": "done", "a": "done"}
    assert await member.plays("free") == [START + DAY]


async def test_the_clock_of_the_device_is_corrected_for_all_its_reports(member: Member) -> None:
    one, two = await _granted(member, "windowed", "free")
    off = 5 * DAY

    await member.sync(
        "tv",
        LATER,
        play("a", one, START + DAY + off),
        session("b", two, "s-1", START + 2 * DAY + off),
        sent_at=LATER + off,
    )

    assert (await member.license(one, LATER)).first_played_at == START + DAY
    assert await member.plays("free") == [START + 2 * DAY]


async def test_a_device_that_was_removed_meanwhile_may_still_bring_its_plays(
    member: Member,
) -> None:
    (one,) = await _granted(member, "free")
    await member.remove("tv", START + 2 * DAY)

    synced = await member.sync(
        "tv", LATER, session("a", one, "s-1", START + DAY), renewal("b", one), release("c", one)
    )

    assert outcomes(synced) == {"c": "repeated", "a": "done", "b": "license-released"}
    assert await member.plays("free") == [START + DAY]


async def test_nothing_to_bring_is_answered_with_nothing(member: Member) -> None:
    await _granted(member, "free")

    assert (await member.sync("tv", LATER)).items == ()


async def test_a_device_of_nobody_or_of_another_customer_is_refused(member: Member) -> None:
    await member.turned_down(AccountNotFound, member.sync("tv", LATER))
    await member.open("pair")
    other = Member(member.service, "bob")
    await _granted(other, "free", device="bobs")

    await member.turned_down(DeviceNotFound, member.sync("bobs", LATER))


async def test_a_licence_of_another_customer_is_not_found(member: Member) -> None:
    await _granted(member, "free")
    other = Member(member.service, "bob")
    (his,) = await _granted(other, "free", device="tv")

    synced = await member.sync("tv", LATER, release("a", his), renewal("b", his))

    assert set(outcomes(synced).values()) == {"license-not-found"}
    assert (await other.license(his, LATER)).state == "active"


async def test_an_item_that_occurs_twice_is_refused_with_all_others(member: Member) -> None:
    one, two = await _granted(member, "free", "free-2")
    before = await member.recorded()

    with pytest.raises(InvalidArgument, match="'a' occurs 2 times"):
        await member.sync("tv", LATER, release("a", one), renewal("a", two))
    with pytest.raises(InvalidArgument, match="occurs 2 times"):
        await member.do(RenewLicenses, LATER, license_ids=(one, one))
    assert await member.recorded() == before


async def test_a_time_outside_the_calendar_refuses_all_and_names_the_item(member: Member) -> None:
    one, two = await _granted(member, "free", "free-2")
    before = await member.recorded()

    with pytest.raises(InvalidArgument, match="item 'b'"):
        await member.sync(
            "tv", LATER, release("a", one), play("b", two, datetime(1, 1, 1, tzinfo=UTC))
        )
    with pytest.raises(InvalidArgument, match="item 'b'"):
        await member.sync(
            "tv", LATER, release("a", one), session("b", two, "s", datetime(1, 1, 1, tzinfo=UTC))
        )
    assert await member.recorded() == before


async def test_the_number_of_items_is_bounded_over_all_kinds(member: Member) -> None:
    (one,) = await _granted(member, "free")
    kept = [session(f"s-{n}", one, f"s-{n}", START + n * HOUR) for n in range(SYNC_ITEMS_MAX)]

    with pytest.raises(InvalidArgument, match="one request takes 150"):
        await member.sync("tv", LATER, release("r", one), *kept)
    full = await member.sync("tv", LATER, *kept)

    assert len(full.items) == SYNC_ITEMS_MAX
    assert len(await member.plays("free")) == SYNC_ITEMS_MAX


async def test_licences_are_renewed_in_bulk_on_all_devices(member: Member) -> None:
    one, two, three = await _granted(member, "free", "unrenewable", "forever")
    (phone,) = await _granted(member, "free-2", device="phone")

    renewed = await member.do(
        RenewLicenses, LATER, key="k", license_ids=(phone, two, one, UNKNOWN, three)
    )

    assert [item.license_id for item in renewed.items] == [phone, two, one, UNKNOWN, three]
    assert [item.outcome for item in renewed.items] == [
        *("done", "refused", "done", "refused", "done")
    ]
    assert (await member.license(phone, LATER)).expires_at == LATER + 30 * DAY


async def test_a_bulk_renewal_is_known_again_after_its_key_is_forgotten() -> None:
    forgetful = RepositorySettings(command_window_max=1)
    async with (
        MemoryStore() as store,
        AggregateRepository(store, AGGREGATES, settings=forgetful) as repository,
    ):
        member = Member(service_of(repository))
        (one,) = await _granted(member, "free")
        await member.do(RenewLicenses, LATER, key="k", license_ids=(one,))
        await member.request("tv", "free-2", LATER)
        before = await member.recorded()

        again = await member.do(RenewLicenses, LATER + DAY, key="k", license_ids=(one,))

        assert outcomes(again) == {again.items[0].item_id: "repeated"}
        assert await member.recorded() == before
