"""The state of a customer at any moment, and what changed between two."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from download_licensing.debugging.errors import NotInOrder, PositionBeyondHead, TimeBeforeHistory
from download_licensing.debugging.states import (
    HEAD,
    Changes,
    FieldChange,
    Moment,
    StateAt,
    changes,
    state_at,
)
from download_licensing.domain.refusals import AccountNotFound
from download_licensing.service.licensing import AGGREGATES, LicensingService
from helenus import AggregateRepository
from helenus.clock import SystemClock
from helenus.errors import InvalidArgument
from helenus.events import to_microseconds
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.debugging.case import lived
from tests.integration.download_licensing.member import (
    DAY,
    HOUR,
    START,
    TICK,
    Member,
    service_of,
)


class HourlyClock(SystemClock):
    """Each look at it is an hour after the one before."""

    def __init__(self) -> None:
        self._now = START

    def now_us(self) -> int:
        self._now += HOUR
        return to_microseconds(self._now)


@pytest.fixture
async def service() -> AsyncIterator[LicensingService]:
    async with (
        MemoryStore() as store,
        AggregateRepository(store, AGGREGATES, clock=HourlyClock()) as repository,
    ):
        yield service_of(repository)


def by_id(found: StateAt) -> dict[tuple[str, str], dict[str, object]]:
    return {(one.type, one.id): one.state for one in found.aggregates}


async def test_the_state_at_a_position_is_that_of_the_events_up_to_it(member: Member) -> None:
    first, *_ = await lived(member)
    opened = await state_at(member.service.repository, "ada", Moment(position=1))
    assert list(by_id(opened)) == [("account", "account")]
    assert by_id(opened)[("account", "account")]["plan"] == "pair"
    assert opened.decided_at == START
    now = await state_at(member.service.repository, "ada")
    assert (now.position, now.head) == (len(await member.recorded()),) * 2
    assert by_id(now)[("license", first)]["renewals_used"] == 1
    account = by_id(now)[("account", "account")]
    assert account["devices"]["tablet"]["removed_at"] is not None  # type: ignore[index]


async def test_before_the_first_event_there_is_nothing(member: Member) -> None:
    await member.open("pair")
    found = await state_at(member.service.repository, "ada", Moment(position=0))
    assert (found.position, found.aggregates, found.decided_at) == (0, [], None)


async def test_the_state_at_a_time_holds_what_was_recorded_up_to_then(member: Member) -> None:
    await lived(member)
    repository = member.service.repository
    for position in range(1, (await state_at(repository, "ada")).head + 1):
        there = await state_at(repository, "ada", Moment(position=position))
        assert there.recorded_at is not None
        then = await state_at(repository, "ada", Moment(time=there.recorded_at))
        assert then.position >= position
        assert then.recorded_at == there.recorded_at
        if position > 1:
            earlier = Moment(time=there.recorded_at - TICK)
            assert (await state_at(repository, "ada", earlier)).position < position


async def test_a_time_before_the_first_event_is_an_error_that_names_it(member: Member) -> None:
    await member.open("pair")
    with pytest.raises(TimeBeforeHistory) as early:
        await state_at(member.service.repository, "ada", Moment(time=START - DAY))
    assert "Name a time from 2026-01-01 01:00:00 UTC on" in str(early.value)


async def test_a_position_behind_the_head_is_an_error(member: Member) -> None:
    await member.open("pair")
    with pytest.raises(PositionBeyondHead, match="from 1 to 1"):
        await state_at(member.service.repository, "ada", Moment(position=2))
    with pytest.raises(PositionBeyondHead):
        await changes(member.service.repository, "ada", Moment(position=0), Moment(position=2))


async def test_a_customer_without_history_is_not_found(member: Member) -> None:
    with pytest.raises(AccountNotFound):
        await state_at(member.service.repository, "nobody")


async def test_a_position_and_a_time_together_are_refused(member: Member) -> None:
    await member.open("pair")
    with pytest.raises(InvalidArgument, match="not both"):
        await state_at(member.service.repository, "ada", Moment(position=1, time=START))


async def test_a_time_without_a_zone_is_refused(member: Member) -> None:
    await member.open("pair")
    naive = datetime(2026, 1, 1)  # noqa: DTZ001  # the zone is what is missing
    with pytest.raises(InvalidArgument, match="time zone"):
        await state_at(member.service.repository, "ada", Moment(time=naive))


async def test_only_aggregates_of_a_type_are_shown_and_no_more_than_asked(member: Member) -> None:
    licenses = await lived(member)
    repository = member.service.repository
    found = await state_at(repository, "ada", of="license", limit=2)
    assert [one.id for one in found.aggregates] == licenses[:2]
    assert found.left_out == 1
    with pytest.raises(InvalidArgument, match="account, "):
        await state_at(repository, "ada", of="licence")
    for limit in (0, 10_001):
        with pytest.raises(InvalidArgument, match="limit"):
            await state_at(repository, "ada", limit=limit)


async def test_what_changed_between_two_positions_is_told_by_field(member: Member) -> None:
    await member.open("pair")
    granted = await member.request("tv", "windowed")
    before = len(await member.recorded())
    await member.renew(granted.license_id, START + DAY)
    found = await changes(member.service.repository, "ada", Moment(position=before))
    assert [one.event for one in found.events] == ["download-held", "license-renewed"]
    license = next(one for one in found.aggregates if one.type == "license")
    assert license.change == "changed"
    assert FieldChange(field="renewals_used", change="changed", before=0, after=1) in license.fields
    assert "title_id" not in {one.field for one in license.fields}


async def test_what_is_new_appeared_with_all_its_fields(member: Member) -> None:
    await member.open("pair")
    await member.request("tv", "free")
    found = await changes(member.service.repository, "ada", Moment(position=1))
    assert {one.type: one.change for one in found.aggregates} == {
        "account": "changed",
        "downloaded-title": "appeared",
        "device": "appeared",
        "license": "appeared",
    }
    account = next(one for one in found.aggregates if one.type == "account")
    assert "devices.tv" in {one.field for one in account.fields}


async def test_between_a_moment_and_itself_nothing_changed(member: Member) -> None:
    await lived(member)
    at = Moment(position=5)
    found = await changes(member.service.repository, "ada", at, at)
    assert (found.events, found.aggregates) == ([], [])


async def test_changes_lead_from_the_one_state_to_the_other(member: Member) -> None:
    await lived(member)
    repository = member.service.repository
    head = len(await member.recorded())
    for position in range(head + 1):
        start = Moment(position=position)
        found = await changes(repository, "ada", start)
        assert applied(by_id(await state_at(repository, "ada", start)), found) == by_id(
            await state_at(repository, "ada")
        )


def applied(
    states: dict[tuple[str, str], dict[str, object]], found: Changes
) -> dict[tuple[str, str], dict[str, object]]:
    for one in found.aggregates:
        state = states.setdefault((one.type, one.id), {})
        for field in one.fields:
            *path, last = field.field.split(".")
            part = state
            for name in path:
                part = part[name]  # type: ignore[assignment]  # plain values
            if field.change == "gone":
                del part[last]
            else:
                part[last] = field.after
    return states


async def test_more_events_and_aggregates_than_asked_for_are_counted(member: Member) -> None:
    await lived(member)
    found = await changes(member.service.repository, "ada", Moment(position=0), limit=2)
    assert (len(found.events), len(found.aggregates)) == (2, 2)
    assert found.events_left_out == found.after - 2
    assert found.aggregates_left_out > 0


async def test_moments_the_wrong_way_round_are_refused(member: Member) -> None:
    await lived(member)
    with pytest.raises(NotInOrder, match="Name the earlier moment first"):
        await changes(member.service.repository, "ada", HEAD, Moment(position=3))
