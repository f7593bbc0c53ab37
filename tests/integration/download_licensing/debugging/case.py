"""A customer with a history that has one of everything, to be looked into."""

from __future__ import annotations

from tests.integration.download_licensing.member import DAY, HOUR, START, Member

CLOCK_WRONG = START + 900 * DAY


async def lived(
    member: Member, *, plan: str = "pair", windowed: str = "windowed", other: str = "thrice"
) -> list[str]:
    """Opens, downloads, plays, renews, releases and removes; the licences in order of grant."""
    await member.open(plan)
    first = await member.request("tv", windowed, START + HOUR)
    second = await member.request("tablet", other, START + DAY)
    await member.play(first.license_id, CLOCK_WRONG, START + 2 * DAY)
    await member.renew(second.license_id, START + 3 * DAY)
    third = await member.request("tv", other, START + 4 * DAY)
    await member.release(third.license_id, START + 5 * DAY, START + 5 * DAY)
    await member.renew(first.license_id, START + 40 * DAY)
    await member.remove("tablet", START + 41 * DAY)
    return [first.license_id, second.license_id, third.license_id]
