"""The keyspace: made by a command, checked by whoever uses it, never by nodes that race.

What must be the same for all users of an installation is recorded in it, each value once and for
good.
"""

from __future__ import annotations

from helenus.errors import StoreUnavailable, StoreUnusable
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.drivers.datastax import DatastaxSession
from helenus.stores.cassandra.session import MaybeExecuted, NotExecuted, Session
from helenus.stores.cassandra.settings import CassandraSettings

OLDEST_RELEASE = (4, 1, 6)
_MIGRATE = "Run `helenus cassandra migrate` once, from one machine."


async def migrate(settings: CassandraSettings) -> None:
    """Create the keyspace and its tables where they are missing. Running it again does no harm.

    Raises:
        StoreUnavailable: the cluster cannot be reached or did not answer.
        StoreUnusable: it is too old, or the keyspace was set up otherwise.
    """
    session = await DatastaxSession.connect(settings, None)
    try:
        _require_release(await session.server_versions())
        keyspace, replication = settings.keyspace, _replication(settings)
        await session.execute_schema(
            cql.CREATE_KEYSPACE.format(keyspace=keyspace, replication=replication)
        )
        for table in cql.TABLES:
            await session.execute_schema(table.format(keyspace=keyspace))
    finally:
        await session.close()
    session = await DatastaxSession.connect(settings, settings.keyspace)
    try:
        for name, value in _recorded(settings).items():
            await session.execute(cql.RECORD_SETTING, (name, value))
        await check(session, settings)
    except MaybeExecuted as error:
        raise StoreUnavailable(f"Cassandra did not answer: {error}.", remedy=_MIGRATE) from error
    finally:
        await session.close()


async def check(session: Session, settings: CassandraSettings) -> None:
    """Check that the keyspace is this store's, complete, and set up as the settings say.

    Raises:
        StoreUnusable: it is not; the error says what is missing or differs.
        StoreUnavailable: the cluster did not answer.
    """
    for name, expected in _recorded(settings).items():
        try:
            rows = (await session.execute(cql.READ_SETTING, (name,))).rows
        except NotExecuted as error:
            raise StoreUnusable(
                f"The keyspace {settings.keyspace!r} does not hold this store's tables: {error}",
                remedy=_MIGRATE,
            ) from error
        except MaybeExecuted as error:
            raise StoreUnavailable(f"Cassandra did not answer: {error}.") from error
        if not rows:
            raise StoreUnusable(
                f"The keyspace {settings.keyspace!r} is not completely set up: {name} is missing.",
                remedy=_MIGRATE,
            )
        if rows[0][0] != expected:
            raise StoreUnusable(
                f"The keyspace {settings.keyspace!r} has {name} {rows[0][0]!r}, this program"
                f" {expected!r}.",
                remedy="Change the setting, or use the release that made the keyspace.",
            )


def _recorded(settings: CassandraSettings) -> dict[str, str]:
    return {"schema_version": cql.SCHEMA_VERSION, "serial_scope": settings.serial_scope}


def _replication(settings: CassandraSettings) -> str:
    copies = settings.replication
    if set(copies) == {""}:
        return f"{{'class': 'SimpleStrategy', 'replication_factor': {copies['']}}}"
    centres = ", ".join(f"'{name}': {number}" for name, number in copies.items())
    return f"{{'class': 'NetworkTopologyStrategy', {centres}}}"


def _require_release(releases: set[str]) -> None:
    for release in releases:
        numbers = tuple(int(part) for part in release.split("-")[0].split(".")[:3])
        if numbers < OLDEST_RELEASE:
            raise StoreUnusable(
                f"A node runs Cassandra {release}; its conditional writes are not safe enough.",
                remedy="Use Cassandra 5.0, or 4.1.6 and later 4.1.",
            )
