from collections.abc import AsyncIterator

import pytest

from download_licensing.domain.policy import Layer, Policies, Policy
from download_licensing.domain.refusals import (
    DownloadRefused,
    KeyReused,
    LicenseReleased,
    UnknownPlan,
    UnknownTitle,
)
from download_licensing.domain.rules.license_duration import LicenseDuration
from download_licensing.domain.rules.renewals_per_license import RenewalsPerLicense
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.service.commands import RequestDownload
from download_licensing.service.licensing import AGGREGATES, LicensingService
from helenus import (
    AggregateRepository,
    CommandContext,
    CommandIdReused,
    InvalidArgument,
    RepositorySettings,
)
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.member import (
    CATALOGUE,
    DAY,
    START,
    TICK,
    YEAR,
    Member,
    catalogue,
    service_of,
)

MONTH = 30 * DAY


async def test_a_grant_records_one_fact_for_each_aggregate_it_touches(member: Member) -> None:
    await member.open("pair")

    grant = await member.request("tv", "thrice")

    assert (await member.recorded())[1:] == [
        ("account", "device-registered"),
        ("thrice", "download-counted"),
        ("tv", "download-held"),
        (grant.license_id, "license-issued"),
    ]


async def test_a_grant_says_what_was_granted_and_what_is_left(member: Member) -> None:
    await member.open("pair")

    grant = await member.request("tv", "windowed")

    assert (grant.customer_id, grant.device_id, grant.title_id) == ("ada", "tv", "windowed")
    assert (grant.plan, grant.issued_at, grant.expires_at) == ("pair", START, START + MONTH)
    assert (grant.playback_window_s, grant.playback_ends_at) == (48 * 3600, None)
    assert (grant.renewals_left, grant.downloads_left_this_year) == (2, None)
    assert (grant.active_downloads_left_on_device, grant.devices_left) == (2, 1)
    assert grant.warnings == ()


async def test_a_title_without_a_duration_is_granted_for_ever(member: Member) -> None:
    await member.open("pair")

    grant = await member.request("tv", "forever")

    assert grant.expires_at is None
    assert (await member.license(grant.license_id, START + 50 * YEAR)).state == "active"


async def test_a_known_device_is_not_registered_again(member: Member) -> None:
    await member.open("pair")
    await member.request("tv", "free")
    await member.request("tv", "free-2")

    assert len(await member.facts("device-registered")) == 1


async def test_a_device_over_the_plan_is_refused_until_the_other_holds_nothing(
    member: Member,
) -> None:
    await member.open("solo")
    held = await member.request("tv", "free")
    assert held.expires_at is not None

    with pytest.raises(DownloadRefused) as refusal:
        await member.request("phone", "free", START + DAY)
    (unmet,) = refusal.value.unmet
    assert (unmet.reason, unmet.limit, unmet.used) == ("device-limit", 1, 1)
    assert unmet.resets_at == held.expires_at
    assert unmet.remedy
    assert unmet.detail

    too_early = member.request("phone", "free", held.expires_at - TICK)
    assert await member.refused(too_early) == ("device-limit",)
    await member.request("phone", "free", held.expires_at)


async def test_a_device_whose_downloads_never_expire_never_resets(member: Member) -> None:
    await member.open("solo")
    await member.request("tv", "forever")

    with pytest.raises(DownloadRefused) as refusal:
        await member.request("phone", "free")

    assert refusal.value.unmet[0].resets_at is None


async def test_the_device_limit_resets_with_the_device_that_empties_first(member: Member) -> None:
    await member.open("pair")
    await member.request("tv", "free", START)
    await member.request("tv", "free", START + 5 * DAY)
    await member.request("phone", "free", START + 4 * DAY)

    with pytest.raises(DownloadRefused) as refusal:
        await member.request("tablet", "free", START + 6 * DAY)

    assert refusal.value.unmet[0].resets_at == START + 4 * DAY + MONTH


async def test_active_downloads_on_a_device_are_limited_until_the_earliest_expires(
    member: Member,
) -> None:
    await member.open("solo")
    first = await member.request("tv", "free")
    await member.request("tv", "free-2", START + DAY)
    assert first.expires_at is not None

    with pytest.raises(DownloadRefused) as refusal:
        await member.request("tv", "free-3", first.expires_at - TICK)
    (unmet,) = refusal.value.unmet
    assert (unmet.reason, unmet.limit, unmet.used) == ("active-downloads-per-device", 2, 2)
    assert unmet.resets_at == first.expires_at

    grant = await member.request("tv", "free-3", first.expires_at)
    assert grant.active_downloads_left_on_device == 0


async def test_a_title_is_counted_over_all_devices_for_exactly_a_year(member: Member) -> None:
    await member.open("pair")
    for day, device in enumerate(("tv", "phone", "tv")):
        await member.request(device, "thrice", START + day * DAY)

    with pytest.raises(DownloadRefused) as refusal:
        await member.request("phone", "thrice", START + YEAR - TICK)
    (unmet,) = refusal.value.unmet
    assert (unmet.reason, unmet.limit, unmet.used) == ("title-downloads-per-year", 3, 3)
    assert unmet.resets_at == START + YEAR

    await member.request("phone", "thrice", START + YEAR)
    too_early = member.request("phone", "thrice", START + YEAR + DAY - TICK)
    assert await member.refused(too_early) == ("title-downloads-per-year",)


async def test_a_released_download_still_counts_against_the_title(member: Member) -> None:
    await member.open("solo")
    for _ in range(3):
        grant = await member.request("tv", "thrice")
        await member.release(grant.license_id, START)

    assert await member.refused(member.request("tv", "thrice")) == ("title-downloads-per-year",)


async def test_a_refusal_lists_every_unmet_rule_in_order(member: Member) -> None:
    await member.open("solo")
    for title in ("short", "short"):
        await member.request("tv", title)

    on_the_device = await member.refused(member.request("tv", "short"))
    on_another = await member.refused(member.request("phone", "short"))

    assert on_the_device == ("active-downloads-per-device", "title-downloads-per-year")
    assert on_another == ("device-limit", "title-downloads-per-year")


async def test_the_last_downloads_of_a_title_are_announced_with_their_date(member: Member) -> None:
    await member.open("family")

    grants = [await member.request("tv", "thrice", START + day * DAY) for day in range(3)]

    assert [g.downloads_left_this_year for g in grants] == [2, 1, 0]
    assert grants[0].warnings == ()
    (warning,) = grants[1].warnings
    assert (warning.code, warning.until) == ("last-download-of-title", START + YEAR)
    assert warning.message == "Only 1 more download of this title before 2027-01-01."
    (warning,) = grants[2].warnings
    assert (warning.code, warning.until) == ("no-download-of-title-left", START + YEAR)


async def test_a_repeated_request_is_granted_once_and_answered_alike(member: Member) -> None:
    await member.open("solo")
    first = await member.request("tv", "thrice", key="k1")
    before = await member.recorded()

    again = await member.request("tv", "thrice", START + DAY, key="k1")

    assert again == first
    assert await member.recorded() == before


async def test_a_key_used_for_another_request_is_refused(member: Member) -> None:
    await member.open("pair")
    await member.request("tv", "free", key="k1")

    with pytest.raises(CommandIdReused):
        await member.request("tv", "free-2", key="k1")


async def test_a_refused_request_may_be_granted_later_under_its_key(member: Member) -> None:
    await member.open("solo")
    held = await member.request("tv", "free")
    assert await member.refused(member.request("phone", "free", key="k")) == ("device-limit",)
    await member.release(held.license_id, START)

    assert (await member.request("phone", "free", key="k")).device_id == "phone"


async def test_a_repetition_is_granted_once_even_after_its_command_was_forgotten() -> None:
    settings = RepositorySettings(command_window_max=1)
    async with (
        MemoryStore() as store,
        AggregateRepository(store, AGGREGATES, settings=settings) as repository,
    ):
        member = Member(service_of(repository))
        await member.open("pair")
        first = await member.request("tv", "thrice", key="k1")
        await member.request("tv", "free", key="k2")
        before = await member.recorded()

        again = await member.request("tv", "thrice", START + DAY, key="k1")
        assert (again.license_id, again.expires_at) == (first.license_id, first.expires_at)
        assert again.downloads_left_this_year == 2
        assert again.active_downloads_left_on_device == 1
        assert await member.recorded() == before

        await member.turned_down(KeyReused, member.request("tv", "free", key="k1"))
        await member.release(first.license_id, START)
        await member.request("tv", "free", key="k3")
        await member.turned_down(LicenseReleased, member.request("tv", "thrice", key="k1"))


async def test_a_request_without_a_key_is_refused(member: Member) -> None:
    await member.open("solo")
    command = RequestDownload(customer_id="ada", device_id="tv", title_id="free")

    with pytest.raises(InvalidArgument, match="idempotency key"):
        await member.service.execute(command, CommandContext(at=START))


async def test_an_unknown_title_is_refused(member: Member) -> None:
    await member.open("solo")

    await member.turned_down(UnknownTitle, member.request("tv", "unheard-of"))


async def test_a_plan_that_left_the_catalogue_is_named(member: Member) -> None:
    await member.open("solo")
    changed = catalogue(CATALOGUE.plans["pair"], CATALOGUE.titles["free"])
    heir = Member(service_of(member.service.repository, changed))

    await heir.turned_down(UnknownPlan, heir.request("tv", "free"))


@pytest.mark.parametrize("year", [1, 1899, 9000, 9999])
async def test_a_time_outside_the_calendar_is_refused(member: Member, year: int) -> None:
    await member.open("solo")

    with pytest.raises(InvalidArgument, match="years 1900 to 8999"):
        await member.request("tv", "free", START.replace(year=year))


async def test_a_decision_far_before_earlier_ones_passes_no_limit(member: Member) -> None:
    await member.open("family")
    for years in (0, 0, 0, 3):
        await member.request("tv", "thrice", START + years * YEAR)

    back = await member.request("tv", "thrice", START + DAY)

    assert back.issued_at == START + 3 * YEAR - 31 * DAY
    assert back.downloads_left_this_year == 1


DATED = Policies(
    [
        Policy(
            version=version,
            effective_from=since,
            default=Layer.of(
                TitleDownloadsPerYear(downloads),
                LicenseDuration(24 * days),
                RenewalsPerLicense(renewals),
            ),
        )
        for version, since, downloads, days, renewals in (
            ("first", START, 1, 60, 1),
            ("second", START + MONTH, 2, 7, 9),
        )
    ]
)


@pytest.fixture
async def dated() -> AsyncIterator[Member]:
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        member = Member(LicensingService(repository, CATALOGUE, policies=DATED))
        await member.open("pair")
        yield member


async def test_a_decision_follows_the_policy_in_force_at_its_time(dated: Member) -> None:
    grant = await dated.request("tv", "free", START + MONTH - TICK)
    with pytest.raises(DownloadRefused) as refusal:
        await dated.request("tv", "free", START + MONTH - TICK)

    later = await dated.request("tv", "free", START + MONTH)

    assert (grant.policy_version, grant.expires_at) == ("first", START + 3 * MONTH - TICK)
    assert (refusal.value.policy_version, refusal.value.at) == ("first", START + MONTH - TICK)
    assert refusal.value.position == 5
    assert (later.policy_version, later.expires_at) == ("second", START + MONTH + 7 * DAY)
    assert later.devices_left is None
    issued = await dated.facts("license-issued")
    assert [fact["policy_version"] for fact in issued] == ["first", "second"]


async def test_a_renewal_follows_the_policy_then_in_force_within_the_renewals_of_its_licence(
    dated: Member,
) -> None:
    grant = await dated.request("tv", "free")

    renewed = await dated.renew(grant.license_id, START + MONTH)

    assert (renewed.policy_version, renewed.expires_at) == ("second", START + MONTH + 7 * DAY)
    assert renewed.renewals_left == 0
    assert [fact["policy_version"] for fact in await dated.facts("license-renewed")] == ["second"]
    again = dated.renew(grant.license_id, START + MONTH + DAY)
    assert await dated.refused(again) == ("renewals-exhausted",)
