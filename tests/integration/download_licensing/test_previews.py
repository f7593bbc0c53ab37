"""A preview says what the decision would say, and leaves no trace."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from download_licensing.domain.refusals import (
    AccountNotFound,
    DownloadRefused,
    LicenseNotFound,
    LicenseReleased,
    UnknownTitle,
)
from download_licensing.service import answers
from download_licensing.service.licensing import AGGREGATES
from helenus import AggregateRepository
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.member import DAY, START, Member, service_of

DEVICES = ("phone", "tablet", "tv")
TITLES = ("free", "thrice", "windowed", "unrenewable", "short", "forever-windowed")


async def preview(member: Member, device: str, title: str, at: Any = START) -> answers.Preview:
    return await member.service.preview_download(member.customer_id, title, device, at)


async def preview_renewal(member: Member, license_id: str, at: Any) -> answers.Preview:
    return await member.service.preview_renewal(member.customer_id, license_id, at)


async def head(member: Member) -> int:
    return len(await member.recorded())


async def test_a_download_is_previewed_as_it_is_then_granted(member: Member) -> None:
    await member.open("pair")
    previewed = await preview(member, "phone", "thrice")
    assert previewed.allowed
    assert previewed.refusals == ()
    assert previewed.grant is not None
    assert await head(member) == 1
    granted = await member.request("phone", "thrice")
    for name in answers.Previewed.__struct_fields__:
        assert getattr(previewed.grant, name) == getattr(granted, name)
    assert previewed.policy_version == granted.policy_version
    assert (previewed.at, previewed.position) == (START, 1)


async def test_a_refusal_is_previewed_whole(member: Member) -> None:
    await member.open("solo")
    await member.request("phone", "free")
    previewed = await preview(member, "tv", "free", START + DAY)
    with pytest.raises(DownloadRefused) as refusal:
        await member.request("tv", "free", START + DAY)
    assert (previewed.allowed, previewed.grant) == (False, None)
    assert previewed.refusals == refusal.value.unmet
    assert previewed.policy_version == refusal.value.policy_version
    assert (previewed.at, previewed.position) == (refusal.value.at, refusal.value.position)
    assert previewed.position == await head(member)


async def test_a_renewal_and_a_refresh_are_previewed(member: Member) -> None:
    await member.open("pair")
    granted = await member.request("phone", "windowed")
    for at in (START + DAY, START + 40 * DAY):
        before = await head(member)
        previewed = await preview_renewal(member, granted.license_id, at)
        assert await head(member) == before
        renewed = await member.renew(granted.license_id, at)
        assert previewed.grant is not None
        assert previewed.grant.expires_at == renewed.expires_at
        assert previewed.grant.renewals_left == renewed.renewals_left
    exhausted = await preview_renewal(member, granted.license_id, START + 41 * DAY)
    assert [unmet.reason for unmet in exhausted.refusals] == ["renewals-exhausted"]


async def test_what_cannot_be_asked_for_cannot_be_previewed(member: Member) -> None:
    with pytest.raises(AccountNotFound):
        await preview(member, "phone", "free")
    await member.open("pair")
    with pytest.raises(UnknownTitle):
        await preview(member, "phone", "nowhere")
    with pytest.raises(LicenseNotFound):
        await preview_renewal(member, f"lic-{'0' * 32}", START)
    granted = await member.request("phone", "free")
    await member.release(granted.license_id, START)
    with pytest.raises(LicenseReleased):
        await preview_renewal(member, granted.license_id, START)


async def test_a_preview_is_told_in_utc(member: Member) -> None:
    await member.open("pair")
    elsewhere = START.astimezone(timezone(timedelta(hours=9)))
    previewed = await preview(member, "phone", "free", elsewhere)
    assert previewed.at.utcoffset() == timedelta(0)


@settings(max_examples=40, deadline=None)
@given(
    plan=st.sampled_from(["solo", "pair", "family"]),
    wishes=st.lists(
        st.tuples(st.sampled_from(DEVICES), st.sampled_from(TITLES), st.integers(0, 20)),
        min_size=1,
        max_size=12,
    ),
)
async def test_no_history_brings_preview_and_decision_apart(
    plan: str, wishes: list[tuple[str, str, int]]
) -> None:
    async with MemoryStore() as store, AggregateRepository(store, AGGREGATES) as repository:
        member, at = Member(service_of(repository)), START
        await member.open(plan)
        for device, title, days in wishes:
            at += days * DAY
            before = await member.recorded()
            previewed = await preview(member, device, title, at)
            assert await member.recorded() == before
            decided = await decision(member, device, title, at)
            if isinstance(decided, DownloadRefused):
                assert previewed.refusals == decided.unmet
            else:
                said = msgspec.structs.asdict(previewed.grant or pytest.fail("It was granted."))
                assert said == {name: getattr(decided, name) for name in said}


async def decision(
    member: Member, device: str, title: str, at: datetime
) -> answers.Grant | DownloadRefused:
    try:
        return await member.request(device, title, at)
    except DownloadRefused as refusal:
        return refusal


async def test_a_key_of_a_client_is_never_taken_for_a_previews(member: Member) -> None:
    await member.open("family")
    for key in ("preview", "\\0preview", "0preview"):
        await member.request("phone", "free", key=key)
    assert (await preview(member, "tv", "free-2")).allowed


@pytest.mark.parametrize("round_", range(5))
async def test_amid_other_requests_a_preview_tells_what_holds_at_its_position(round_: int) -> None:
    async with (
        MemoryStore() as store,
        AggregateRepository(store, AGGREGATES) as one,
        AggregateRepository(store, AGGREGATES) as other,
    ):
        members = [Member(service_of(repository)) for repository in (one, other)]
        await members[0].open("family")
        wishes = [decision(members[n % 2], f"tv-{n}", "thrice", START) for n in range(4 + round_)]
        asked = [preview(members[n % 2], "phone", "thrice") for n in range(8)]
        _, previews = await asyncio.gather(asyncio.gather(*wishes), asyncio.gather(*asked))
        names = [name for _, name in await members[0].recorded()]
        for previewed in previews:
            counted = names[: previewed.position].count("download-counted")
            assert previewed.allowed == (counted < 3)
            if previewed.grant is not None:
                assert previewed.grant.downloads_left_this_year == 3 - counted - 1
        assert names.count("download-counted") == 3
