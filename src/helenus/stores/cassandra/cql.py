"""All CQL of the store, a section for each family of tables.

`commits` is written by conditional statements alone (an LWT's proofs assume it), but for
`snapshot_bucket` and `snapshot_position`, which none of them reads or writes: a row is one append,
and the static columns of its partition say where the bucket ends. `snapshots` and `payloads` are
never written conditionally.
"""

from __future__ import annotations

from collections.abc import Iterator

from helenus.stores.cassandra.session import Kind, Statement
from helenus.stores.cassandra.settings import TableSettings

SCHEMA_VERSION = "2"

# -- the schema ---------------------------------------------------------------------------------

COLUMNS = {
    "commits": (
        "stream text, bucket int, last bigint,"
        " head bigint static, fence uuid static, bytes bigint static, sealed boolean static,"
        " snapshot_bucket int static, snapshot_position bigint static,"
        " first bigint, append_id uuid, kinds frozen<list<text>>, record blob"
    ),
    "payloads": "append_id uuid, record blob",
    "snapshots": "stream text, position bigint, fingerprint text, head_token blob, body blob",
    "installation": "name text, value text",
}
"""The columns of each table, by which a table of another program's is told from one of ours."""

_KEYS = {
    "commits": "(stream, bucket), last",
    "payloads": "append_id",
    "snapshots": "stream",
    "installation": "name",
}
_COMPRESSORS = {"lz4": "LZ4Compressor", "zstd": "ZstdCompressor"}


def create_tables(keyspace: str, tables: TableSettings, *, unified: bool) -> Iterator[str]:
    """The statements that make the tables.

    Args:
        keyspace: where.
        tables: how they are kept.
        unified: whether all nodes have the unified compaction, which is of Cassandra 5.0.
    """
    scaling = {
        "commits": tables.compaction,
        "payloads": tables.compaction,
        "snapshots": tables.snapshot_compaction,
    }
    for table, columns in COLUMNS.items():
        made = (
            f"CREATE TABLE IF NOT EXISTS {keyspace}.{table} ({columns},"
            f" PRIMARY KEY ({_KEYS[table]}))"
        )
        if table in scaling:
            made += (
                f" WITH compaction = {_compaction(scaling[table], unified=unified)}"
                f" AND compression = {_compression(tables)}"
                f" AND speculative_retry = '{tables.speculative_retry}'"
            )
        yield made


def _compaction(scaling: str, *, unified: bool) -> str:
    if unified:
        return f"{{'class': 'UnifiedCompactionStrategy', 'scaling_parameters': '{scaling}'}}"
    before = "Leveled" if scaling.startswith("L") else "SizeTiered"
    return f"{{'class': '{before}CompactionStrategy'}}"


def _compression(tables: TableSettings) -> str:
    if tables.compression == "none":
        return "{'enabled': false}"
    name, size = _COMPRESSORS[tables.compression], tables.compression_chunk_kib
    return f"{{'class': '{name}', 'chunk_length_in_kb': {size}}}"


CREATE_KEYSPACE = (
    "CREATE KEYSPACE IF NOT EXISTS {keyspace} WITH replication = {replication}"
    " AND durable_writes = true"
)
RECORD_SETTING = Statement(
    "INSERT INTO installation (name, value) VALUES (?, ?) IF NOT EXISTS",
    Kind.CONDITIONAL,
    idempotent=False,  # its answer is not
)
UPGRADES = {
    "1": (
        "ALTER TABLE {keyspace}.commits ADD IF NOT EXISTS"
        " (snapshot_bucket int static, snapshot_position bigint static)",
    )
}
"""What leads from an older version of the schema to this one; doing it again does no harm."""

RECORD_UPGRADE = Statement(
    "UPDATE installation SET value = ? WHERE name = 'schema_version' IF value = ?",
    Kind.CONDITIONAL,  # idempotent: once it is done its condition is gone
)
READ_COLUMNS = Statement(
    "SELECT table_name, column_name, type, kind FROM system_schema.columns WHERE keyspace_name = ?",
    Kind.READ,
)
READ_REPLICATION = Statement(
    "SELECT replication FROM system_schema.keyspaces WHERE keyspace_name = ?", Kind.READ
)
READ_SETTING = Statement("SELECT value FROM installation WHERE name = ?", Kind.READ)

# -- commits ------------------------------------------------------------------------------------

# As bytes: a UUID object for each row takes a driver longer than all else in it.
_STATICS = "head, uuidAsBlob(fence), bytes, sealed"
_ROW = f"{_STATICS}, last, uuidAsBlob(append_id), record"

APPEND = Statement(
    "UPDATE commits SET head = ?, bytes = ?, sealed = ?, first = ?, append_id = ?, kinds = ?,"
    " record = ? WHERE stream = ? AND bucket = ? AND last = ? IF head = ? AND fence = ?",
    Kind.CONDITIONAL,
    idempotent=False,
)
# Idempotent, though conditional: once it has moved the fence its condition is gone, and its answer
# is not looked at.
FENCE = Statement(
    "UPDATE commits SET fence = ? WHERE stream = ? AND bucket = ? IF head = ? AND fence = ?",
    Kind.CONDITIONAL,
)
READ_BUCKET = Statement(
    f"SELECT {_STATICS} FROM commits WHERE stream = ? AND bucket = ? LIMIT 1",
    Kind.SERIAL_READ,
)
READ_OWN = Statement(
    "SELECT append_id FROM commits WHERE stream = ? AND bucket = ? AND last = ?", Kind.SERIAL_READ
)
READ_COMMITS = Statement(
    f"SELECT {_ROW} FROM commits WHERE stream = ? AND bucket = ? AND last >= ?",
    Kind.SERIAL_READ,
)
READ_NEWEST = Statement(
    f"SELECT snapshot_bucket, snapshot_position, {_ROW} FROM commits"
    " WHERE stream = ? AND bucket = ? ORDER BY last DESC LIMIT ?",
    Kind.SERIAL_READ,
)
READ_COMMITS_FROM_START = Statement(
    f"SELECT {_ROW} FROM commits WHERE stream = ? AND bucket = ?", Kind.SERIAL_READ
)

INSPECT_BUCKET = Statement(
    f"SELECT {_STATICS}, last, first, uuidAsBlob(append_id), kinds, record FROM commits"
    " WHERE stream = ? AND bucket = ?",
    Kind.SERIAL_READ,
)
LIST_BUCKETS = Statement(
    "SELECT DISTINCT token(stream, bucket), stream, bucket, head FROM commits"
    " WHERE token(stream, bucket) >= ?",
    Kind.READ,
)

# -- payloads -----------------------------------------------------------------------------------

WRITE_PAYLOAD = Statement("INSERT INTO payloads (append_id, record) VALUES (?, ?)", Kind.WRITE)
READ_PAYLOAD = Statement("SELECT record FROM payloads WHERE append_id = ?", Kind.READ)

# -- snapshots: the position is the write's timestamp, so the last write to win is the furthest --

WRITE_SNAPSHOT = Statement(
    "INSERT INTO snapshots (stream, position, fingerprint, head_token, body) VALUES (?, ?, ?, ?, ?)"
    " USING TIMESTAMP ?",
    Kind.WRITE,
)
# A hint, where a stream is looked at first.
WRITE_SNAPSHOT_PLACE = Statement(
    "UPDATE commits USING TIMESTAMP ? SET snapshot_bucket = ?, snapshot_position = ?"
    " WHERE stream = ? AND bucket = 0",
    Kind.WRITE,
)
READ_SNAPSHOT = Statement(
    "SELECT position, fingerprint, head_token, body, writetime(body) FROM snapshots"
    " WHERE stream = ?",
    Kind.READ,
)

ALL = tuple(value for value in list(globals().values()) if isinstance(value, Statement))

# -- the cluster: read when a store is opened, and not by all users who may read the rest ---------

READ_LOCAL = Statement("SELECT host_id, data_center, release_version FROM system.local", Kind.READ)
READ_PEERS = Statement("SELECT host_id, data_center, release_version FROM system.peers", Kind.READ)
READ_PAXOS_VARIANT = Statement(
    "SELECT value FROM system_views.settings WHERE name = 'paxos_variant'", Kind.READ
)
