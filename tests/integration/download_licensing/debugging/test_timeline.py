"""A customer's timeline, in pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from download_licensing.debugging.errors import PositionBeyondHead
from download_licensing.debugging.timeline import ENTRIES_MAX, timeline
from download_licensing.domain.refusals import AccountNotFound
from helenus.errors import InvalidArgument
from tests.integration.download_licensing.debugging.case import lived
from tests.integration.download_licensing.member import START, Member


async def test_it_tells_every_event_in_order(member: Member) -> None:
    first, *_ = await lived(member)
    told = await timeline(member.service.repository, "ada")
    recorded = await member.recorded()
    assert [(one.aggregate_id, one.event) for one in told.entries] == recorded
    assert [one.position for one in told.entries] == list(range(1, len(recorded) + 1))
    assert (told.head, told.next_after) == (len(recorded), None)
    assert told.entries[0].sentence == "The account was opened with the plan pair."
    assert told.entries[0].at == START
    assert any(first in one.sentence and "was issued" in one.sentence for one in told.entries)


async def test_what_one_command_recorded_has_one_commit_and_its_key(member: Member) -> None:
    await member.open("pair")
    await member.request("tv", "free", key="my-key")
    told = await timeline(member.service.repository, "ada", after=1)
    assert len(told.entries) > 1
    assert len({one.commit_id for one in told.entries}) == 1
    assert {one.command_id for one in told.entries} == {"my-key"}


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 1_000])
async def test_its_pages_are_together_the_whole(member: Member, limit: int) -> None:
    await lived(member)
    whole = await timeline(member.service.repository, "ada")
    found, after = [], 0
    while True:
        page = await timeline(member.service.repository, "ada", after=after, limit=limit)
        assert len(page.entries) <= limit
        found += page.entries
        if page.next_after is None:
            break
        assert page.next_after > after
        after = page.next_after
    assert found == whole.entries


async def test_after_the_head_there_is_an_empty_page(member: Member) -> None:
    await member.open("pair")
    told = await timeline(member.service.repository, "ada", after=1)
    assert (told.entries, told.next_after) == ([], None)


async def test_a_position_behind_the_head_is_an_error_that_names_the_head(member: Member) -> None:
    await member.open("pair")
    with pytest.raises(PositionBeyondHead, match="the history ends at 1") as beyond:
        await timeline(member.service.repository, "ada", after=2)
    assert beyond.value.reason == "position-beyond-head"


async def test_a_customer_without_history_is_not_found(member: Member) -> None:
    with pytest.raises(AccountNotFound):
        await timeline(member.service.repository, "nobody")


@given(st.integers().filter(lambda n: not 1 <= n <= ENTRIES_MAX))
def test_a_limit_out_of_its_range_is_refused(limit: int) -> None:
    work = timeline(None, "ada", limit=limit)  # type: ignore[arg-type]  # refused before any use
    with pytest.raises(InvalidArgument, match="limit"):
        work.send(None)
