import pytest

from download_licensing.domain.refusals import DeviceNotFound, LicenseNotFound, LicenseReleased
from download_licensing.service import accounts
from download_licensing.service.commands import SetStanding
from tests.integration.download_licensing.member import DAY, HOUR, START, TICK, YEAR, Member

MONTH = 30 * DAY


async def test_a_release_frees_the_slot_at_once(member: Member) -> None:
    await member.open("solo")
    held = await member.request("tv", "free")

    released = await member.release(held.license_id, START + DAY, START + HOUR)

    assert (released.state, released.release_reason) == ("released", "deleted")
    assert released.released_at == START + DAY
    assert (await member.recorded())[-2:] == [
        (held.license_id, "license-released"),
        ("tv", "download-dropped"),
    ]
    (fact,) = await member.facts("license-released")
    assert fact["released_at_device"] == START + HOUR
    await member.request("phone", "free", START + DAY)


async def test_a_repeated_release_changes_nothing(member: Member) -> None:
    await member.open("solo")
    held = await member.request("tv", "free")
    first = await member.release(held.license_id, START + DAY)
    before = await member.recorded()

    again = await member.release(held.license_id, START + 2 * DAY)

    assert again == first
    assert await member.recorded() == before


async def test_a_release_reported_long_after_the_licence_lapsed_is_acknowledged(
    member: Member,
) -> None:
    await member.open("solo")
    old = await member.request("tv", "free")
    later = START + YEAR
    await member.request("tv", "free-2", later)

    released = await member.release(old.license_id, later, START + DAY)

    assert released.state == "released"
    removed = await member.remove("tv", later)
    assert old.license_id not in removed.released_licenses


async def test_a_release_of_an_unknown_licence_is_refused(member: Member) -> None:
    await member.open("solo")

    await member.turned_down(LicenseNotFound, member.release("lic-" + 32 * "0", START))


async def test_removing_a_device_releases_all_its_licences_and_no_others(member: Member) -> None:
    await member.open("pair")
    active = (await member.request("tv", "free")).license_id
    expired = (await member.request("tv", "short", START - 20 * DAY)).license_id
    released = (await member.request("tv", "free-2")).license_id
    await member.release(released, START)
    elsewhere = (await member.request("phone", "free")).license_id

    removed = await member.remove("tv", START + DAY)

    assert removed.device_id == "tv"
    assert set(removed.released_licenses) == {active, expired}
    for license_id in (active, expired):
        license = await member.license(license_id, START + DAY)
        assert (license.state, license.release_reason) == ("released", "device-removed")
        await member.turned_down(LicenseReleased, member.renew(license_id, START + DAY))
    assert (await member.license(elsewhere, START + DAY)).state == "active"
    dropped = await member.facts("download-dropped")
    assert [fact["license_id"] for fact in dropped] == [released, *removed.released_licenses]
    assert (await member.recorded())[-1] == ("account", "device-removed")


async def test_removing_a_device_frees_its_slot(member: Member) -> None:
    await member.open("solo")
    await member.request("tv", "forever")

    await member.remove("tv", START)

    assert (await member.request("phone", "free")).devices_left == 0


async def test_removing_a_removed_device_changes_nothing(member: Member) -> None:
    await member.open("solo")
    await member.request("tv", "free")
    await member.remove("tv", START + DAY)
    before = await member.recorded()

    again = await member.remove("tv", START + 2 * DAY)

    assert again.released_licenses == ()
    assert await member.recorded() == before


async def test_removing_a_device_the_account_never_had_is_refused(member: Member) -> None:
    await member.open("solo")

    await member.turned_down(DeviceNotFound, member.remove("tv", START))


async def test_a_removed_device_that_downloads_again_is_registered_anew(member: Member) -> None:
    await member.open("solo")
    await member.request("tv", "free")
    await member.remove("tv", START + DAY)

    await member.request("tv", "free", START + 2 * DAY)

    (device,) = (await member.devices(START + 2 * DAY)).devices
    assert (device.registered_at, device.removed_at) == (START + 2 * DAY, None)
    assert device.holds_slot


async def test_licences_that_lapsed_long_ago_are_released_with_their_device(
    member: Member,
) -> None:
    await member.open("solo")
    old = (await member.request("tv", "free")).license_id
    new = (await member.request("tv", "free", START + YEAR)).license_id

    removed = await member.remove("tv", START + YEAR)

    assert removed.released_licenses == (new, old)


async def test_a_device_with_more_licences_than_one_command_releases_is_removed_at_once(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "REMOVAL_EVENTS_MAX", 2 * 2 + 3)
    await member.open("solo")
    licences = [
        (await member.request("tv", "free", START + year * YEAR)).license_id for year in range(4)
    ]
    now = START + 3 * YEAR

    first = await member.remove("tv", now)
    second = await member.remove("tv", now)

    assert first.released_licenses[0] == licences[3]
    assert (await member.devices(now)).devices_in_use == 0
    assert {*first.released_licenses, *second.released_licenses} == set(licences)
    assert len(await member.facts("device-removed")) == 1


async def test_licences_that_last_are_released_before_those_that_ended_early(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "REMOVAL_EVENTS_MAX", 1 + 3 + 3)
    await member.open("pair")
    ended = [(await member.request("tv", title)).license_id for title in ("free", "windowed")]
    await member.do(SetStanding, START + DAY, standing="cancelled")
    await member.do(SetStanding, START + DAY, standing="good")
    lasts = (await member.request("tv", "free-2", START + 2 * DAY)).license_id

    first = await member.remove("tv", START + 2 * DAY)
    second = await member.remove("tv", START + 2 * DAY)

    assert first.released_licenses[0] == lasts
    assert {*first.released_licenses, *second.released_licenses} == {lasts, *ended}
    cuts = await member.facts("license-cut")
    assert [cut["reason"] for cut in cuts] == 2 * ["account-cancelled"]


async def test_the_devices_are_listed_with_what_they_hold(member: Member) -> None:
    await member.open("pair")
    await member.request("tv", "free")
    await member.request("tv", "free-2", START + DAY)
    await member.request("phone", "free", START + DAY)
    await member.remove("phone", START + 2 * DAY)

    now = await member.devices(START + 2 * DAY)
    later = await member.devices(START + DAY + MONTH - TICK)
    at_last = await member.devices(START + DAY + MONTH)

    assert (now.plan, now.devices_max, now.devices_in_use) == ("pair", 2, 1)
    tv, phone = now.devices
    assert (tv.device_id, tv.registered_at, tv.removed_at) == ("tv", START, None)
    assert (tv.active_downloads, tv.holds_slot) == (2, True)
    assert (phone.removed_at, phone.holds_slot) == (START + 2 * DAY, False)
    assert (later.devices[0].active_downloads, later.devices_in_use) == (1, 1)
    assert (at_last.devices[0].holds_slot, at_last.devices_in_use) == (False, 0)
