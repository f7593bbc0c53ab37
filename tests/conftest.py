"""Fixtures that tests of several levels share."""

import asyncio
import uuid

import msgspec
import pytest

from helenus.stores.cassandra import CassandraSettings
from helenus.stores.cassandra.drivers import connect
from helenus.stores.cassandra.schema import migrate
from helenus.testing.cassandra.fixtures import Contact
from helenus.testing.cassandra.fixtures import cassandra as cassandra  # noqa: PLC0414

DRIVERS = ("acsylla", "cassandra-driver")


@pytest.fixture(scope="session")
def installation(cassandra: Contact) -> CassandraSettings:
    """A migrated keyspace on a real cluster."""
    settings = CassandraSettings(
        contact_points=cassandra.hosts,
        port=cassandra.port,
        keyspace=f"test_{uuid.uuid4().hex[:12]}",
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


async def _truncate(settings: CassandraSettings) -> None:
    session = await connect(settings, settings.keyspace)
    try:
        for table in ("commits", "payloads", "snapshots"):
            await session.execute_schema(f"TRUNCATE {table}")
    finally:
        await session.close()
