from datetime import UTC, datetime, timedelta

import pytest

from download_licensing.domain.license import SESSIONS_MAX
from download_licensing.domain.refusals import LicenseNotFound
from download_licensing.domain.sessions import SessionKind
from download_licensing.service.commands import ReportFirstPlay
from helenus import InvalidArgument
from tests.integration.download_licensing.member import DAY, HOUR, START, TICK, Member

MINUTE = timedelta(minutes=1)
WINDOW = 48 * HOUR
LATER = START + 10 * DAY


async def _granted(member: Member, title: str = "windowed") -> str:
    await member.open("pair")
    return (await member.request("tv", title)).license_id


async def test_a_session_told_whole_is_one_play_and_starts_the_window(member: Member) -> None:
    license_id = await _granted(member)
    began = START + DAY

    told = await member.session(
        license_id,
        "s-1",
        ("start", began),
        ("pause", began + HOUR),
        ("resume", began + 2 * HOUR),
        ("stop", began + 3 * HOUR),
        at=LATER,
    )

    assert told.session is not None
    assert (told.session.state, told.session.started_at) == ("stopped", began)
    assert told.session.last_event_at == began + 3 * HOUR
    assert told.license.playback_ends_at == began + WINDOW
    assert await member.plays("windowed") == [began]
    assert [name for _, name in await member.recorded()][-4:] == [
        *("session-reported", "play-counted", "first-play-reported", "download-shortened")
    ]


async def test_a_report_that_comes_twice_tells_nothing_new(member: Member) -> None:
    license_id = await _granted(member)
    news: list[tuple[SessionKind, datetime]] = [
        ("start", START + DAY),
        ("stop", START + DAY + HOUR),
    ]
    first = await member.session(license_id, "s-1", *news, at=LATER)
    before = await member.recorded()

    again = await member.session(license_id, "s-1", *news, at=LATER + DAY)

    assert (first.news, again.news) == (True, False)
    assert again.session == first.session
    assert await member.recorded() == before


async def test_parts_that_come_in_the_wrong_order_make_the_same_session(member: Member) -> None:
    license_id = await _granted(member, "free")
    began = START + DAY

    await member.session(license_id, "s-1", ("pause", began + HOUR), at=LATER)
    await member.session(license_id, "s-1", ("stop", began + 2 * HOUR), at=LATER)
    late = await member.session(license_id, "s-1", ("start", began), at=LATER)

    assert not late.news
    assert late.session is not None
    assert (late.session.state, late.session.last_event_at) == ("stopped", began + 2 * HOUR)
    assert await member.plays("free") == [began + HOUR]


async def test_what_is_told_after_a_stop_contradicts_it_and_does_not_count(member: Member) -> None:
    license_id = await _granted(member, "free")
    await member.session(license_id, "s-1", ("stop", START + HOUR), at=LATER)
    before = await member.recorded()

    told = await member.session(license_id, "s-1", ("resume", START + 2 * HOUR), at=LATER)

    assert told.session is not None
    assert told.session.state == "stopped"
    assert await member.recorded() == before


async def test_a_stop_counts_even_if_it_is_told_to_be_earlier_than_other_news(
    member: Member,
) -> None:
    license_id = await _granted(member, "free")
    await member.session(license_id, "s-1", ("keep-alive", START + 2 * HOUR), at=LATER)

    told = await member.session(license_id, "s-1", ("stop", START + HOUR), at=LATER)

    assert told.session is not None
    assert (told.session.state, told.session.last_event_at) == ("stopped", START + 2 * HOUR)


async def test_keep_alives_are_recorded_a_few_times_an_hour(member: Member) -> None:
    license_id = await _granted(member, "free")

    for minute in range(121):
        moment = START + minute * MINUTE
        await member.session(license_id, "s-1", ("keep-alive", moment), at=moment)

    facts = await member.facts("session-reported")
    assert [fact["last_at"] for fact in facts] == [START + n * 15 * MINUTE for n in range(9)]
    assert await member.plays("free") == [START]


async def test_a_keep_alive_leaves_a_paused_session_paused(member: Member) -> None:
    license_id = await _granted(member, "free")

    told = await member.session(
        license_id, "s-1", ("pause", START + HOUR), ("keep-alive", START + 2 * HOUR), at=LATER
    )

    assert told.session is not None
    assert told.session.state == "paused"


async def test_two_sessions_are_two_plays_and_one_window(member: Member) -> None:
    license_id = await _granted(member)

    await member.session(license_id, "s-1", ("start", START + DAY), at=LATER)
    second = await member.session(license_id, "s-2", ("start", START + 2 * DAY), at=LATER)

    assert await member.plays("windowed") == [START + DAY, START + 2 * DAY]
    assert second.license.first_played_at == START + DAY


async def test_a_first_play_that_names_its_session_counts_with_it_once(member: Member) -> None:
    license_id = await _granted(member)
    began = START + DAY
    await member.do(
        ReportFirstPlay, LATER, license_id=license_id, played_at=began, session_id="s-1"
    )

    again = await member.session(license_id, "s-1", ("start", began), at=LATER)

    assert not again.news
    assert await member.plays("windowed") == [began]
    assert again.license.first_played_at == began


async def test_a_first_play_without_a_session_is_a_play(member: Member) -> None:
    license_id = await _granted(member)

    await member.play(license_id, START + DAY)
    await member.play(license_id, START + DAY)

    assert await member.plays("windowed") == [START + DAY]


@pytest.mark.parametrize("off", [-400 * DAY, -3 * DAY, -HOUR, HOUR, 3 * DAY, 400 * DAY])
async def test_a_clock_that_is_off_does_no_harm_if_the_device_tells_its_time(
    member: Member, off: timedelta
) -> None:
    license_id = await _granted(member)
    began = START + DAY

    told = await member.session(
        license_id, "s-1", ("start", began + off), at=LATER, sent_at=LATER + off
    )

    assert told.license.first_played_at == began
    (fact,) = await member.facts("session-reported")
    assert (fact["started_at"], fact["reported_at_device"]) == (began, began + off)


@pytest.mark.parametrize(
    ("told", "sent_at", "counted"),
    [
        (START - TICK, None, START),
        (datetime(1900, 1, 1, tzinfo=UTC), None, START),
        (LATER + TICK, None, LATER),
        (datetime(8999, 12, 31, tzinfo=UTC), None, LATER),
        (datetime(1900, 1, 1, tzinfo=UTC), datetime(8999, 12, 31, tzinfo=UTC), START),
        (datetime(8999, 12, 31, tzinfo=UTC), datetime(1900, 1, 1, tzinfo=UTC), LATER),
    ],
)
async def test_a_session_counts_between_the_grant_and_the_report(
    member: Member, told: datetime, sent_at: datetime | None, counted: datetime
) -> None:
    license_id = await _granted(member)

    reported = await member.session(license_id, "s-1", ("start", told), at=LATER, sent_at=sent_at)

    assert reported.session is not None
    assert reported.session.started_at == counted
    assert await member.plays("windowed") == [counted]


async def test_a_session_before_a_renewal_counts_then_and_the_window_from_the_renewal(
    member: Member,
) -> None:
    license_id = await _granted(member)
    await member.renew(license_id, START + 5 * DAY)

    told = await member.session(license_id, "s-1", ("start", START + DAY), at=LATER)

    assert await member.plays("windowed") == [START + DAY]
    assert told.license.first_played_at == START + 5 * DAY


async def test_a_session_of_a_released_licence_counts_and_changes_nothing_else(
    member: Member,
) -> None:
    license_id = await _granted(member)
    released = await member.release(license_id, START + 2 * DAY)

    told = await member.session(
        license_id, "s-1", ("start", START + DAY), ("stop", START + 3 * DAY), at=LATER
    )

    assert told.session is not None
    assert told.session.last_event_at == START + 2 * DAY
    assert await member.plays("windowed") == [START + DAY]
    assert told.license == released


async def test_what_is_told_of_forgotten_sessions_is_acknowledged_and_not_counted(
    member: Member,
) -> None:
    license_id = await _granted(member, "free")
    for number in range(SESSIONS_MAX + 1):
        began = START + number * MINUTE
        await member.session(license_id, f"s-{number}", ("stop", began), at=LATER)
    before = await member.recorded()

    for session_id in ("s-0", "unheard-of"):
        told = await member.session(license_id, session_id, ("stop", START), at=LATER)
        assert (told.session, told.news) == (None, False)
    remembered = await member.session(license_id, "s-1", ("stop", START), at=LATER)

    assert len(await member.plays("free")) == SESSIONS_MAX + 1
    assert not remembered.news
    assert await member.recorded() == before


async def test_a_session_of_an_unknown_licence_is_refused(member: Member) -> None:
    await member.open("pair")

    attempt = member.session("lic-" + 32 * "0", "s-1", ("start", START), at=START)

    await member.turned_down(LicenseNotFound, attempt)


@pytest.mark.parametrize("told", [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)])
async def test_a_time_outside_the_calendar_is_refused_and_named(
    member: Member, told: datetime
) -> None:
    license_id = await _granted(member)

    with pytest.raises(InvalidArgument, match=r"events\[1\]\.at"):
        await member.session(license_id, "s", ("start", START), ("stop", told), at=START)
    with pytest.raises(InvalidArgument, match="sent_at"):
        await member.session(license_id, "s", ("start", START), at=START, sent_at=told)
