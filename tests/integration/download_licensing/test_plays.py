from datetime import UTC, datetime, timedelta, timezone

import pytest

from download_licensing.domain.refusals import LicenseNotFound
from helenus import InvalidArgument
from tests.integration.download_licensing.member import DAY, HOUR, START, TICK, Member

WINDOW = 48 * HOUR
EXPIRY = START + 30 * DAY


async def _granted(member: Member, title: str = "windowed") -> str:
    await member.open("pair")
    return (await member.request("tv", title)).license_id


async def test_the_first_play_starts_the_playback_window(member: Member) -> None:
    license_id = await _granted(member)

    played = await member.play(license_id, START + DAY)

    assert played.first_played_at == START + DAY
    assert played.playback_ends_at == played.effective_expires_at == START + DAY + WINDOW
    assert (await member.recorded())[-2:] == [
        (license_id, "first-play-reported"),
        ("tv", "download-shortened"),
    ]
    assert (await member.license(license_id, START + DAY + WINDOW - TICK)).state == "active"
    assert (await member.license(license_id, START + DAY + WINDOW)).state == "expired"


async def test_the_end_of_the_window_frees_the_slot_of_the_device(member: Member) -> None:
    license_id = await _granted(member)
    await member.play(license_id, START + DAY)

    assert (await member.devices(START + DAY + WINDOW - TICK)).devices_in_use == 1
    assert (await member.devices(START + DAY + WINDOW)).devices_in_use == 0


async def test_a_window_that_outlasts_the_licence_does_not_lengthen_it(member: Member) -> None:
    license_id = await _granted(member)

    played = await member.play(license_id, EXPIRY - HOUR)

    assert played.playback_ends_at == EXPIRY - HOUR + WINDOW
    assert played.effective_expires_at == EXPIRY
    assert await member.facts("download-shortened") == []


async def test_a_play_without_a_window_is_noted_and_ends_nothing(member: Member) -> None:
    license_id = await _granted(member, "free")

    played = await member.play(license_id, START + DAY)

    assert played.first_played_at == START + DAY
    assert (played.playback_ends_at, played.effective_expires_at) == (None, EXPIRY)
    assert await member.facts("download-shortened") == []


async def test_a_window_ends_a_licence_that_would_last_for_ever(member: Member) -> None:
    license_id = await _granted(member, "forever-windowed")

    played = await member.play(license_id, START)

    assert played.effective_expires_at == START + WINDOW
    assert (await member.devices(START + WINDOW)).devices_in_use == 0


async def test_a_repeated_later_or_earlier_report_changes_nothing(member: Member) -> None:
    license_id = await _granted(member)
    first = await member.play(license_id, START + 2 * DAY, START + 3 * DAY)
    before = await member.recorded()

    for played_at in (START + 2 * DAY, START + 2 * DAY + HOUR, START + DAY):
        again = await member.play(license_id, played_at, START + 3 * DAY)
        assert again == first
    assert await member.recorded() == before


@pytest.mark.parametrize(
    ("told", "counted"),
    [
        (START - DAY, START),
        (START, START),
        (START + DAY, START + DAY),
        (START + 2 * DAY, START + 2 * DAY),
        (START + 2 * DAY + TICK, START + 2 * DAY),
        (START + 9 * DAY, START + 2 * DAY),
        (datetime(1970, 1, 1, tzinfo=UTC), START),
    ],
)
async def test_a_play_counts_between_the_grant_and_the_report(
    member: Member, told: datetime, counted: datetime
) -> None:
    license_id = await _granted(member)

    played = await member.play(license_id, told, START + 2 * DAY)

    assert played.first_played_at == counted
    (fact,) = await member.facts("first-play-reported")
    assert fact["reported_at_device"] == told


async def test_a_play_reported_after_a_renewal_counts_from_the_renewal(member: Member) -> None:
    license_id = await _granted(member)
    await member.renew(license_id, START + 5 * DAY)

    played = await member.play(license_id, START + DAY, START + 6 * DAY)

    assert played.first_played_at == START + 5 * DAY


async def test_a_late_report_can_show_that_a_licence_had_already_ended(member: Member) -> None:
    license_id = await _granted(member)

    late = await member.play(license_id, START + DAY, START + 10 * DAY)

    assert late.state == "expired"
    assert late.effective_expires_at == START + DAY + WINDOW


async def test_a_report_that_comes_after_the_licence_lapsed_is_accepted(member: Member) -> None:
    license_id = await _granted(member)
    later = START + 100 * DAY
    await member.request("tv", "free", later)

    late = await member.play(license_id, START + DAY, later)

    assert late.state == "expired"
    assert (await member.devices(later)).devices[0].active_downloads == 1


async def test_a_report_for_a_released_licence_is_acknowledged_without_a_trace(
    member: Member,
) -> None:
    license_id = await _granted(member)
    await member.release(license_id, START + HOUR)
    before = await member.recorded()

    played = await member.play(license_id, START, START + DAY)

    assert (played.state, played.first_played_at) == ("released", None)
    assert await member.recorded() == before


async def test_a_report_in_another_time_zone_is_kept_in_utc(member: Member) -> None:
    license_id = await _granted(member)
    local = (START + HOUR).astimezone(timezone(timedelta(hours=9)))

    played = await member.play(license_id, local, START + DAY)

    assert played.first_played_at is not None
    assert played.first_played_at.tzinfo is UTC
    assert played.first_played_at == START + HOUR


@pytest.mark.parametrize("told", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)])
async def test_a_report_outside_the_calendar_is_refused(member: Member, told: datetime) -> None:
    license_id = await _granted(member)

    with pytest.raises(InvalidArgument, match="played_at"):
        await member.play(license_id, told, START)


async def test_a_play_of_an_unknown_licence_is_refused(member: Member) -> None:
    await member.open("pair")

    await member.turned_down(LicenseNotFound, member.play("lic-" + 32 * "0", START))


async def test_the_time_that_remains_is_told_for_licence_and_window_apart(member: Member) -> None:
    license_id = await _granted(member)
    fresh = await member.license(license_id, START + DAY)
    await member.play(license_id, START + DAY)
    played = await member.license(license_id, START + DAY + HOUR + TICK)
    over = await member.license(license_id, EXPIRY + DAY)
    await member.release(license_id, EXPIRY + DAY)
    released = await member.license(license_id, START)

    remaining = [
        (a.license_remaining_s, a.playback_remaining_s) for a in (fresh, played, over, released)
    ]
    day, hour = 86_400, 3_600
    assert remaining == [
        (29 * day, 48 * hour),
        (29 * day - hour - 1, 47 * hour - 1),
        (0, 0),
        (0, 0),
    ]


async def test_what_is_unlimited_has_no_remaining_time(member: Member) -> None:
    license_id = await _granted(member, "forever")

    license = await member.license(license_id, START)

    assert (license.license_remaining_s, license.playback_remaining_s) == (None, None)
    assert (license.renewals_left, license.effective_expires_at) == (None, None)
