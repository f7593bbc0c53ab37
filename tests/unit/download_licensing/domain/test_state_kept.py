"""What the aggregates drop or put aside never changes an answer, and their state stays small."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from download_licensing.domain.account import REGISTRATIONS_MAX, Account
from download_licensing.domain.device import DOWNLOADS_MAX, Device
from download_licensing.domain.downloaded_title import PLAYS_MAX, DownloadedTitle
from download_licensing.domain.events import (
    DeviceRegistered,
    DeviceRemoved,
    DownloadCounted,
    DownloadDropped,
    DownloadHeld,
    DownloadsEnded,
    DownloadShortened,
    LicenseReleased,
    LicenseRevoked,
    PlayCounted,
    SessionReported,
)
from download_licensing.domain.license import ENDED_SESSIONS_MAX, SESSIONS_MAX, License
from download_licensing.domain.rules.device_registrations import DeviceRegistrations
from download_licensing.domain.times import SETTLING, YEAR
from download_licensing.policies.shipped import shipped_policy

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)

moments = st.integers(0, 2_000).map(lambda days: START + days * DAY)


def counted(*times: datetime) -> DownloadedTitle:
    title = DownloadedTitle.empty("t")
    for at in times:
        title.apply(DownloadCounted(license_id="l", device_id="d", at=at))
    return title


def held(license_id: str, expires_at: datetime | None, at: datetime) -> DownloadHeld:
    return DownloadHeld(license_id=license_id, title_id="t", expires_at=expires_at, at=at)


def test_a_download_counts_for_less_than_a_year() -> None:
    title = counted(START)

    assert title.in_year_before(START + YEAR - TICK) == [START]
    assert title.in_year_before(START + YEAR) == []


def test_downloads_are_kept_for_a_year_and_a_month() -> None:
    last = START + YEAR + SETTLING

    assert len(counted(START, last - TICK).counted) == 2
    title = counted(START, last)
    assert title.counted == [last]
    assert title.horizon == last - SETTLING


@given(st.lists(moments, max_size=30), moments)
def test_what_a_title_drops_counts_for_no_decision_it_allows(
    times: list[datetime], asked: datetime
) -> None:
    title = counted(*times)
    now = max(asked, title.horizon or asked)

    expected = sorted(at for at in times if at > now - YEAR)

    assert title.in_year_before(now) == expected


def test_a_licence_that_lapsed_over_a_month_ago_is_put_aside_and_can_come_back() -> None:
    device = Device.empty("d")
    device.apply(held("lic-a", START, START - DAY))
    device.apply(held("lic-b", None, START + SETTLING - TICK))
    assert device.lapsed == ""

    device.apply(held("lic-c", None, START + SETTLING))
    assert (list(device.held), device.lapsed) == (["lic-b", "lic-c"], "lic-a ")
    assert set(device.licenses()) == {"lic-a", "lic-b", "lic-c"}

    device.apply(held("lic-a", None, START + 2 * SETTLING))
    assert (set(device.held), device.lapsed) == ({"lic-a", "lic-b", "lic-c"}, "")


def test_what_was_put_aside_is_dropped_and_shortened_without_harm() -> None:
    device = Device.empty("d")
    device.apply(held("lic-a", START, START - DAY))
    device.apply(held("lic-b", START, START - DAY))
    device.apply(held("lic-c", None, START + SETTLING))

    device.apply(DownloadShortened(license_id="lic-a", expires_at=START, at=START + SETTLING))
    device.apply(DownloadDropped(license_id="lic-b", at=START + SETTLING))

    assert device.licenses() == ["lic-c", "lic-a"]


holdings = st.tuples(st.sampled_from("abcdef"), st.none() | moments, moments)


@given(st.lists(holdings, max_size=30), moments)
def test_what_a_device_puts_aside_is_active_in_no_decision_it_allows(
    events: list[tuple[str, datetime | None, datetime]], asked: datetime
) -> None:
    device = Device.empty("d")
    everything: dict[str, datetime | None] = {}
    for license_id, expires_at, at in events:
        device.apply(held(license_id, expires_at, at))
        everything[license_id] = expires_at
    now = max(asked, device.horizon or asked)

    expected = sum(end is None or now < end for end in everything.values())

    assert len(device.active_ends(now)) == expected
    assert set(device.licenses()) == set(everything)


changes = st.one_of(
    st.builds(held, st.sampled_from("abcdef"), st.none() | moments, moments),
    st.builds(
        DownloadShortened,
        license_id=st.sampled_from("abcdef"),
        expires_at=st.none() | moments,
        at=moments,
    ),
    st.builds(DownloadDropped, license_id=st.sampled_from("abcdef"), at=moments),
)


@given(st.lists(changes, max_size=30), moments)
def test_a_device_knows_its_licences_in_the_order_in_which_they_expire(
    events: list[DownloadHeld | DownloadShortened | DownloadDropped], now: datetime
) -> None:
    device = Device.empty("d")
    for event in events:
        device.apply(event)
    ends = device.active_ends(now)

    assert ends == sorted(ends)
    assert device.active_until(now) == max(ends, default=None)
    assert device.active_ends_of({"t"}, now) == ends
    assert device.active_ends_of({"other"}, now) == []
    for license_id in "abcdef":
        rest = device.active_ends(now, without=license_id)
        assert device.active_ends_of({"t"}, now, without=license_id) == rest


def test_years_of_downloads_leave_a_small_state() -> None:
    title, device = DownloadedTitle.empty("t"), Device.empty("d")
    for day in range(0, 3_650, 7):
        at = START + day * DAY
        title.apply(DownloadCounted(license_id="l", device_id="d", at=at))
        device.apply(held(f"lic-{day:032x}", at + 30 * DAY, at))

    assert len(title.counted) == 57
    assert len(device.held) == 9
    assert len(msgspec.msgpack.encode(device)) < 522 * 38 + 1_000


@given(st.lists(moments, max_size=30), moments, st.integers(1, 365))
def test_what_an_account_drops_counts_for_no_decision_it_allows(
    times: list[datetime], asked: datetime, days: int
) -> None:
    account = Account.empty("account")
    for at in times:
        account.apply(DeviceRegistered(device_id="d", at=at))
    now = max(asked, account.horizon or asked)

    expected = sorted(at for at in times if at > now - days * DAY)

    assert account.registered_within(days * DAY, now) == expected


def test_a_device_that_comes_back_is_registered_once_more() -> None:
    account = Account.empty("account")
    account.apply(DeviceRegistered(device_id="d", at=START))
    account.apply(DeviceRemoved(device_id="d", at=START + DAY))
    account.apply(DeviceRegistered(device_id="d", at=START + 2 * DAY))

    now = START + 3 * DAY
    assert account.registered_within(30 * DAY, now) == [START, START + 2 * DAY]
    assert account.registered_within(3 * DAY, now) == [START + 2 * DAY]


@given(st.lists(st.tuples(moments, st.booleans()), max_size=30), moments)
def test_a_month_of_downloads_to_a_device_is_whole_for_decisions_up_to_a_month_back(
    events: list[tuple[datetime, bool]], back: datetime
) -> None:
    device = Device.empty("d")
    for number, (at, _) in enumerate(events):
        device.apply(held(f"lic-{number}", None, at))
    latest = max([at for at, _ in events], default=START)
    now = latest - (back - START) % SETTLING
    start = now - 32 * DAY

    expected = sum(start <= at < now for at, _ in events)

    assert device.downloads_between(start, now) == expected


def test_a_grant_and_a_refresh_are_downloads_and_a_renewal_is_none() -> None:
    device = Device.empty("d")
    device.apply(held("lic-a", START + 2 * DAY, START))
    device.apply(held("lic-a", START + 4 * DAY, START + 2 * DAY - TICK))
    assert device.downloads == [START]

    device.apply(held("lic-a", START + 9 * DAY, START + 4 * DAY))
    device.apply(held("lic-b", None, START + 5 * DAY))
    assert device.downloads == [START, START + 4 * DAY, START + 5 * DAY]


def test_a_play_that_ends_a_licence_makes_its_renewal_a_download() -> None:
    device = Device.empty("d")
    device.apply(held("lic-a", START + 30 * DAY, START))
    device.apply(DownloadShortened(license_id="lic-a", expires_at=START + 2 * DAY, at=START))
    device.apply(held("lic-a", START + 32 * DAY, START + 2 * DAY))

    assert device.downloads == [START, START + 2 * DAY]
    assert device.held["lic-a"].title_id == "t"


def test_what_is_remembered_of_a_busy_account_is_bounded() -> None:
    account, device = Account.empty("account"), Device.empty("d")
    for number in range(max(REGISTRATIONS_MAX, DOWNLOADS_MAX) + 1):
        at = START + number * TICK
        account.apply(DeviceRegistered(device_id="d", at=at))
        device.apply(held(f"lic-{number}", None, at))

    assert len(account.registrations) == REGISTRATIONS_MAX
    assert len(device.downloads) == DOWNLOADS_MAX
    assert (account.registrations[0], device.downloads[0]) == (START + TICK, START + TICK)


def test_ten_years_of_devices_that_come_and_go_stay_small_and_each_is_remembered() -> None:
    limit = shipped_policy().policy(START).terms_for("premium").get(DeviceRegistrations)
    assert limit is not None
    every = limit.window_days * DAY / limit.registrations_max
    account = Account.empty("account")
    names = [f"device-{number:029}" for number in range(10 * YEAR // every)]  # as long as UUIDs
    for number, name in enumerate(names):
        at = START + number * every
        account.apply(DeviceRegistered(device_id=name, at=at))
        account.apply(DeviceRemoved(device_id=name, at=at + DAY))

    # No rule needs them, but their removal is repeated, their reports come late, and the state at
    # any time is told by the same aggregate.
    assert list(account.devices) == names
    assert account.present() == []
    assert len(msgspec.msgpack.encode(account.devices)) < 64 * 1024
    assert len(account.registrations) <= (YEAR + SETTLING) // every


def played(*times: datetime) -> DownloadedTitle:
    title = DownloadedTitle.empty("t")
    for at in times:
        title.apply(PlayCounted(license_id="l", session_id="s", played_at=at, at=at))
    return title


@given(st.lists(moments, max_size=30), st.lists(moments, max_size=5), moments)
def test_the_plays_a_title_drops_count_for_no_decision_it_allows(
    plays: list[datetime], downloads: list[datetime], asked: datetime
) -> None:
    title = played(*plays)
    for at in downloads:
        title.apply(DownloadCounted(license_id="l", device_id="d", at=at))
    now = max(asked, title.horizon or asked)

    assert title.plays_in_year_before(now) == sorted(at for at in plays if at > now - YEAR)
    assert title.in_year_before(now) == sorted(at for at in downloads if at > now - YEAR)


def test_a_play_counts_for_less_than_a_year_and_the_latest_are_remembered() -> None:
    assert played(START).plays_in_year_before(START + YEAR - TICK) == [START]
    assert played(START).plays_in_year_before(START + YEAR) == []

    busy = played(*[START + number * TICK for number in range(PLAYS_MAX + 1)])
    assert (len(busy.plays), busy.plays[0]) == (PLAYS_MAX, START + TICK)


def test_a_licence_remembers_the_sessions_that_began_last() -> None:
    license = License.empty("l")
    order = [*range(10, SESSIONS_MAX + 10), *range(10)]
    for number in order:
        license.apply(reported(number))

    assert len(license.sessions) == SESSIONS_MAX
    assert min(session.started_at for session in license.sessions.values()) == START + 10 * TICK
    assert license.forgot(START + 9 * TICK)
    assert not license.forgot(START + 10 * TICK)


def test_licences_that_end_early_take_their_place_among_those_held() -> None:
    device = Device.empty("d")
    for number, days in enumerate((10, 20, 30)):
        device.apply(held(f"lic-{number}", START + days * DAY, START))
    device.apply(held("lic-3", None, START))

    ends = {"lic-3": START + 15 * DAY, "lic-2": START + DAY, "unknown": START}
    device.apply(DownloadsEnded(ends=ends, at=START + DAY))

    assert list(device.held) == ["lic-2", "lic-0", "lic-3", "lic-1"]
    assert device.active_until(START + DAY) == START + 20 * DAY
    assert len(device.active_ends(START + DAY)) == 3


@pytest.mark.parametrize(
    "end",
    [
        LicenseReleased(reason="deleted", released_at_device=None, at=START + DAY),
        LicenseRevoked(reason="Claim.", at=START + DAY),
    ],
    ids=lambda event: event.event_name,
)
def test_a_licence_that_ended_remembers_fewer_sessions(
    end: LicenseReleased | LicenseRevoked,
) -> None:
    license = License.empty("l")
    for number in range(SESSIONS_MAX):
        license.apply(reported(number))
    license.apply(end)

    assert len(license.sessions) == ENDED_SESSIONS_MAX
    assert license.forgot(START + (SESSIONS_MAX - ENDED_SESSIONS_MAX - 1) * TICK)
    assert not license.forgot(START + (SESSIONS_MAX - ENDED_SESSIONS_MAX) * TICK)
    license.apply(reported(SESSIONS_MAX))
    assert len(license.sessions) == ENDED_SESSIONS_MAX
    assert f"s-{SESSIONS_MAX}" in license.sessions


def reported(number: int) -> SessionReported:
    began = START + number * TICK
    return SessionReported(
        session_id=f"s-{number}",
        started_at=began,
        state="stopped",
        last_at=began,
        reported_at_device=began,
        at=START + DAY,
    )
