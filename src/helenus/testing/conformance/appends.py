"""Cases on appending: at the right head only, all or nothing, exactly as given."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import SupportsIndex, overload

from helenus.errors import Conflict, InvalidArgument, LimitExceeded, Outcome
from helenus.store import COMMIT_BYTES_MAX, STREAM_CHARACTERS_MAX, Commit, EventStore, Head
from helenus.testing.conformance.fixtures import (
    OTHER,
    STREAM,
    MakeStore,
    append,
    commit,
    commits,
    expect,
    five_events,
    stored,
)

ODD_STREAMS = (
    *("a", "customer/42", "with space", "quote'quote\"quote", "100%", "a,b", "[1]", "{}", "null"),
    *(
        "-1",
        "007",
        "1e3",
        "naïve",
        "nai\u0308ve",
        "客户/四十二",
        "клиент",
        "🎬/🍿",
        "Ω≈ç√",
        "ﬁ",
        "ẞ",
    ),
    *("CUSTOMER/42", "customer/42 ", "x" * STREAM_CHARACTERS_MAX, "🎬" * STREAM_CHARACTERS_MAX),
)
BAD_STREAMS = ("", "x" * (STREAM_CHARACTERS_MAX + 1), "a\nb", "a\x00b", "\ud800", "\u202e")


class AppendCases:
    """An append is conditional on the head, atomic, and keeps every byte."""

    async def test_an_append_returns_the_head_that_reads_report(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            head = await append(store, STREAM, commits(2, 1))
            assert head.position == 3
            assert await store.head(STREAM) == head

    async def test_the_head_that_an_append_returned_is_good_for_the_next(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            head = Head(0)
            made = commits(*[1] * 10)
            for one in made:
                head = await store.append(STREAM, [one], head)
            assert await stored(store) == made

    async def test_several_commits_of_one_append_are_all_there(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = commits(*[1, 3, 2] * 50)
            await append(store, STREAM, made)
            assert await stored(store) == made
            assert (await store.head(STREAM)).position == 300

    async def test_a_refused_append_of_several_commits_leaves_none_of_them(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            kept = five_events()
            await append(store, STREAM, kept)
            with expect(Conflict):
                await store.append(STREAM, commits(1, 1, 1, after=3), Head(3))
            await _holds_only(store, kept)

    async def test_a_stale_expected_head_is_refused_and_told_the_actual_one(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            kept = five_events()
            await append(store, STREAM, kept)
            for position in (0, 1, 3, 4):
                with expect(Conflict) as caught:
                    await store.append(STREAM, commits(1, after=position), Head(position))
                _says(caught.error, expected=position, actual=5)
            await _holds_only(store, kept)

    async def test_a_future_expected_head_is_refused_and_told_the_actual_one(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            with expect(Conflict) as caught:
                await store.append(STREAM, commits(1, after=1), Head(1))
            _says(caught.error, expected=1, actual=0)
            kept = five_events()
            await append(store, STREAM, kept)
            for position in (6, 7, 1000):
                with expect(Conflict) as caught:
                    await store.append(STREAM, commits(1, after=position), Head(position))
                _says(caught.error, expected=position, actual=5)
            await _holds_only(store, kept)

    async def test_a_duplicate_append_is_refused(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = commits(2)
            await append(store, STREAM, made)
            with expect(Conflict):
                await store.append(STREAM, made, Head(0))
            await _holds_only(store, made)

    async def test_a_conflict_spoils_nothing_for_the_next_append(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            made = commits(1, 1)
            head = await append(store, STREAM, made[:1])
            with expect(Conflict):
                await store.append(STREAM, commits(1), Head(0))
            await store.append(STREAM, made[1:], head)
            await _holds_only(store, made)

    async def test_commits_that_leave_a_gap_or_overlap_are_refused(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            kept = five_events()
            head = await append(store, STREAM, kept)
            for wrong in (
                [],
                [commit(7)],
                [commit(5)],
                [commit(1)],
                [commit(6), commit(8)],
                [commit(6, 2), commit(7)],
                [commit(7), commit(6)],
                [commit(6, 0)],
                [commit(6, -3)],
            ):
                with expect(InvalidArgument):
                    await store.append(STREAM, wrong, head)
            await _holds_only(store, kept)

    async def test_a_commit_at_the_size_limit_is_kept_whole(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            body = bytes(range(256)) * (COMMIT_BYTES_MAX // 256 - 1)
            made = commit(1, body=body, meta=b"m" * (COMMIT_BYTES_MAX - len(body)))
            assert made.size_bytes == COMMIT_BYTES_MAX
            await append(store, STREAM, [made])
            await _holds_only(store, [made])

    async def test_a_commit_over_the_size_limit_is_refused(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            kept = five_events()
            head = await append(store, STREAM, kept)
            small, over = commit(6), commit(7, body=bytes(COMMIT_BYTES_MAX + 1), meta=b"")
            for meta, body in ((b"", 1), (b"m", 0)):
                just_over = commit(6, body=bytes(COMMIT_BYTES_MAX + body), meta=meta)
                with expect(LimitExceeded):
                    await store.append(STREAM, [just_over], head)
            with expect(LimitExceeded) as caught:
                await store.append(STREAM, [small, over], head)
            assert _outcome(caught.error) is Outcome.DID_NOT_HAPPEN
            await _holds_only(store, kept)

    async def test_a_failure_while_commits_are_read_leaves_nothing(
        self, make_store: MakeStore
    ) -> None:
        async with make_store() as store:
            kept = five_events()
            head = await append(store, STREAM, kept)
            with expect(_SerialisationError):
                await store.append(STREAM, _Failing(commits(1, 1, after=5)), head)
            await _holds_only(store, kept)
            await store.append(STREAM, commits(1, after=5), head)

    async def test_every_byte_of_metadata_and_body_comes_back(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = [
                commit(1, meta=bytes(range(256)), body=bytes(range(255, -1, -1))),
                commit(2, meta=b"", body=b""),
                commit(3, meta=b"\x00", body=b"\x00" * 1000),
                commit(4, meta='{"actor": "Ž"}'.encode(), body=b"\xff\xfe\x28\xb5\x2f\xfd"),
            ]
            await append(store, STREAM, made)
            await _holds_only(store, made)

    async def test_every_field_of_a_commit_comes_back(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            made = Commit(
                commit_id=bytes(range(240, 256)),
                first=1,
                last=3,
                recorded_at_us=253_402_300_799_999_999,  # the last microsecond of 9999
                kinds=("license-issued", "license-issued@12", "license.renewed"),
                meta=b"meta",
                body=b"body",
            )
            await append(store, STREAM, [made])
            [found] = await stored(store)
            assert found == made
            assert type(found.commit_id) is type(found.meta) is type(found.body) is bytes

    async def test_odd_stream_names_are_kept_apart(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            kept = {}
            for stream in ODD_STREAMS:
                kept[stream] = [commit(1, body=stream.encode()), commit(2)]
                await append(store, stream, kept[stream])
            for stream, made in kept.items():
                assert await stored(store, stream) == made

    async def test_bad_stream_names_are_refused(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            for stream in BAD_STREAMS:
                with expect(InvalidArgument):
                    await store.append(stream, commits(1), Head(0))
                with expect(InvalidArgument):
                    await store.head(stream)
                with expect(InvalidArgument):
                    await stored(store, stream)
                with expect(InvalidArgument):
                    await store.load_snapshot(stream)
                with expect(InvalidArgument):
                    await store.save_snapshot(stream, None)

    async def test_streams_do_not_share_positions(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            await append(store, STREAM, five_events())
            made = commits(1)
            await store.append(OTHER, made, Head(0))
            assert await stored(store, OTHER) == made
            assert (await store.head(STREAM)).position == 5

    async def test_many_streams_are_kept(self, make_store: MakeStore) -> None:
        async with make_store() as store:
            kept = {f"customer/{number}": commits(1, 2) for number in range(300)}
            names = list(kept)
            groups = [names[start : start + 30] for start in range(0, len(names), 30)]
            for group in groups:
                await asyncio.gather(*(append(store, stream, kept[stream]) for stream in group))
            for group in groups:
                found = await asyncio.gather(*(stored(store, stream) for stream in group))
                assert found == [kept[stream] for stream in group]
                heads = await asyncio.gather(*(store.head(stream) for stream in group))
                assert [head.position for head in heads] == [3] * len(group)


async def _holds_only(store: EventStore, kept: list[Commit]) -> None:
    assert await stored(store) == kept, "The stream does not hold exactly what was acknowledged."
    assert (await store.head(STREAM)).position == kept[-1].last


def _says(error: BaseException, *, expected: int, actual: int) -> None:
    assert isinstance(error, Conflict)
    assert (error.stream, error.expected, error.actual) == (STREAM, expected, actual)
    assert error.outcome is Outcome.DID_NOT_HAPPEN


def _outcome(error: BaseException) -> object:
    return getattr(error, "outcome", None)


class _SerialisationError(Exception):
    pass


class _Failing(Sequence[Commit]):
    """Commits of which the second cannot be had."""

    def __init__(self, made: list[Commit]) -> None:
        self._made = made

    def __len__(self) -> int:
        return len(self._made)

    def __iter__(self) -> Iterator[Commit]:
        yield self._made[0]
        raise _SerialisationError

    @overload
    def __getitem__(self, index: SupportsIndex) -> Commit: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Commit]: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Commit | Sequence[Commit]:
        if index == 0:
            return self._made[0]
        raise _SerialisationError
