"""`helenus cassandra migrate` on a real node, and what a store says of a keyspace it cannot use."""

import asyncio
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from helenus.cli import app
from helenus.errors import StoreUnusable
from helenus.store import Commit, Head
from helenus.stores.cassandra import CassandraSettings, CassandraStore, cql
from helenus.stores.cassandra.drivers import connect
from helenus.stores.cassandra.session import Kind, Statement
from helenus.testing.cassandra.fixtures import Contact
from helenus.testing.conformance.fixtures import commits, stored
from tests.conftest import DRIVERS

READ_OPTIONS = Statement(
    "SELECT compaction, compression, speculative_retry FROM system_schema.tables"
    " WHERE keyspace_name = ? AND table_name = ?",
    Kind.READ,
)


@pytest.fixture(params=DRIVERS)
def settings(request: pytest.FixtureRequest, cassandra: Contact) -> Iterator[CassandraSettings]:
    """Of a keyspace that is not there yet."""
    settings = CassandraSettings(
        driver=request.param,
        contact_points=cassandra.hosts,
        port=cassandra.port,
        keyspace=f"test_{uuid.uuid4().hex[:12]}",
    )
    yield settings
    asyncio.run(execute(settings, f"DROP KEYSPACE IF EXISTS {settings.keyspace}"))


async def execute(settings: CassandraSettings, *statements: str) -> None:
    session = await connect(settings, None)
    try:
        for statement in statements:
            await session.execute_schema(statement)
    finally:
        await session.close()


def arguments(settings: CassandraSettings) -> list[str]:
    hosts = [part for host in settings.contact_points for part in ("--contact-point", host)]
    return [
        *("cassandra", "migrate", *hosts),
        *("--port", str(settings.port), "--keyspace", settings.keyspace),
        *("--driver", settings.driver),
    ]


def migrate(settings: CassandraSettings, *options: str) -> Result:
    return CliRunner().invoke(app, [*arguments(settings), *options])


async def opened(settings: CassandraSettings) -> None:
    async with CassandraStore(settings) as store:
        assert (await store.head("s")).position == 0


async def appended(settings: CassandraSettings) -> list[Commit]:
    made = commits(1, 2)
    async with CassandraStore(settings) as store:
        await store.append("s", made, Head(0))
    return made


async def held(settings: CassandraSettings) -> list[Commit]:
    async with CassandraStore(settings) as store:
        return await stored(store, "s")


def test_twice_in_a_row_does_no_harm(settings: CassandraSettings) -> None:
    for _ in range(2):
        result = migrate(settings, "--replication", "1", "--json")
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["replication"]["replication_factor"] == "1"
        asyncio.run(opened(settings))


def test_from_several_processes_at_once(settings: CassandraSettings) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "helenus.cli", *arguments(settings)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for process in processes:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, b"")
        assert b"is ready" in out
    asyncio.run(opened(settings))


def test_another_serial_scope_is_refused(settings: CassandraSettings) -> None:
    assert migrate(settings, "--serial-scope", "global").exit_code == 0
    result = migrate(settings)
    assert result.exit_code == 10
    assert "serial_scope 'global'" in result.stderr
    with pytest.raises(StoreUnusable, match="serial_scope"):
        asyncio.run(opened(settings))
    asyncio.run(opened(msgspec.structs.replace(settings, serial_scope="global")))


@pytest.mark.parametrize(
    ("version", "says"), [("0", "No release knows this version"), ("9", "made by a newer release")]
)
def test_another_version_of_the_schema_is_refused(
    settings: CassandraSettings, version: str, says: str
) -> None:
    assert migrate(settings).exit_code == 0
    of_another_time = (
        f"UPDATE {settings.keyspace}.installation SET value = '{version}'"
        " WHERE name = 'schema_version' IF EXISTS",
        f"ALTER TABLE {settings.keyspace}.commits ADD something text",
    )
    asyncio.run(execute(settings, *of_another_time))
    result = migrate(settings)
    assert result.exit_code == 10
    assert f"schema_version '{version}'" in result.stderr
    assert says in result.stderr
    with pytest.raises(StoreUnusable, match=f"schema_version '{version}'.*{says}"):
        asyncio.run(opened(settings))


async def back_to_version_1(settings: CassandraSettings) -> None:
    await execute(
        settings,
        f"ALTER TABLE {settings.keyspace}.commits DROP (snapshot_bucket, snapshot_position)",
        f"UPDATE {settings.keyspace}.installation SET value = '1'"
        " WHERE name = 'schema_version' IF EXISTS",
    )


def test_an_older_version_of_the_schema_is_brought_to_this_one_with_all_that_it_holds(
    settings: CassandraSettings,
) -> None:
    assert migrate(settings).exit_code == 0
    made = asyncio.run(appended(settings))
    asyncio.run(back_to_version_1(settings))

    with pytest.raises(StoreUnusable, match=r"schema_version '1'.*helenus cassandra migrate"):
        asyncio.run(opened(settings))
    for _ in range(2):
        assert migrate(settings).exit_code == 0
        assert asyncio.run(held(settings)) == made


def test_an_upgrade_that_was_broken_off_is_finished_by_the_next(
    settings: CassandraSettings,
) -> None:
    assert migrate(settings).exit_code == 0
    asyncio.run(back_to_version_1(settings))
    (altered,) = cql.UPGRADES["1"]
    asyncio.run(execute(settings, altered.format(keyspace=settings.keyspace)))

    assert migrate(settings).exit_code == 0
    asyncio.run(opened(settings))


def test_another_data_centre_than_the_one_that_orders_appends_is_refused(
    settings: CassandraSettings,
) -> None:
    assert migrate(settings).exit_code == 0
    elsewhere = (
        f"UPDATE {settings.keyspace}.installation SET value = 'elsewhere'"
        " WHERE name = 'serial_data_center' IF EXISTS"
    )
    asyncio.run(execute(settings, elsewhere))
    result = migrate(settings)
    assert result.exit_code == 10
    assert "serial_data_center 'elsewhere', this program 'datacenter1'" in result.stderr
    with pytest.raises(StoreUnusable, match="Connect to the data centre 'elsewhere'"):
        asyncio.run(opened(settings))


def test_another_replication_than_asked_for_is_refused(settings: CassandraSettings) -> None:
    assert migrate(settings).exit_code == 0
    result = migrate(settings, "--replication", "datacenter1=1")
    assert result.exit_code == 10
    assert "has SimpleStrategy, replication_factor 1, not datacenter1 1" in result.stderr
    with pytest.raises(StoreUnusable, match="ALTER KEYSPACE"):
        asyncio.run(opened(msgspec.structs.replace(settings, replication={"": 3})))
    asyncio.run(opened(msgspec.structs.replace(settings, replication={"": 1})))


def test_a_node_with_paxos_v2_is_seen_to_have_it(
    settings: CassandraSettings, caplog: pytest.LogCaptureFixture
) -> None:
    assert migrate(settings).exit_code == 0
    asyncio.run(opened(settings))
    assert not [record for record in caplog.records if record.name.startswith("helenus")]


async def options_of(settings: CassandraSettings, table: str) -> tuple[Any, ...]:
    session = await connect(settings, settings.keyspace)
    try:
        (row,) = (await session.execute(READ_OPTIONS, (settings.keyspace, table))).rows
    finally:
        await session.close()
    return tuple(row)


def test_tables_are_made_as_asked_for_and_left_as_they_are(settings: CassandraSettings) -> None:
    options = (
        *("--compaction", "T8, N", "--snapshot-compaction", "L4", "--compression", "zstd"),
        *("--compression-chunk-kib", "64", "--speculative-retry", "50ms"),
    )
    assert migrate(settings, *options).exit_code == 0
    assert migrate(settings).exit_code == 0
    for table, scaling in (("commits", "T8, N"), ("payloads", "T8, N"), ("snapshots", "L4")):
        compaction, compression, speculative_retry = asyncio.run(options_of(settings, table))
        assert compaction["scaling_parameters"] == scaling
        assert compression["class"].endswith("ZstdCompressor")
        assert compression["chunk_length_in_kb"] == "64"
        assert speculative_retry == "50ms"


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_tables_are_made_with_and_without_compression(
    settings: CassandraSettings, compression: str
) -> None:
    assert migrate(settings, "--compression", compression).exit_code == 0
    compaction, found, speculative_retry = asyncio.run(options_of(settings, "commits"))
    assert compaction["class"].endswith("UnifiedCompactionStrategy")
    assert ("class" in found) == (compression == "lz4")
    assert speculative_retry == "99p"


def test_a_store_names_the_command_that_makes_its_keyspace(settings: CassandraSettings) -> None:
    with pytest.raises(StoreUnusable, match="helenus cassandra migrate"):
        asyncio.run(opened(settings))


def test_a_store_says_which_table_is_missing(settings: CassandraSettings) -> None:
    assert migrate(settings).exit_code == 0
    asyncio.run(execute(settings, f"DROP TABLE {settings.keyspace}.payloads"))
    with pytest.raises(StoreUnusable, match=r"no table payloads.*helenus cassandra migrate"):
        asyncio.run(opened(settings))
    assert migrate(settings).exit_code == 0
    asyncio.run(opened(settings))


@pytest.mark.parametrize("table", ["commits", "installation"])
def test_a_table_of_another_program_is_left_as_it_is(
    settings: CassandraSettings, table: str
) -> None:
    foreign = (
        f"CREATE KEYSPACE {settings.keyspace} WITH replication ="
        " {'class': 'SimpleStrategy', 'replication_factor': 1}",
        f"CREATE TABLE {settings.keyspace}.{table} (author text PRIMARY KEY, patch blob)",
    )
    asyncio.run(execute(settings, *foreign))
    result = migrate(settings)
    assert result.exit_code == 10
    assert f"{settings.keyspace}.{table} is not one of this store" in result.stderr
    assert "author text, patch blob" in result.stderr
    with pytest.raises(StoreUnusable, match="another keyspace"):
        asyncio.run(opened(settings))


@pytest.mark.parametrize(
    ("options", "exit_code", "says"),
    [
        (("--contact-point", "nowhere.invalid"), 3, "nowhere.invalid"),
        (("--port", "1"), 3, "port 1 cannot be reached"),
        (("--replication", "nowhere=2"), 10, "no data centre 'nowhere'; it has datacenter1"),
        (("--replication", "99"), 10, "too few for 99 copies"),
        (("--tls-authority", "none.pem"), 10, "none.pem"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    settings: CassandraSettings, options: tuple[str, ...], exit_code: int, says: str
) -> None:
    by_default = ["cassandra", "migrate", "--port", str(settings.port), "--driver", settings.driver]
    result = CliRunner().invoke(app, [*by_default, "--keyspace", settings.keyspace, *options])
    assert result.exit_code == exit_code, result.output
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
