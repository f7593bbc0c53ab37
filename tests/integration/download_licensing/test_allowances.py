from download_licensing.domain.refusals import TitleNotFound
from tests.integration.download_licensing.member import DAY, START, YEAR, Member


async def test_an_allowance_says_what_is_left_and_records_nothing(member: Member) -> None:
    await member.open("pair")
    await member.request("tv", "thrice")
    before = await member.recorded()

    on_tv = await member.allowance("tv", "thrice")
    on_phone = await member.allowance("phone", "free")

    assert await member.recorded() == before
    assert (on_tv.allowed, on_tv.refusals) == (True, ())
    assert (on_tv.title_id, on_tv.device_id) == ("thrice", "tv")
    assert (on_tv.downloads_left_this_year, on_tv.active_downloads_left_on_device) == (2, 2)
    assert on_tv.devices_left == 1
    assert on_phone.downloads_left_this_year is None
    assert on_phone.active_downloads_left_on_device == 3


async def test_an_allowance_warns_before_the_last_download(member: Member) -> None:
    await member.open("family")
    for day in range(2):
        await member.request("tv", "thrice", START + day * DAY)

    (warning,) = (await member.allowance("tv", "thrice")).warnings

    assert (warning.code, warning.until) == ("last-download-of-title", START + YEAR)


async def test_an_allowance_lists_what_a_request_would_be_refused_for(member: Member) -> None:
    await member.open("solo")
    for _ in range(2):
        await member.request("tv", "short")

    allowance = await member.allowance("phone", "short")

    assert not allowance.allowed
    assert tuple(unmet.reason for unmet in allowance.refusals) == await member.refused(
        member.request("phone", "short")
    )
    assert (allowance.downloads_left_this_year, allowance.devices_left) == (0, 0)
    assert allowance.warnings == ()


async def test_an_allowance_for_an_unknown_title_is_refused(member: Member) -> None:
    await member.open("solo")

    await member.turned_down(TitleNotFound, member.allowance("tv", "unheard-of"))
