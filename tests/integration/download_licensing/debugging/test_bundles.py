"""A bundle holds the case and no one's name; it is replayed in memory; a bad one is refused."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from download_licensing.catalogue import Catalogue
from download_licensing.debugging.bundle import Bundler
from download_licensing.debugging.errors import BundleOfOtherVersion, BundleUnreadable
from download_licensing.debugging.judging import Judging
from download_licensing.debugging.masking import Mask
from download_licensing.debugging.noted import refusals_of
from download_licensing.debugging.noting import RefusalNotes
from download_licensing.debugging.replaying import open_case
from download_licensing.debugging.versions import Documents, PolicyText, shipped
from download_licensing.debugging.why import Question
from download_licensing.domain.refusals import AccountNotFound, DownloadRefused
from download_licensing.domain.rules.title_downloads_per_year import TitleDownloadsPerYear
from download_licensing.domain.times import EARLIEST
from download_licensing.service.commands import RequestDownload
from download_licensing.service.licensing import AGGREGATES, LicensingService
from download_licensing.service.noted_refusals import Refusals
from helenus import AggregateRepository, CommandContext
from helenus.errors import InvalidArgument
from helenus.stores.memory import MemoryStore
from tests.integration.download_licensing.debugging.case import lived
from tests.integration.download_licensing.member import DAY, START, Member

CUSTOMER = "customer-zebedee-4711"
MASK = Mask(b"a key of sixteen")
SECRETS = ("zebedee", "television-of-zebedee", "actor-zebedee", "request-zebedee", "key-zebedee")


class Bundled:
    """A customer whose bundle can be had."""

    def __init__(self, member: Member, refusals: AggregateRepository, notes: RefusalNotes) -> None:
        self.member = member
        self._refusals = refusals
        self._notes = notes
        self.policies: Any = shipped()

    async def bundle(self, mask: Mask = MASK, customer_id: str = CUSTOMER) -> bytes:
        await self._notes.write()
        bundler = Bundler(self.member.service.repository, mask, self.policies, Catalogue.shipped())
        noted = await refusals_of(self._refusals, customer_id)
        return b"".join([line async for line in bundler.bundle(customer_id, noted)])

    async def written(self, path: Path) -> Path:
        content = await self.bundle()
        await asyncio.to_thread(path.write_bytes, content)
        return path


@pytest.fixture
async def case() -> AsyncIterator[Bundled]:
    async with (
        MemoryStore() as store,
        AggregateRepository(store, AGGREGATES) as repository,
        AggregateRepository(store, [Refusals]) as refusals,
    ):
        notes = RefusalNotes(refusals)
        service = LicensingService(
            repository, Catalogue.shipped(), policies=shipped(), hooks=[notes.hook]
        )
        member = Member(service, CUSTOMER)
        await lived(member, plan="premium", windowed="glass-harbour", other="nine-winters")
        command = RequestDownload(
            customer_id=CUSTOMER, device_id="television-of-zebedee", title_id="the-salt-road"
        )
        context = CommandContext(
            at=START + 50 * DAY,
            command_id="key-zebedee",
            actor="actor-zebedee",
            correlation_id="request-zebedee",
            causation_id="zebedee",
        )
        await service.execute(command, context)
        await member.request("phone-of-zebedee", "the-salt-road", START + 51 * DAY)
        for device in ("tablet-of-zebedee", "radio-of-zebedee"):
            with pytest.raises(DownloadRefused):
                await member.request(device, "the-salt-road", START + 52 * DAY)
        yield Bundled(member, refusals, notes)


def lines_of(content: bytes) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in content.splitlines()]


async def test_no_id_of_the_customer_is_anywhere_in_it(case: Bundled) -> None:
    content = (await case.bundle()).decode()
    for secret in SECRETS:
        assert secret not in content
    ids = set()
    stream = f"customer/{CUSTOMER}"
    async for recorded in case.member.service.repository.history(stream):
        ids |= {recorded.command_id, recorded.commit_id.hex, str(recorded.commit_id)}
        if recorded.aggregate_type in {"device", "license"}:
            ids.add(recorded.aggregate_id)
    for one in ids - {None, "tv", "tablet"}:
        assert str(one) not in content
    for short in ("tv", "tablet"):  # too short to be told from other words
        assert f'"{short}"' not in content
    assert re.search(r"lic-[0-9a-f]{32}", content)


async def test_it_holds_the_events_the_policies_and_the_decisions(case: Bundled) -> None:
    lines = lines_of(await case.bundle())
    kinds = [line["line"] for line in lines]
    assert (kinds[0], kinds[-1]) == ("header", "end")
    events = [event for line in lines if line["line"] == "commit" for event in line["events"]]
    recorded = await case.member.recorded()
    assert [event[2]["$event"] for event in events] == [name for _, name in recorded]
    assert lines[0]["head"] == len(recorded)
    assert kinds.count("policy") == 1
    assert kinds.count("refusal") == 2
    titles = {line["title"]["title_id"] for line in lines if line["line"] == "title"}
    assert titles == {"glass-harbour", "nine-winters", "the-salt-road"}
    decisions = [line for line in lines if line["line"] == "decision"]
    assert {line["allowed"] == line["granted"] for line in decisions} == {True}
    assert sum(not line["granted"] for line in decisions) == 2


async def test_what_stands_for_an_id_is_the_same_in_bundles_of_one_key(case: Bundled) -> None:
    assert await case.bundle() == await case.bundle(Mask(b"a key of sixteen"))
    assert await case.bundle() != await case.bundle(Mask(b"another key of sixteen"))


async def test_it_is_replayed_in_memory_and_every_decision_comes_out_as_it_did(
    case: Bundled, tmp_path: Path
) -> None:
    path = await case.written(tmp_path / "case.jsonl")
    async with open_case(path) as opened:
        replayed = opened.replay()
        assert replayed.differing == []
        assert replayed.decisions == replayed.as_before == len(opened.decisions) > 5
        assert opened.customer_id == MASK.customer(CUSTOMER)
        told = await opened.debugger.timeline(opened.customer_id, after=0, limit=1_000)
        recorded = await case.member.recorded()
        assert [one.event for one in told.entries] == [name for _, name in recorded]
        why = await opened.debugger.why(opened.customer_id, Question())
        assert (why.allowed, why.title_id) == (False, "the-salt-road")
        assert why.device_id == MASK.pseudonym("device", "radio-of-zebedee")


async def test_questions_and_commands_can_be_put_to_a_replayed_case(
    case: Bundled, tmp_path: Path
) -> None:
    path = await case.written(tmp_path / "case.jsonl")
    async with open_case(path) as opened:
        member = Member(opened.service, opened.customer_id)
        with pytest.raises(DownloadRefused):
            await member.request("one-more", "the-salt-road", START + 53 * DAY)
        granted = await member.request("one-more", "the-salt-road", START + 500 * DAY)
        assert granted.title_id == "the-salt-road"


async def test_a_decision_that_comes_out_differently_is_told(
    case: Bundled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await case.written(tmp_path / "case.jsonl")
    monkeypatch.setattr(
        TitleDownloadsPerYear, "check", lambda self, _: self.met(0, self.downloads_max)
    )  # as if somebody had broken the rule
    async with open_case(path) as opened:
        replayed = opened.replay()
        assert len(replayed.differing) + replayed.as_before == replayed.decisions
        refused = [(before, now) for before, now in replayed.differing if not before.granted]
        assert [(before.allowed, now.allowed) for before, now in refused] == [(False, True)] * 2


async def test_a_debugger_is_entered_before_the_decision_asked_for(
    case: Bundled, tmp_path: Path
) -> None:
    path = await case.written(tmp_path / "case.jsonl")
    stops: list[tuple[int, list[str]]] = []

    def stop(judging: Judging, events: Any) -> None:
        stops.append((judging.fold.position, [event.event_name for _, _, event in events]))

    async with open_case(path) as opened:
        opened.replay(break_at=3, stop=stop)
    ((before, events),) = stops
    assert before < 3 <= before + len(events)
    assert "license-issued" in events


async def test_all_versions_that_decisions_were_made_by_are_in_it(case: Bundled) -> None:
    text = shipped().text_of(shipped().in_force(START).version)
    later = PolicyText(
        version="later",
        effective_from=START + 51 * DAY,
        text=re.sub(r"(?m)^version: .*$", "version: later", text.text),
    )
    unused = PolicyText(
        version="unused",
        effective_from=START + 900 * DAY,
        text=re.sub(r"(?m)^version: .*$", "version: unused", text.text),
    )
    case.policies = Documents(
        [msgspec.structs.replace(text, effective_from=EARLIEST), later, unused]
    )
    lines = lines_of(await case.bundle())
    versions = [line["policy"]["version"] for line in lines if line["line"] == "policy"]
    assert versions == [text.version, "later"]


async def test_a_customer_without_history_has_no_bundle(case: Bundled) -> None:
    with pytest.raises(AccountNotFound):
        await case.bundle(customer_id="nobody")


def replaced(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new, 1)


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "it is empty"),
    "no JSON": (lambda _: b"hello\n", ":1: JSON is malformed"),
    "no text": (lambda _: b"\xff\xfe\n", ":1: "),
    "half a header": (lambda _: b'{"line":"header"}\n', ":1: Object missing required field"),
    "no header": (lambda _: b'{"line":"end","lines":0,"sha256":""}\n', "it is no bundle"),
    "another format": (lambda c: replaced(c, b"download-licensing-bundle", b"x"), "no bundle"),
    "deep": (lambda _: b"[" * 100_000, ":1: "),
    "cut within a line": (lambda c: c[: len(c) // 2], "JSON|truncated|cut"),
    "cut at a line": (lambda c: c[: c.rindex(b'{"line":"end"')], "the end is missing"),
    "longer": (lambda c: c + b"\n", "something follows the end"),
    "changed": (lambda c: replaced(c, b'"renewals_max":2', b'"renewals_max":3'), "not those"),
    "a gap": (lambda c: replaced(c, b'"first":1,', b'"first":2,'), "position 2 follows"),
    "unknown event": (lambda c: replaced(c, b"license-issued", b"license-found"), "Invalid value"),
    "unknown line": (lambda c: replaced(c, b'"line":"plan"', b'"line":"moon"'), "Invalid value"),
    "two headers": (lambda c: c.splitlines(keepends=True)[0] * 2, "a second header"),
}


@pytest.mark.parametrize("kind", DAMAGES)
async def test_a_file_that_is_no_whole_bundle_is_refused_with_its_line(
    case: Bundled, tmp_path: Path, kind: str
) -> None:
    damage, message = DAMAGES[kind]
    path = tmp_path / "case.jsonl"
    path.write_bytes(damage(await case.bundle()))
    with pytest.raises(BundleUnreadable, match=message) as refused:
        async with open_case(path):
            pass
    assert str(path) in str(refused.value)


async def test_a_line_that_is_too_long_is_refused(
    case: Bundled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await case.written(tmp_path / "case.jsonl")
    monkeypatch.setattr("download_licensing.debugging.replaying.LINE_BYTES_MAX", 60)
    with pytest.raises(BundleUnreadable, match="longer than 60 bytes"):
        async with open_case(path):
            pass


@pytest.mark.parametrize("name", ["none.jsonl", "."])
async def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BundleUnreadable, match=r"No such file|Is a directory"):
        async with open_case(tmp_path / name):
            pass


async def test_a_bundle_of_another_version_is_told_as_such(case: Bundled, tmp_path: Path) -> None:
    content = await case.bundle()
    path = tmp_path / "case.jsonl"
    path.write_bytes(replaced(content, b'"version":1', b'"version":2'))
    with pytest.raises(BundleOfOtherVersion, match="of version 2; this program reads version 1"):
        async with open_case(path):
            pass
    path.write_bytes(
        b'{"line":"preamble","format":"download-licensing-bundle","version":9,"more":[1]}\n'
    )
    with pytest.raises(BundleOfOtherVersion, match="of version 9"):
        async with open_case(path):
            pass


async def test_a_key_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(InvalidArgument):
        Mask(b"short")
