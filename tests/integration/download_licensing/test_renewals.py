import pytest

from download_licensing.domain.refusals import (
    DownloadRefused,
    LicenseNotFound,
    LicenseReleased,
    TitleNotFound,
)
from tests.integration.download_licensing.member import (
    CATALOGUE,
    DAY,
    HOUR,
    START,
    TICK,
    YEAR,
    Member,
    catalogue,
    plan,
    service_of,
    title,
)

MONTH = 30 * DAY


async def test_renewing_an_active_licence_extends_it_and_counts_no_download(
    member: Member,
) -> None:
    await member.open("solo")
    first = await member.request("tv", "thrice")

    renewed = await member.renew(first.license_id, START + MONTH - TICK)

    assert renewed.expires_at == START + MONTH - TICK + MONTH
    assert renewed.issued_at == START
    assert renewed.downloads_left_this_year == 2
    assert (await member.facts("license-renewed"))[0]["refresh"] is False
    assert len(await member.facts("download-counted")) == 1


async def test_renewing_an_expired_licence_is_a_refresh_and_counts(member: Member) -> None:
    await member.open("solo")
    first = await member.request("tv", "thrice")

    renewed = await member.renew(first.license_id, START + MONTH)

    assert renewed.expires_at == START + 2 * MONTH
    assert renewed.downloads_left_this_year == 1
    assert (await member.facts("license-renewed"))[0]["refresh"] is True
    assert len(await member.facts("download-counted")) == 2
    assert len(await member.facts("device-registered")) == 1


async def test_a_refresh_is_refused_at_the_cap_of_the_title_and_a_renewal_is_not(
    member: Member,
) -> None:
    await member.open("family")
    grants = [await member.request("tv", "thrice", START + day * DAY) for day in range(3)]

    await member.renew(grants[0].license_id, START + MONTH - TICK)
    refresh = member.renew(grants[1].license_id, START + MONTH + DAY)

    assert await member.refused(refresh) == ("title-downloads-per-year",)


async def test_a_refresh_needs_a_free_device_and_room_on_its_device(member: Member) -> None:
    await member.open("solo")
    lapsed = await member.request("tv", "free")
    later = START + MONTH
    other = await member.request("phone", "free", later)
    assert await member.refused(member.renew(lapsed.license_id, later)) == ("device-limit",)
    await member.release(other.license_id, later)
    for name in ("free-2", "free-3"):
        await member.request("tv", name, later)

    refused = await member.refused(member.renew(lapsed.license_id, later))

    assert refused == ("active-downloads-per-device",)


async def test_a_licence_on_a_full_device_can_be_renewed(member: Member) -> None:
    await member.open("solo")
    first = await member.request("tv", "free")
    await member.request("tv", "free-2")

    renewed = await member.renew(first.license_id, START + DAY)

    assert renewed.active_downloads_left_on_device == 0
    assert renewed.devices_left == 0


async def test_renewals_are_counted_to_the_last_and_refreshes_among_them(member: Member) -> None:
    await member.open("solo")
    license_id = (await member.request("tv", "windowed")).license_id

    first = await member.renew(license_id, START + DAY)
    assert (first.renewals_left, first.warnings) == (1, ())
    second = await member.renew(license_id, START + 3 * MONTH)
    assert second.renewals_left == 0
    assert [warning.code for warning in second.warnings] == ["last-renewal"]

    with pytest.raises(DownloadRefused) as refusal:
        await member.renew(license_id, START + 3 * MONTH + DAY)
    (unmet,) = refusal.value.unmet
    assert (unmet.reason, unmet.limit, unmet.used) == ("renewals-exhausted", 2, 2)
    assert unmet.resets_at is None


async def test_a_title_without_renewals_is_never_renewed(member: Member) -> None:
    await member.open("solo")
    grant = await member.request("tv", "unrenewable")

    assert grant.renewals_left == 0
    assert grant.warnings == ()
    refused = await member.refused(member.renew(grant.license_id, START))
    assert refused == ("renewals-exhausted",)


async def test_a_refresh_lists_every_unmet_rule_in_order(member: Member) -> None:
    await member.open("solo")
    license_id = (await member.request("tv", "short")).license_id
    await member.renew(license_id, START + 8 * DAY)
    later = START + 16 * DAY
    for name in ("free", "free-2"):
        await member.request("phone", name, later)

    refused = await member.refused(member.renew(license_id, later))

    assert refused == ("device-limit", "title-downloads-per-year", "renewals-exhausted")


async def test_an_active_licence_is_refused_only_by_a_plan_that_got_smaller(
    member: Member,
) -> None:
    await member.open("pair")
    on_tv = await member.request("tv", "free")
    await member.request("tv", "free-2", START + DAY)
    await member.request("tv", "free-3", START + 2 * DAY)
    await member.request("phone", "free", START + 3 * DAY)
    smaller = catalogue(plan("pair", 1, 1), *CATALOGUE.titles.values())
    heir = Member(service_of(member.service.repository, smaller))

    with pytest.raises(DownloadRefused) as refusal:
        await heir.renew(on_tv.license_id, START + 4 * DAY)

    devices, downloads = refusal.value.unmet
    assert (devices.reason, devices.limit, devices.used) == ("device-limit", 1, 2)
    assert devices.resets_at == START + 3 * DAY + MONTH
    assert downloads.reason == "active-downloads-per-device"
    assert (downloads.limit, downloads.used) == (1, 2)
    assert downloads.resets_at == START + 2 * DAY + MONTH


async def test_a_renewal_keeps_the_playback_window_and_a_refresh_starts_a_new_one(
    member: Member,
) -> None:
    await member.open("solo")
    license_id = (await member.request("tv", "windowed")).license_id
    window_end = (await member.play(license_id, START + DAY)).playback_ends_at
    assert window_end == START + 3 * DAY

    renewed = await member.renew(license_id, window_end - TICK)
    assert renewed.playback_ends_at == window_end
    assert (await member.license(license_id, window_end)).state == "expired"

    refreshed = await member.renew(license_id, window_end)
    assert refreshed.playback_ends_at is None
    again = await member.play(license_id, window_end + HOUR)
    assert again.first_played_at == window_end + HOUR
    assert again.playback_ends_at == window_end + HOUR + 2 * DAY


async def test_a_device_holds_a_renewed_licence_no_longer_than_its_playback_window(
    member: Member,
) -> None:
    await member.open("solo")
    license_id = (await member.request("tv", "windowed")).license_id
    await member.play(license_id, START)
    await member.renew(license_id, START + DAY)

    assert (await member.devices(START + 2 * DAY - TICK)).devices_in_use == 1
    assert (await member.devices(START + 2 * DAY)).devices_in_use == 0


async def test_a_licence_for_ever_is_renewed_for_ever(member: Member) -> None:
    await member.open("solo")
    license_id = (await member.request("tv", "forever")).license_id

    assert (await member.renew(license_id, START + YEAR)).expires_at is None


async def test_a_licence_that_lapsed_long_ago_can_be_refreshed(member: Member) -> None:
    await member.open("solo")
    old = (await member.request("tv", "free")).license_id
    await member.request("tv", "free-2", START + YEAR)

    refreshed = await member.renew(old, START + YEAR)

    assert refreshed.active_downloads_left_on_device == 0
    device = (await member.devices(START + YEAR)).devices[0]
    assert device.active_downloads == 2


async def test_the_duration_is_that_of_the_catalogue_at_the_renewal(member: Member) -> None:
    await member.open("solo")
    license_id = (await member.request("tv", "free")).license_id
    changed = catalogue(*CATALOGUE.plans.values(), title("free", days=7))
    heir = Member(service_of(member.service.repository, changed))

    renewed = await heir.renew(license_id, START + DAY)

    assert renewed.expires_at == START + 8 * DAY


async def test_what_cannot_be_renewed_is_named(member: Member) -> None:
    await member.open("solo")
    license_id = (await member.request("tv", "free")).license_id
    reduced = catalogue(*CATALOGUE.plans.values(), CATALOGUE.titles["free-2"])
    heir = Member(service_of(member.service.repository, reduced))

    await member.turned_down(LicenseNotFound, member.renew("lic-" + 32 * "0", START))
    await heir.turned_down(TitleNotFound, heir.renew(license_id, START))
    await member.release(license_id, START)
    await member.turned_down(LicenseReleased, member.renew(license_id, START))
