"""Commits go from store to file to store, and arrive as they left, whatever interrupts them."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from helenus.errors import InvalidArgument, StoreUnavailable
from helenus.store import Commit, Head
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from helenus.transfer import (
    ExportSettings,
    FileDamaged,
    FileTruncated,
    ImportSettings,
    NewerFormat,
    PartialUnusable,
    TargetDiffers,
    export_streams,
    import_streams,
)
from helenus.transfer.format import End, Header, Totals, decode_line
from tests.unit.helenus.transfer.files import contents, fill, lines_of, write

TINY = ExportSettings(page_streams=2, page_bytes=300, frame_bytes=500)
SMALL_STEPS = ImportSettings(
    batch_bytes=700, batch_commits_max=5, append_commits_max=2, streams_at_once=2
)


@pytest.fixture
async def source() -> AsyncIterator[MemoryStore]:
    async with MemoryStore() as store:
        await fill(store)
        yield store


@pytest.fixture
async def target() -> AsyncIterator[MemoryStore]:
    async with MemoryStore() as store:
        yield store


class Watched(MemoryStore):
    """Counts appends; from the one of this number on, fails them."""

    def __init__(self, failing_from: int = 10**9) -> None:
        super().__init__()
        self.appends = 0
        self.failing_from = failing_from

    async def append(self, stream: str, commits: Sequence[Commit], expected: Head) -> Head:
        self.appends += 1
        if self.appends >= self.failing_from:
            raise StoreUnavailable("The store is gone.")
        return await super().append(stream, commits, expected)


async def test_what_went_out_comes_in_byte_for_byte(source: MemoryStore, tmp_path: Path) -> None:
    exported = await export_streams(source, tmp_path / "1")
    async with SqliteStore(tmp_path / "s.sqlite3") as sqlite:
        imported = await import_streams(sqlite, tmp_path / "1")
        assert await contents(sqlite) == await contents(source)
        await export_streams(sqlite, tmp_path / "2")
    assert lines_of(tmp_path / "1") == lines_of(tmp_path / "2")
    assert (exported.streams, exported.commits) == (7, 70)
    assert imported.written_commits == exported.commits
    assert imported.sha256 == exported.sha256


async def test_small_steps_bring_the_same(
    source: MemoryStore, target: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f", settings=TINY)
    await import_streams(target, tmp_path / "f", settings=SMALL_STEPS)
    assert await contents(target) == await contents(source)


async def test_a_second_import_writes_nothing(source: MemoryStore, tmp_path: Path) -> None:
    await export_streams(source, tmp_path / "f")
    async with Watched() as target:
        await import_streams(target, tmp_path / "f", settings=SMALL_STEPS)
        before = target.appends
        again = await import_streams(target, tmp_path / "f", settings=SMALL_STEPS)
        assert (again.written_commits, target.appends) == (0, before)


async def test_an_import_that_failed_anywhere_is_repeated(
    source: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f")
    for failing_from in range(1, 36, 5):
        async with Watched(failing_from) as target:
            with pytest.raises(StoreUnavailable):
                await import_streams(target, tmp_path / "f", settings=SMALL_STEPS)
            target.failing_from = 10**9
            await import_streams(target, tmp_path / "f", settings=SMALL_STEPS)
            assert await contents(target) == await contents(source)


async def test_an_export_that_was_interrupted_anywhere_goes_on(
    source: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "whole", settings=TINY)
    whole = lines_of(tmp_path / "whole")
    for stop_at in (1, 2, 15, 33, 69, 70):
        path = tmp_path / f"stopped-{stop_at}"

        def stop(totals: Totals, stop_at: int = stop_at) -> None:
            if totals.commits == stop_at:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await export_streams(source, path, settings=TINY, progress=stop)
        assert not path.exists()
        resumed = await export_streams(source, path, settings=TINY)
        assert resumed.resumed_commits == stop_at
        assert lines_of(path) == whole


async def test_an_export_that_was_killed_at_any_byte_goes_on(
    source: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "whole", settings=TINY)
    written = (tmp_path / "whole").read_bytes()
    for length in range(0, len(written), 611):
        path = tmp_path / f"cut-{length}"
        path.with_name(path.name + ".partial").write_bytes(written[:length])
        await export_streams(source, path, settings=TINY)
        assert lines_of(path) == lines_of(tmp_path / "whole")


async def test_a_prefix_takes_its_streams_alone(
    source: MemoryStore, target: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f", prefix="kunde/3")
    await import_streams(target, tmp_path / "f")
    assert list(await contents(target)) == ["kunde/3·ü"]


async def test_a_partial_file_of_another_export_is_left(
    source: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f", settings=TINY)
    partial = tmp_path / "g.partial"
    (tmp_path / "f").rename(partial)
    before = lines_of(partial)
    with pytest.raises(PartialUnusable, match="begin with ''"):
        await export_streams(source, tmp_path / "g", prefix="kunde/3")
    async with MemoryStore() as other:
        await fill(other, seed=2)
        with pytest.raises(PartialUnusable, match="another store"):
            await export_streams(other, tmp_path / "g")
    assert lines_of(partial)[:10] == before[:10]
    partial.write_bytes(b"a letter to somebody")
    with pytest.raises(PartialUnusable):
        await export_streams(source, tmp_path / "g")
    assert partial.read_bytes() == b"a letter to somebody"


async def test_a_file_that_is_there_is_not_replaced(source: MemoryStore, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine")
    with pytest.raises(InvalidArgument, match="there already"):
        await export_streams(source, tmp_path / "f")
    with pytest.raises(InvalidArgument, match="no directory"):
        await export_streams(source, tmp_path / "none" / "f")
    with pytest.raises(InvalidArgument, match="no file"):
        await import_streams(source, tmp_path / "none")
    assert (tmp_path / "f").read_text() == "mine"


async def test_a_cut_file_says_where_and_its_whole_part_is_imported(
    source: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f", settings=TINY)
    written = (tmp_path / "f").read_bytes()
    for length in range(0, len(written) - 1, 997):
        (tmp_path / "cut").write_bytes(written[:length])
        async with MemoryStore() as target:
            with pytest.raises(FileTruncated) as raised:
                await import_streams(target, tmp_path / "cut")
            imported = [commit for held in (await contents(target)).values() for commit in held]
            if imported:
                assert f"({len(imported):,} commits)" in str(raised.value)
                last = list(await contents(target))[-1]
                assert f"position {imported[-1].last} of stream {last!r}" in str(raised.value)
            else:
                assert "before the first commit" in str(raised.value)


async def test_a_damaged_line_is_named_and_nothing_of_it_imported(
    source: MemoryStore, target: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f")
    lines = lines_of(tmp_path / "f")
    lines[9] = lines[9].replace(b'"first":', b'"first":1')
    with pytest.raises(FileDamaged, match="Line 10 is damaged"):
        await import_streams(target, write(tmp_path / "g", lines))
    assert sum(map(len, (await contents(target)).values())) == 8


async def test_every_damaged_byte_is_noticed(
    source: MemoryStore, target: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f", settings=TINY)
    written = (tmp_path / "f").read_bytes()
    for place in range(0, len(written), 301):
        damaged = bytearray(written)
        damaged[place] ^= 0x10
        (tmp_path / "g").write_bytes(damaged)
        with pytest.raises(FileDamaged):
            await import_streams(target, tmp_path / "g")


async def test_a_line_that_is_missing_or_moved_is_noticed(
    source: MemoryStore, target: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f")
    lines = lines_of(tmp_path / "f")
    without_last_commit = [*lines[:70], *lines[71:]]
    with pytest.raises(FileDamaged, match="closing line tells of 70 commits"):
        await import_streams(target, write(tmp_path / "g", without_last_commit))
    moved = write(tmp_path / "h", [lines[0], lines[3], lines[2]])
    async with MemoryStore() as empty:
        with pytest.raises(TargetDiffers, match="does not follow"):
            await import_streams(empty, moved)


async def test_a_newer_format_is_refused_before_anything_is_written(
    target: MemoryStore, tmp_path: Path
) -> None:
    path = write(tmp_path / "f", [Header("helenus-export", 2), b'{"unknown": "line"}\n'])
    with pytest.raises(NewerFormat, match="version 2"):
        await import_streams(target, path)
    for other in (b"", b"no zstd at all"):
        (tmp_path / "g").write_bytes(other)
        with pytest.raises(FileDamaged):
            await import_streams(target, tmp_path / "g")
    with pytest.raises(FileDamaged, match="no header"):
        await import_streams(target, write(tmp_path / "g", [b'{"a": 1}\n']))


async def test_a_target_that_differs_is_named_with_its_position(
    source: MemoryStore, target: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f")
    stream = "kunde/4·ü"
    mine = (await contents(source))[stream]
    theirs = Commit(b"x" * 16, mine[3].first, mine[3].last + 1, 1, (), b"", b"")
    await target.append(stream, [*mine[:3], theirs], Head(0))
    for settings in (None, SMALL_STEPS):
        with pytest.raises(TargetDiffers) as raised:
            await import_streams(target, tmp_path / "f", settings=settings)
        assert (raised.value.stream, raised.value.position) == (stream, mine[3].first)
    assert (await contents(target))[stream] == [*mine[:3], theirs]


async def test_a_target_that_is_further_keeps_what_it_has(
    source: MemoryStore, target: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f")
    await import_streams(target, tmp_path / "f")
    head = await target.head("kunde/1·ü")
    further = Commit(b"x" * 16, head.position + 1, head.position + 1, 1, (), b"", b"")
    await target.append("kunde/1·ü", [further], head)
    assert (await import_streams(target, tmp_path / "f")).written_commits == 0


async def test_a_dry_run_writes_nothing_and_tells_what_would_be(
    source: MemoryStore, target: MemoryStore, tmp_path: Path
) -> None:
    await export_streams(source, tmp_path / "f")
    for settings in (None, SMALL_STEPS):
        dry = await import_streams(target, tmp_path / "f", dry_run=True, settings=settings)
        assert dry.written_commits == 70
        assert await contents(target) == {}
    stream, held = list((await contents(source)).items())[-1]
    await target.append(stream, held[:5], Head(0))
    dry = await import_streams(target, tmp_path / "f", dry_run=True, settings=SMALL_STEPS)
    assert dry.written_commits == 65


async def test_the_last_line_tells_what_the_file_holds(source: MemoryStore, tmp_path: Path) -> None:
    exported = await export_streams(source, tmp_path / "f")
    lines = lines_of(tmp_path / "f")
    end = decode_line(len(lines), lines[-1].rstrip())
    assert end == End(exported.streams, exported.commits, exported.events, exported.sha256)
