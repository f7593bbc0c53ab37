"""A keyspace for a while: made beside another one, with its copies, and dropped in the end."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from helenus.errors import HelenusError, StoreUnavailable, StoreUnusable
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.drivers import connect
from helenus.stores.cassandra.schema import migrate
from helenus.stores.cassandra.session import MaybeExecuted
from helenus.stores.cassandra.settings import CassandraSettings

_NAME_MAX = 48


@asynccontextmanager
async def scratch_keyspace(settings: CassandraSettings) -> AsyncIterator[CassandraSettings]:
    """The settings of a keyspace that is there for the block only.

    Args:
        settings: of a keyspace that is there; it is not touched.

    Raises:
        StoreUnavailable: the cluster cannot be reached or did not answer.
        StoreUnusable: there is no such keyspace, or the user may not make another.
    """
    suffix = f"_bench_{uuid.uuid4().hex[:8]}"
    own = msgspec.structs.replace(
        settings,
        keyspace=settings.keyspace[: _NAME_MAX - len(suffix)] + suffix,
        replication=await _replication(settings),
    )
    try:
        await migrate(own)
        yield own
    finally:
        try:
            await _drop(own)
        except HelenusError as error:
            raise StoreUnavailable(
                f"The keyspace {own.keyspace} could not be dropped: {error.args[0]}",
                remedy=f"Drop it: DROP KEYSPACE IF EXISTS {own.keyspace}.",
            ) from error


async def _drop(settings: CassandraSettings) -> None:
    session = await connect(settings, None)
    try:
        await session.execute_schema(f"DROP KEYSPACE IF EXISTS {settings.keyspace}")
    finally:
        await session.close()


async def _replication(settings: CassandraSettings) -> dict[str, int]:
    """The copies of the keyspace, in the form of the settings."""
    session = await connect(settings, None)
    try:
        rows = (await session.execute(cql.READ_REPLICATION, (settings.keyspace,))).rows
    except MaybeExecuted as error:
        raise StoreUnavailable(f"Cassandra did not answer: {error}.") from error
    finally:
        await session.close()
    if not rows:
        raise StoreUnusable(
            f"There is no keyspace {settings.keyspace!r}, whose replication is taken.",
            remedy="Name one that is there.",
        )
    found = {name: value for name, value in dict(rows[0][0]).items() if name != "class"}
    return {name if name != "replication_factor" else "": int(n) for name, n in found.items()}
