"""Streams go from memory to a file, to SQLite, to a file, to Cassandra, and are the same there."""

from pathlib import Path

import msgspec

from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.stores.memory import MemoryStore
from helenus.stores.sqlite import SqliteStore
from helenus.transfer import export_streams, import_streams
from tests.unit.helenus.transfer.files import contents, fill, lines_of


async def test_a_round_trip_through_every_store_changes_no_byte(
    empty_installation: CassandraSettings, tmp_path: Path
) -> None:
    tiny = msgspec.structs.replace(empty_installation, bucket_bytes=900, inline_bytes_max=300)
    async with (
        MemoryStore() as memory,
        SqliteStore(tmp_path / "s.sqlite3") as sqlite,
        CassandraStore(tiny) as cassandra,
    ):
        await fill(memory)
        await export_streams(memory, tmp_path / "1")
        await import_streams(sqlite, tmp_path / "1")
        await export_streams(sqlite, tmp_path / "2")
        assert (await import_streams(cassandra, tmp_path / "2")).written_commits == 70
        assert (await import_streams(cassandra, tmp_path / "2")).written_commits == 0
        await export_streams(cassandra, tmp_path / "3")
        assert await contents(cassandra) == await contents(memory)
    # Cassandra lists its streams in another order; the commits are the same.
    assert (
        commit_lines(tmp_path / "1") == commit_lines(tmp_path / "2") == commit_lines(tmp_path / "3")
    )


def commit_lines(path: Path) -> list[bytes]:
    return sorted(line for line in lines_of(path) if b'"line":"commit"' in line)
