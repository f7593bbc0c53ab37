"""Fixtures that tests of several levels share."""

import asyncio
import uuid
from collections.abc import Iterator

import hypothesis
import msgspec
import pytest

from helenus.stores.cassandra import CassandraSettings
from helenus.stores.cassandra.drivers import connect
from helenus.stores.cassandra.schema import migrate
from helenus.stores.cassandra.session import Kind, Statement
from helenus.testing.cassandra import Cluster, ClusterOptions
from helenus.testing.cassandra.fixtures import Contact
from helenus.testing.cassandra.fixtures import cassandra as cassandra  # noqa: PLC0414

# How long an example takes says more of the machine's other work than of the code: benchmarks tell.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")

DRIVERS = ("acsylla", "cassandra-driver")


@pytest.fixture(scope="session")
def installation(cassandra: Contact) -> CassandraSettings:
    """A migrated keyspace on a real cluster."""
    settings = CassandraSettings(
        contact_points=cassandra.hosts, port=cassandra.port, keyspace=_new_name()
    )
    asyncio.run(migrate(settings))
    return settings


@pytest.fixture
def empty_installation(installation: CassandraSettings) -> CassandraSettings:
    """The same keyspace, with nothing in its tables."""
    asyncio.run(_truncate(installation))
    return installation


@pytest.fixture(params=DRIVERS)
def on_each_driver(
    request: pytest.FixtureRequest, empty_installation: CassandraSettings
) -> CassandraSettings:
    """It again, as each driver reaches it."""
    return msgspec.structs.replace(empty_installation, driver=request.param)


@pytest.fixture(scope="session")
def one_cluster_of_three() -> Iterator[Cluster]:
    """Three nodes, started for the first test that wants them. Tests take `three_nodes`."""
    options = ClusterOptions(
        nodes=3,
        native_port=0,
        storage_port=0,
        jmx_port=0,
        # It lives for minutes: Java compiles quickly rather than well.
        jvm_options=("-XX:TieredStopAtLevel=1",),
    )
    with Cluster(options) as cluster:
        yield cluster


@pytest.fixture
def three_nodes(one_cluster_of_three: Cluster) -> Cluster:
    """Three nodes to kill and pause: all up, whatever the test before did to them.

    They are shared by the tests of a session, so each works in a keyspace or streams of its own.
    """
    one_cluster_of_three.start()
    return one_cluster_of_three


@pytest.fixture(scope="session")
def installation_of_three(one_cluster_of_three: Cluster) -> CassandraSettings:
    """A migrated keyspace with a copy of each row on each of three nodes."""
    one_cluster_of_three.start()
    settings = CassandraSettings(
        contact_points=one_cluster_of_three.contact_points,
        port=one_cluster_of_three.port,
        keyspace=_new_name(),
        replication={"": 3},
        request_timeout_s=20.0,
    )
    asyncio.run(migrate(settings))
    return settings


@pytest.fixture
def three_copies(
    three_nodes: Cluster, installation_of_three: CassandraSettings
) -> CassandraSettings:
    """That keyspace, on nodes that are all up."""
    return installation_of_three


@pytest.fixture
def empty_three_copies(three_copies: CassandraSettings) -> CassandraSettings:
    """The same, with nothing in its tables."""
    asyncio.run(_truncate(three_copies))
    return three_copies


def _new_name() -> str:
    return f"test_{uuid.uuid4().hex[:12]}"


async def _truncate(settings: CassandraSettings) -> None:
    session = await connect(settings, settings.keyspace)
    try:
        for table in ("commits", "payloads", "snapshots"):
            # Looking costs a millisecond, emptying some sixty, and most tests fill one of them.
            look = Statement(f"SELECT * FROM {table} LIMIT 1", Kind.READ)
            if (await session.execute(look)).rows:
                await session.execute_schema(f"TRUNCATE {table}")
    finally:
        await session.close()
