from download_licensing.domain.refusals import LicenseNotFound, LicenseRevoked
from download_licensing.service.commands import RevokeLicense
from tests.integration.download_licensing.member import DAY, START, Member

CLAIM = "Claim of the studio."


async def _revoked(member: Member) -> str:
    await member.open("solo")
    license_id = (await member.request("tv", "windowed", key="k")).license_id
    await member.do(RevokeLicense, START + DAY, license_id=license_id, reason=CLAIM)
    return license_id


async def test_a_revoked_licence_is_over_and_frees_its_slot(member: Member) -> None:
    license_id = await _revoked(member)

    license = await member.license(license_id, START + DAY)

    assert (license.state, license.revoked_at) == ("revoked", START + DAY)
    assert (license.revoke_reason, license.license_remaining_s) == (CLAIM, 0)
    assert (await member.devices(START + DAY)).devices_in_use == 0
    await member.request("phone", "free", START + DAY)


async def test_it_is_revoked_once(member: Member) -> None:
    license_id = await _revoked(member)
    before = await member.recorded()

    again = await member.do(RevokeLicense, START + 2 * DAY, license_id=license_id, reason="Other.")

    assert (again.revoked_at, again.revoke_reason) == (START + DAY, CLAIM)
    assert await member.recorded() == before


async def test_it_is_neither_renewed_nor_granted_again(member: Member) -> None:
    license_id = await _revoked(member)

    await member.turned_down(LicenseRevoked, member.renew(license_id, START + 2 * DAY))


async def test_its_release_and_its_plays_are_acknowledged_without_a_trace(member: Member) -> None:
    license_id = await _revoked(member)
    before = await member.recorded()

    released = await member.release(license_id, START + 2 * DAY)
    played = await member.play(license_id, START, START + 2 * DAY)

    assert (released.state, played.state, played.first_played_at) == ("revoked", "revoked", None)
    assert await member.recorded() == before


async def test_a_released_licence_is_not_revoked(member: Member) -> None:
    await member.open("solo")
    license_id = (await member.request("tv", "free")).license_id
    await member.release(license_id, START + DAY)

    told = await member.do(RevokeLicense, START + 2 * DAY, license_id=license_id, reason=CLAIM)

    assert (told.state, told.revoked_at) == ("released", None)


async def test_a_revoked_licence_is_not_released_with_its_device(member: Member) -> None:
    license_id = await _revoked(member)

    removed = await member.remove("tv", START + 2 * DAY)

    assert removed.released_licenses == ()
    assert (await member.license(license_id, START + 2 * DAY)).state == "revoked"


async def test_an_unknown_licence_is_not_revoked(member: Member) -> None:
    await member.open("solo")

    attempt = member.do(RevokeLicense, license_id="lic-" + 32 * "0", reason=CLAIM)

    await member.turned_down(LicenseNotFound, attempt)
