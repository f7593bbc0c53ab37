"""What a cluster and a keyspace have to be, told by a session that answers as they would."""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from helenus.errors import InvalidArgument, StoreUnusable
from helenus.stores.cassandra import CassandraSettings, TableSettings, cql
from helenus.stores.cassandra.replication import replication_cql, require_possible
from helenus.stores.cassandra.schema import check
from helenus.stores.cassandra.server import Node, Nodes, is_new_enough, read_nodes
from helenus.stores.cassandra.session import NotExecuted, Rows, Statement

NETWORK = "org.apache.cassandra.locator.NetworkTopologyStrategy"
SIMPLE = "org.apache.cassandra.locator.SimpleStrategy"


class Told:
    """A session to a cluster whose nodes, one after another, answer.

    Attributes:
        nodes: data centre and release of each.
        variant: of Paxos; None: may not be seen.
        records: of the table `installation`.
        replication: of the keyspace.
    """

    def __init__(self, *nodes: tuple[str, str]) -> None:
        self.nodes = {uuid.uuid4(): node for node in nodes or [("dc1", "5.0.9")]}
        self.variant: str | None = "v2"
        self.records = {
            "schema_version": cql.SCHEMA_VERSION,
            "serial_scope": "local",
            "serial_data_center": "dc1",
        }
        self.replication = {"class": SIMPLE, "replication_factor": "1"}
        self._asked = 0

    async def prepare(self, statements: Sequence[Statement]) -> None:
        raise AssertionError

    async def execute(
        self,
        statement: Statement,
        values: Sequence[Any] = (),
        *,
        page_rows: int = 5_000,
        more: bytes | None = None,
    ) -> Rows:
        self._asked += 1
        known = [(key, *node) for key, node in self.nodes.items()]
        answering = self._asked % len(known)
        if statement == cql.READ_LOCAL:
            return Rows([known[answering]])
        if statement == cql.READ_PEERS:
            return Rows(known[:answering] + known[answering + 1 :])
        if statement == cql.READ_PAXOS_VARIANT:
            if self.variant is None:
                raise NotExecuted("User licensing has no SELECT permission.")
            return Rows([(self.variant,)])
        if statement == cql.READ_COLUMNS:
            return Rows(
                [
                    (table, *column.split(" ", 1), "regular")
                    if not column.endswith(" static")
                    else (table, *column.removesuffix(" static").split(" ", 1), "static")
                    for table, columns in cql.COLUMNS.items()
                    for column in columns.split(", ")
                ]
            )
        if statement == cql.READ_SETTING:
            found = self.records.get(values[0])
            return Rows([(found,)] if found else [])
        assert statement == cql.READ_REPLICATION
        return Rows([(self.replication,)])

    async def close(self) -> None:
        raise AssertionError


async def refused(told: Told, **settings: Any) -> str:
    with pytest.raises(StoreUnusable) as caught:
        await check(told, CassandraSettings(**settings))
    return str(caught.value)


async def test_a_keyspace_that_fits_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    await check(Told(), CassandraSettings())
    assert not caplog.records


@pytest.mark.parametrize(
    "release",
    [
        *("5.0.0", "5.0", "5.0.9", "5.0.10-SNAPSHOT", "5.1-alpha1", "6.0", "10.2.1"),
        *("4.1.6", "4.1.10", "4.1.7-SNAPSHOT"),
    ],
)
def test_a_release_that_is_new_enough(release: str) -> None:
    assert is_new_enough(release)


@pytest.mark.parametrize(
    "release",
    [
        *("2.2.19", "3.0.8", "3.11.17", "4.0.12", "4.0.0.6816", "4.1", "4.1.0", "4.1.5"),
        *("4.1-beta1", "4.1.6-SNAPSHOT", "4.1.5-SNAPSHOT", "5.0-beta1", "5.0-rc2", "5.0-SNAPSHOT"),
        *("", "unknown"),
    ],
)
async def test_one_node_of_an_older_release_is_enough_to_be_refused(release: str) -> None:
    assert not is_new_enough(release)
    if release:
        said = await refused(Told(("dc1", "5.0.9"), ("dc1", release), ("dc1", "5.0.9")))
        assert f"A node runs Cassandra {release};" in said
        assert "Use Cassandra 5.0, or 4.1.6 and later 4.1." in said


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
async def test_all_nodes_are_found_whichever_of_them_answers(count: int) -> None:
    told = Told(*[("dc1", "5.0.9")] * count)
    assert (await read_nodes(told)).all.keys() == told.nodes.keys()


async def test_a_node_that_is_not_described_in_full_is_left_out() -> None:
    told = Told(("dc1", "5.0.9"))
    execute = told.execute

    async def with_half_a_peer(statement: Statement, *values: Any, **more: Any) -> Rows:
        if statement == cql.READ_PEERS:
            return Rows([(uuid.uuid4(), None, None)])
        return await execute(statement, *values, **more)

    told.execute = with_half_a_peer  # type: ignore[method-assign]  # what one answer differs in
    nodes = await read_nodes(told)
    assert nodes.all.keys() == told.nodes.keys()
    assert nodes.local_data_center == "dc1"


@pytest.mark.parametrize(
    "variant",
    ["v1", "v2_without_linearizable_reads", "v1_without_linearizable_reads_or_rejected_writes"],
)
async def test_another_variant_of_paxos_is_refused(variant: str) -> None:
    told = Told()
    told.variant = variant
    said = await refused(told)
    assert f"paxos_variant: {variant}." in said
    assert "Set paxos_variant: v2 in cassandra.yaml on all nodes" in said


async def test_a_variant_that_cannot_be_seen_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    told = Told()
    told.variant = None
    await check(told, CassandraSettings())
    assert "GRANT SELECT ON system_views.settings" in caplog.text


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("schema_version", "0", "No release knows this version: choose another keyspace."),
        ("schema_version", "x", "No release knows this version: choose another keyspace."),
        ("schema_version", "99", "It was made by a newer release"),
        ("serial_scope", "global", "two scopes must never be mixed"),
        ("serial_data_center", "dc2", "Connect to the data centre 'dc2'"),
    ],
)
async def test_a_record_that_differs_is_named_with_what_to_do(
    name: str, value: str, says: str
) -> None:
    told = Told()
    told.records[name] = value
    said = await refused(told)
    assert f"has {name} {value!r}, this program" in said
    assert says in said


@pytest.mark.parametrize("name", ["schema_version", "serial_scope", "serial_data_center"])
async def test_a_record_that_is_missing_is_named(name: str) -> None:
    told = Told()
    del told.records[name]
    said = await refused(told)
    assert f"there is no {name}." in said
    assert "helenus cassandra migrate" in said


async def test_a_global_order_needs_no_data_centre() -> None:
    told = Told(("dc2", "5.0.9"))
    told.records = {"schema_version": cql.SCHEMA_VERSION, "serial_scope": "global"}
    await check(told, CassandraSettings(serial_scope="global"))


async def test_another_replication_than_asked_for_is_refused() -> None:
    said = await refused(Told(), replication={"": 3})
    assert "has SimpleStrategy, replication_factor 1, not replication_factor 3" in said
    assert "ALTER KEYSPACE" in said
    said = await refused(Told(), replication={"dc1": 1})
    assert "replication_factor 1, not dc1 1" in said


async def test_the_replication_that_was_asked_for_is_taken() -> None:
    told = Told(*[("dc1", "5.0.9")] * 3)
    told.replication = {"class": NETWORK, "dc1": "3"}
    await check(told, CassandraSettings(replication={"dc1": 3}))
    await check(told, CassandraSettings())


async def test_a_keyspace_without_copies_where_appends_are_ordered_is_refused() -> None:
    told = Told()
    told.replication = {"class": NETWORK, "dc2": "3"}
    said = await refused(told)
    assert "has no copy in the data centre 'dc1'" in said
    told.records = {"schema_version": cql.SCHEMA_VERSION, "serial_scope": "global"}
    await check(told, CassandraSettings(serial_scope="global"))


@pytest.mark.parametrize(("copies", "warned"), [("1", True), ("2", True), ("3", False)])
async def test_fewer_than_three_copies_on_several_nodes_are_a_warning(
    caplog: pytest.LogCaptureFixture, copies: str, *, warned: bool
) -> None:
    told = Told(*[("dc1", "5.0.9")] * 3)
    told.replication = {"class": NETWORK, "dc1": copies}
    await check(told, CassandraSettings())
    assert ("no node may be away" in caplog.text) == warned


def nodes_of(*centres: str) -> Nodes:
    return Nodes({uuid.uuid4(): Node(centre, "5.0.9") for centre in centres}, centres[0])


@pytest.mark.parametrize(
    ("replication", "centres", "says"),
    [
        ({"dc2": 1}, ("dc1",), "no data centre 'dc2'; it has dc1 (1 nodes)"),
        ({"dc1": 2}, ("dc1",), "'dc1' has 1 node(s), too few for 2 copies"),
        ({"": 3}, ("dc1", "dc1"), "'dc1' has 2 node(s), too few for 3 copies"),
        ({"dc1": 1, "dc2": 2}, ("dc1", "dc2"), "'dc2' has 1 node(s)"),
        ({"": 1}, ("dc1", "dc2"), "several data centres: dc1 (1 nodes), dc2 (1 nodes)"),
        (None, ("dc1", "dc2"), "Say how many copies each gets"),
    ],
)
def test_a_replication_that_the_nodes_cannot_give_is_refused(
    replication: dict[str, int] | None, centres: tuple[str, ...], says: str
) -> None:
    with pytest.raises(StoreUnusable) as caught:
        require_possible(CassandraSettings(replication=replication), nodes_of(*centres))
    assert says in str(caught.value)


def test_a_replication_is_written_as_cassandra_reads_it() -> None:
    one = "{'class': 'SimpleStrategy', 'replication_factor': 1}"
    assert replication_cql(CassandraSettings()) == one
    both = CassandraSettings(replication={"dc1": 3, "dc 2": 2})
    require_possible(both, nodes_of(*["dc1"] * 3, *["dc 2"] * 2))
    assert replication_cql(both) == "{'class': 'NetworkTopologyStrategy', 'dc1': 3, 'dc 2': 2}"


@pytest.mark.parametrize("replication", [{}, {"dc1": 0}, {"dc'1": 1}, {"": 1, "dc1": 1}])
def test_a_replication_that_is_none_is_refused(replication: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument, match="replication"):
        CassandraSettings(replication=replication)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("compaction", wrong) for wrong in ("", "T1", "X4", "T4'", "T", "4", "T1000")),
        ("snapshot_compaction", "L"),
        *(("compression_chunk_kib", wrong) for wrong in (0, 3, 12, 128)),
        *(("speculative_retry", wrong) for wrong in ("", "100p", "50", "ms", "99p'")),
    ],
)
def test_a_table_option_that_is_none_is_refused(name: str, value: object) -> None:
    with pytest.raises(InvalidArgument, match=name):
        TableSettings(**{name: value})  # type: ignore[arg-type]  # one of several types


def created(tables: TableSettings, *, unified: bool = True) -> dict[str, str]:
    statements = cql.create_tables("k", tables, unified=unified)
    return dict(zip(cql.COLUMNS, statements, strict=True))


def test_tables_are_made_as_the_settings_say() -> None:
    made = created(
        TableSettings(
            compaction="T8, T4, N",
            snapshot_compaction="L4",
            compression="zstd",
            compression_chunk_kib=64,
            speculative_retry="50ms",
        )
    )
    for table in ("commits", "payloads"):
        assert f"CREATE TABLE IF NOT EXISTS k.{table} (" in made[table]
        assert "'UnifiedCompactionStrategy', 'scaling_parameters': 'T8, T4, N'" in made[table]
        assert "{'class': 'ZstdCompressor', 'chunk_length_in_kb': 64}" in made[table]
        assert "speculative_retry = '50ms'" in made[table]
    assert "'scaling_parameters': 'L4'" in made["snapshots"]
    assert "WITH" not in made["installation"]
    assert (
        "compression = {'enabled': false}" in created(TableSettings(compression="none"))["commits"]
    )


def test_nodes_without_the_unified_compaction_get_what_comes_closest() -> None:
    made = created(TableSettings(), unified=False)
    assert "compaction = {'class': 'SizeTieredCompactionStrategy'}" in made["commits"]
    assert "compaction = {'class': 'LeveledCompactionStrategy'}" in made["snapshots"]


def test_the_defaults_are_what_is_recommended() -> None:
    assert msgspec.structs.asdict(CassandraSettings().tables) == {
        "compaction": "T4",
        "snapshot_compaction": "L10",
        "compression": "lz4",
        "compression_chunk_kib": 16,
        "speculative_retry": "99p",
    }
