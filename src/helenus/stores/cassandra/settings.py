"""Settings of the Cassandra store: where the cluster is and how it is used."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import msgspec

from helenus.errors import InvalidArgument

DriverChoice = Literal["auto", "acsylla", "cassandra-driver"]

_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,47}")
_DATA_CENTER = re.compile(r"[\w. -]{1,100}")
_LEVEL = r"(?:[TL](?:[2-9]|[1-9]\d{1,2})|N)"
_SCALING = re.compile(rf"{_LEVEL}(?:, ?{_LEVEL}){{0,9}}")
_SPECULATIVE_RETRY = re.compile(r"\d{1,2}(?:\.\d{1,3})?p|\d{1,5}ms|always|never")
_CHUNKS_KIB = (4, 8, 16, 32, 64)

SPECULATIVE_EXECUTIONS_MAX = 2
"""As many as there are other replicas, with the usual three copies."""


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How connections are encrypted.

    Attributes:
        authority: file of the certificates that sign the servers' own.
        certificate: file of the client's certificate, where servers ask for one.
        key: file of its private key; None: in the same file.
        check_hostname: whether a node's certificate must bear the address that it is reached at.
    """

    authority: Path
    certificate: Path | None = None
    key: Path | None = None
    check_hostname: bool = True

    def __post_init__(self) -> None:
        if self.key is not None and self.certificate is None:
            raise InvalidArgument(
                f"TLS has the key {self.key} without its certificate.", remedy="Set both, or none."
            )


class TableSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the tables are kept. Used when they are made, and by nothing else.

    Attributes:
        compaction: of commits and payloads, as scaling parameters of the unified compaction: `T`
            and a number merges less and suits writes, `L` and a number merges more and suits reads.
        snapshot_compaction: the same for snapshots.
        compression: of what is on disk; the store compresses its records by itself.
        compression_chunk_kib: what is read at least for a row; a power of two.
        speculative_retry: when a coordinator asks a further replica for a slow read, such as `99p`,
            `50ms` or `never`.
    """

    compaction: str = "T4"
    snapshot_compaction: str = "L10"
    compression: Literal["lz4", "zstd", "none"] = "lz4"
    compression_chunk_kib: int = 16
    speculative_retry: str = "99p"

    def __post_init__(self) -> None:
        for name in ("compaction", "snapshot_compaction"):
            if not _SCALING.fullmatch(getattr(self, name)):
                raise InvalidArgument(
                    f"{getattr(self, name)!r} is no {name}.",
                    remedy="Write T or L and a number from 2 to 999, or N; one for each level.",
                )
        if not _SPECULATIVE_RETRY.fullmatch(self.speculative_retry):
            raise InvalidArgument(
                f"{self.speculative_retry!r} is no speculative_retry.",
                remedy="Write a percentile such as 99p, a time such as 50ms, always or never.",
            )
        if self.compression_chunk_kib not in _CHUNKS_KIB:
            raise InvalidArgument(
                f"compression_chunk_kib must be a power of two from {_CHUNKS_KIB[0]} to"
                f" {_CHUNKS_KIB[-1]}, not {self.compression_chunk_kib}."
            )


class CassandraSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the cluster is and how it is used.

    Attributes:
        contact_points: addresses of some nodes.
        port: of the native protocol.
        data_center: the local one; None: that of the first node that answers.
        keyspace: holds the store's tables.
        driver: `cassandra-driver` or `acsylla`; `auto`: the first of them that is installed.
        username: for password authentication.
        password: for password authentication.
        tls: see `TlsSettings`; None: connections are not encrypted.
        replication: copies of each row in each data centre, by name; `{"": n}` for SimpleStrategy.
            A keyspace is made with it, and one that has another is refused. None: it is made with
            one copy, and taken as it is.
        tables: how the tables are made; see `TableSettings`.
        serial_scope: `local` orders appends within one data centre, `global` across all. It is
            recorded in the keyspace, with that data centre: never to be mixed.
        connect_timeout_s: for the first connection.
        request_timeout_s: for each statement, at the client.
        speculative_execution_s: another node is asked too where one has not answered for so long,
            and a third after as long again: reads, payloads, snapshots and fences, never an append.
            0: no other is asked.
        requests_in_flight_max: statements under way; a further one is refused.
        bucket_bytes: payload from which on a bucket of a stream is closed. May change at any time.
        inline_bytes_max: a larger record is written beside the row, so that it does not pass
            through Paxos, and only a pointer does.
        read_attempts_max: how often a read is made that a node gives up, as it does where appends
            to the stream overtake it; begun within `request_timeout_s`.
        append_attempts_max: how often an append is made whose condition still holds.
        settle_attempts_max: how often an append's unknown fate is inquired.
        settle_timeout_s: for how long it is inquired, in all.
        bucket_hints_max: streams whose current bucket is remembered.
    """

    contact_points: tuple[str, ...] = ("127.0.0.1",)
    port: int = 9042
    data_center: str | None = None
    keyspace: str = "helenus"
    driver: DriverChoice = "auto"
    username: str | None = None
    password: str | None = None
    tls: TlsSettings | None = None
    replication: dict[str, int] | None = None
    tables: TableSettings = TableSettings()
    serial_scope: Literal["local", "global"] = "local"
    connect_timeout_s: float = 10.0
    request_timeout_s: float = 10.0
    speculative_execution_s: float = 0.5
    requests_in_flight_max: int = 1_024
    bucket_bytes: int = 1024 * 1024
    inline_bytes_max: int = 64 * 1024
    read_attempts_max: int = 10
    append_attempts_max: int = 3
    settle_attempts_max: int = 8
    settle_timeout_s: float = 30.0
    bucket_hints_max: int = 100_000

    def __repr__(self) -> str:
        # Settings end up in logs and tracebacks.
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        values["password"] = self.password and "***"
        return f"CassandraSettings({', '.join(f'{name}={values[name]!r}' for name in values)})"

    def __post_init__(self) -> None:
        if not _IDENTIFIER.fullmatch(self.keyspace):
            raise InvalidArgument(
                f"The keyspace {self.keyspace!r} must be lower-case letters, digits and '_',"
                " beginning with a letter, at most 48."
            )
        for name in ("requests_in_flight_max", "bucket_bytes", "inline_bytes_max", "port"):
            if getattr(self, name) < 1:
                raise InvalidArgument(f"Cassandra setting {name} must be at least 1.")
        if self.speculative_execution_s < 0:
            raise InvalidArgument("Cassandra setting speculative_execution_s must not be negative.")
        if not self.contact_points:
            raise InvalidArgument("Name at least one contact point.")
        if self.replication is not None:
            _check_replication(self.replication)


def _check_replication(replication: dict[str, int]) -> None:
    if not replication or any(copies < 1 for copies in replication.values()):
        raise InvalidArgument("replication needs at least one copy in each data centre.")
    if set(replication) != {""} and not all(map(_DATA_CENTER.fullmatch, replication)):
        raise InvalidArgument(
            f"replication names what is no data centre: {', '.join(map(repr, replication))}."
        )
