"""The keyspace: made by a command, checked by whoever uses it, never by nodes that race.

What must be the same for all users of an installation is recorded in it, each value once and for
good.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from helenus.errors import StoreUnavailable, StoreUnusable
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.drivers.datastax import DatastaxSession
from helenus.stores.cassandra.session import MaybeExecuted, Session
from helenus.stores.cassandra.settings import CassandraSettings

OLDEST_RELEASE = (4, 1, 6)
_MIGRATE = "Run `helenus cassandra migrate` once, from one machine."


async def migrate(settings: CassandraSettings) -> dict[str, str]:
    """Create the keyspace and its tables where they are missing. Running it again does no harm.

    Returns:
        The keyspace's replication as it is. One that was there before is left as it was.

    Raises:
        StoreUnavailable: the cluster cannot be reached or did not answer.
        StoreUnusable: it is too old, the keyspace was set up otherwise, or its tables are another
            program's.
    """
    session = await DatastaxSession.connect(settings, None)
    try:
        _require_release(await session.server_versions())
        await session.execute_schema(
            cql.CREATE_KEYSPACE.format(
                keyspace=settings.keyspace, replication=_replication(settings)
            )
        )
    finally:
        await session.close()
    session = await DatastaxSession.connect(settings, settings.keyspace)
    try:
        await _refuse_what_is_otherwise(session, settings)
        for table in cql.TABLES:
            await session.execute_schema(table.format(keyspace=settings.keyspace))
        for name, value in _recorded(settings).items():
            await session.execute(cql.RECORD_SETTING, (name, value))
        await check(session, settings)
        ((replication,),) = (await session.execute(cql.READ_REPLICATION, (settings.keyspace,))).rows
        return dict(replication)
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
    try:
        missing = await _refuse_what_is_otherwise(session, settings)
    except MaybeExecuted as error:
        raise StoreUnavailable(f"Cassandra did not answer: {error}.") from error
    if missing:
        raise StoreUnusable(
            f"The keyspace {settings.keyspace!r} is not completely set up: there is no"
            f" {', no '.join(missing)}.",
            remedy=_MIGRATE,
        )


async def _refuse_what_is_otherwise(session: Session, settings: CassandraSettings) -> list[str]:
    """Refuse a keyspace in which something is there, but not as it has to be.

    Returns:
        What is not there.
    """
    keyspace = settings.keyspace
    tables: dict[str, set[str]] = {}
    for table, *column in (await session.execute(cql.READ_COLUMNS, (keyspace,))).rows:
        tables.setdefault(table, set()).add(_described(*column))
    missing = [f"table {table}" for table in cql.COLUMNS if table not in tables]
    if _is_ours("installation", tables):
        # First of all: with another version, the other tables may differ rightly.
        missing += await _refuse_other_records(session, settings)
    for table in cql.COLUMNS:
        if table in tables and not _is_ours(table, tables):
            raise StoreUnusable(
                f"The table {keyspace}.{table} is not one of this store: its columns are"
                f" {', '.join(sorted(tables[table]))}.",
                remedy="It was left as it is. Choose another keyspace.",
            )
    return missing


async def _refuse_other_records(session: Session, settings: CassandraSettings) -> list[str]:
    missing = []
    for name, expected in _recorded(settings).items():
        rows = (await session.execute(cql.READ_SETTING, (name,))).rows
        if not rows:
            missing.append(name)
        elif rows[0][0] != expected:
            raise StoreUnusable(
                f"The keyspace {settings.keyspace!r} has {name} {rows[0][0]!r}, this program"
                f" {expected!r}.",
                remedy="Change the setting, or use the release that made the keyspace.",
            )
    return missing


def _is_ours(table: str, tables: Mapping[str, Set[str]]) -> bool:
    return tables.get(table) == set(cql.COLUMNS[table].split(", "))


def _described(name: str, kind_of_value: str, kind: str) -> str:
    """A column as `cql.COLUMNS` has it."""
    return f"{name} {kind_of_value}{' static' if kind == 'static' else ''}"


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
