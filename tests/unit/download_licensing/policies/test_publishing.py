import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from download_licensing.domain.times import EARLIEST
from download_licensing.policies.events import POLICY_STREAM, PolicyBook
from download_licensing.policies.publishing import (
    PolicyService,
    Publication,
    PublishPolicy,
    WithdrawPolicy,
)
from download_licensing.policies.refusals import (
    DatesOverlap,
    FirstTooLate,
    InForceAlready,
    PolicyOvertaken,
    TooEarly,
    UnknownVersion,
    VersionTaken,
)
from helenus import AggregateRepository, CommandContext
from helenus.errors import LimitExceeded
from helenus.stores.memory import MemoryStore

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
LEAD = timedelta(seconds=10)


@pytest.fixture
async def service() -> AsyncIterator[PolicyService]:
    async with MemoryStore() as store, AggregateRepository(store, [PolicyBook]) as repository:
        yield PolicyService(repository, lead_s=10)


async def publish(
    service: PolicyService,
    version: str,
    *,
    start: datetime | None = None,
    text: str | None = None,
    expected: str | None = None,
    at: datetime = NOW,
) -> Publication:
    command = PublishPolicy(
        version=version,
        effective_from=start,
        document=text or f"version: {version}\n",
        source="p.yaml",
        expected=expected,
    )
    published: Publication = await service.execute(command, CommandContext(at=at))
    return published


async def head(service: PolicyService) -> int:
    return (await service.repository.load(POLICY_STREAM)).position


async def test_the_first_policy_holds_for_all_times_before_it_too(service: PolicyService) -> None:
    first = await publish(service, "a", start=NOW)

    assert (first.effective_from, first.created) == (EARLIEST, True)


async def test_the_first_policy_cannot_leave_a_time_without_one(service: PolicyService) -> None:
    with pytest.raises(
        FirstTooLate, match="the first, and would take effect at 2026-12-01T12:00:01Z"
    ):
        await publish(service, "a", start=NOW + timedelta(seconds=1))

    assert await head(service) == 0


async def test_a_later_one_takes_effect_when_every_process_can_know(service: PolicyService) -> None:
    await publish(service, "a")

    assert (await publish(service, "b")).effective_from == NOW + LEAD


@pytest.mark.parametrize(("late", "allowed"), [(-1, False), (0, True), (1, True)])
async def test_a_date_is_taken_from_the_end_of_the_lead_on(
    service: PolicyService, late: int, allowed: bool
) -> None:
    await publish(service, "a")
    start = NOW + LEAD + timedelta(microseconds=late)

    if allowed:
        assert (await publish(service, "b", start=start)).effective_from == start
    else:
        with pytest.raises(TooEarly, match="decisions may have been made"):
            await publish(service, "b", start=start)
        assert await head(service) == 1


@pytest.mark.parametrize("late", [-1, 0])
async def test_dates_that_overlap_are_refused(service: PolicyService, late: int) -> None:
    later = NOW + timedelta(days=9)
    await publish(service, "a")
    await publish(service, "b", start=later)

    with pytest.raises(DatesOverlap, match="version b is published to hold from 2026-12-10T12:00"):
        await publish(service, "c", start=later + timedelta(microseconds=late))
    with pytest.raises(DatesOverlap):
        await publish(service, "c")
    assert await head(service) == 2


async def test_publishing_the_same_document_again_changes_nothing(service: PolicyService) -> None:
    first = await publish(service, "a")

    again = await publish(service, "a", at=NOW + timedelta(days=1))

    assert (again.effective_from, again.created) == (first.effective_from, False)
    assert await head(service) == 1


async def test_a_version_stands_for_one_document_only(service: PolicyService) -> None:
    await publish(service, "a")

    with pytest.raises(VersionTaken, match="published at 2026-12-01T12:00:00Z otherwise"):
        await publish(service, "a", text="version: a # changed\n")


async def test_of_two_publishers_who_saw_the_same_one_is_overtaken(service: PolicyService) -> None:
    await publish(service, "a")

    outcomes = await asyncio.gather(
        *[publish(service, version, expected="a") for version in ("b", "c")],
        return_exceptions=True,
    )

    (error,) = [outcome for outcome in outcomes if isinstance(outcome, PolicyOvertaken)]
    assert "not a as expected" in str(error)
    assert len(await service.versions()) == 2


async def test_two_first_publishers_do_not_both_win(service: PolicyService) -> None:
    await publish(service, "a", expected="")

    with pytest.raises(PolicyOvertaken, match="is a, not none as expected"):
        await publish(service, "b", expected="")


async def test_a_version_is_withdrawn_before_it_takes_effect(service: PolicyService) -> None:
    start = NOW + timedelta(days=1)
    await publish(service, "a")
    await publish(service, "b", start=start)
    withdraw = WithdrawPolicy(version="b")

    await service.execute(withdraw, CommandContext(at=start - LEAD))
    await service.execute(withdraw, CommandContext(at=start + LEAD))

    assert [known.withdrawn_at for known in await service.versions()] == [None, start - LEAD]
    assert await head(service) == 3
    assert (await publish(service, "c", start=start)).created
    with pytest.raises(VersionTaken, match="and withdrawn at"):
        await publish(service, "b")


async def test_what_has_taken_effect_is_not_withdrawn(service: PolicyService) -> None:
    start = NOW + timedelta(days=1)
    await publish(service, "a")
    await publish(service, "b", start=start)

    for version, at in (("a", NOW), ("b", start - LEAD + timedelta(microseconds=1))):
        with pytest.raises(InForceAlready):
            await service.execute(WithdrawPolicy(version=version), CommandContext(at=at))
    with pytest.raises(UnknownVersion):
        await service.execute(WithdrawPolicy(version="zzz"), CommandContext(at=NOW))
    assert await head(service) == 2


async def test_a_published_text_is_kept_as_it_was_written(service: PolicyService) -> None:
    await publish(service, "a", text="version: a # with a comment\n")
    await publish(service, "b")

    assert (await service.text_of("a")).document == "version: a # with a comment\n"
    with pytest.raises(UnknownVersion, match="No version 'c'"):
        await service.text_of("c")


async def test_no_more_versions_are_kept_than_the_bound(
    service: PolicyService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("download_licensing.policies.publishing.VERSIONS_MAX", 1)
    await publish(service, "a")

    with pytest.raises(LimitExceeded):
        await publish(service, "b")
    assert not (await publish(service, "a")).created


async def test_of_two_processes_that_publish_at_once_one_is_overtaken() -> None:
    async with (
        MemoryStore() as store,
        AggregateRepository(store, [PolicyBook]) as one,
        AggregateRepository(store, [PolicyBook]) as other,
    ):
        services = [PolicyService(repository, lead_s=10) for repository in (one, other)]
        await publish(services[0], "a")
        assert len(await services[1].versions()) == 1  # both hold the state in memory

        outcomes = await asyncio.gather(
            *[
                publish(service, version, expected="a")
                for service, version in zip(services, "bc", strict=True)
            ],
            return_exceptions=True,
        )

        assert sorted(type(outcome).__name__ for outcome in outcomes) == [
            "PolicyOvertaken",
            "Publication",
        ]
        assert await services[0].versions() == await services[1].versions()


async def test_a_preview_says_what_publishing_would_and_writes_nothing(
    service: PolicyService,
) -> None:
    command = PublishPolicy(version="a", effective_from=None, document="version: a\n", source="p")
    context = CommandContext(at=NOW)

    previewed = await service.preview(command, context)

    assert await head(service) == 0
    assert await service.execute(command, context) == previewed
    with pytest.raises(VersionTaken):
        await service.preview(msgspec.structs.replace(command, document="other"), context)
