"""The keyspace: made by a command, checked by whoever uses it, never by nodes that race.

What must be the same for all users of an installation is recorded in it, each value once and for
good.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from helenus.errors import StoreUnavailable, StoreUnusable
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.drivers import connect
from helenus.stores.cassandra.replication import (
    check_replication,
    replication_cql,
    require_possible,
)
from helenus.stores.cassandra.server import (
    Nodes,
    is_before_5,
    read_nodes,
    require_paxos_v2,
    require_release,
)
from helenus.stores.cassandra.session import MaybeExecuted, OwnerSession, Session
from helenus.stores.cassandra.settings import CassandraSettings

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
    session = await connect(settings, None)
    try:
        nodes = await _fit_nodes(session)
        if not await _replication(session, settings):
            require_possible(settings, nodes)
        await session.execute_schema(
            cql.CREATE_KEYSPACE.format(
                keyspace=settings.keyspace, replication=replication_cql(settings)
            )
        )
    except MaybeExecuted as error:
        raise _silent(error) from error
    finally:
        await session.close()
    session = await connect(settings, settings.keyspace)
    try:
        replication = await _replication(session, settings)
        check_replication(settings, replication, nodes)
        if not await _all_ours(session, settings.keyspace):
            await _upgrade(session, settings)
            await _refuse_what_is_otherwise(session, settings, nodes)
        for statement in cql.create_tables(
            settings.keyspace, settings.tables, unified=not is_before_5(nodes)
        ):
            await session.execute_schema(statement)
        # A table that another machine is making is told of before it can be read. By now it can.
        await _upgrade(session, settings)
        await _refuse_what_is_otherwise(session, settings, nodes)
        for name, value in _recorded(settings, nodes).items():
            await session.execute(cql.RECORD_SETTING, (name, value))
        await _require_complete(session, settings, nodes)
        return replication
    except MaybeExecuted as error:
        raise _silent(error) from error
    finally:
        await session.close()


async def _all_ours(session: Session, keyspace: str) -> bool:
    """Whether of our tables those that are there have our columns."""
    tables = await _columns(session, keyspace)
    return all(_is_ours(table, tables) for table in cql.COLUMNS if table in tables)


async def _upgrade(session: OwnerSession, settings: CassandraSettings) -> None:
    """Bring tables of an older version to this one, a version at a time."""
    if not _is_ours("installation", await _columns(session, settings.keyspace)):
        return
    for version, statements in cql.UPGRADES.items():
        rows = (await session.execute(cql.READ_SETTING, ("schema_version",))).rows
        if not rows or rows[0][0] != version:
            continue
        for statement in statements:
            await session.execute_schema(statement.format(keyspace=settings.keyspace))
        await session.execute(cql.RECORD_UPGRADE, (str(int(version) + 1), version))


async def _columns(session: Session, keyspace: str) -> dict[str, set[str]]:
    """The columns of each table there is, as `cql.COLUMNS` has them."""
    tables: dict[str, set[str]] = {}
    for table, *column in (await session.execute(cql.READ_COLUMNS, (keyspace,))).rows:
        tables.setdefault(table, set()).add(_described(*column))
    return tables


async def check(session: Session, settings: CassandraSettings) -> None:
    """Check that the cluster is fit, and the keyspace complete and set up as the settings say.

    Raises:
        StoreUnusable: it is not; the error says what is missing or differs.
        StoreUnavailable: the cluster did not answer.
    """
    try:
        nodes = await _fit_nodes(session)
        await _require_complete(session, settings, nodes)
        check_replication(settings, await _replication(session, settings), nodes)
    except MaybeExecuted as error:
        raise _silent(error) from error


def _silent(error: MaybeExecuted) -> StoreUnavailable:
    return StoreUnavailable(f"Cassandra did not answer: {error}.")


async def _fit_nodes(session: Session) -> Nodes:
    nodes = await read_nodes(session)
    require_release(nodes)
    await require_paxos_v2(session)
    return nodes


async def _replication(session: Session, settings: CassandraSettings) -> dict[str, str]:
    """The keyspace's replication; empty if there is no such keyspace."""
    rows = (await session.execute(cql.READ_REPLICATION, (settings.keyspace,))).rows
    return dict(rows[0][0]) if rows else {}


async def _require_complete(session: Session, settings: CassandraSettings, nodes: Nodes) -> None:
    missing = await _refuse_what_is_otherwise(session, settings, nodes)
    if missing:
        raise StoreUnusable(
            f"The keyspace {settings.keyspace!r} is not completely set up: there is no"
            f" {', no '.join(missing)}.",
            remedy=_MIGRATE,
        )


async def _refuse_what_is_otherwise(
    session: Session, settings: CassandraSettings, nodes: Nodes
) -> list[str]:
    """Refuse a keyspace in which something is there, but not as it has to be.

    Returns:
        What is not there.
    """
    keyspace = settings.keyspace
    tables = await _columns(session, keyspace)
    missing = [f"table {table}" for table in cql.COLUMNS if table not in tables]
    if _is_ours("installation", tables):
        # First of all: with another version, the other tables may differ rightly.
        missing += await _refuse_other_records(session, settings, nodes)
    for table in cql.COLUMNS:
        if table in tables and not _is_ours(table, tables):
            raise StoreUnusable(
                f"The table {keyspace}.{table} is not one of this store: its columns are"
                f" {', '.join(sorted(tables[table]))}.",
                remedy="It was left as it is. Choose another keyspace.",
            )
    return missing


async def _refuse_other_records(
    session: Session, settings: CassandraSettings, nodes: Nodes
) -> list[str]:
    missing = []
    for name, expected in _recorded(settings, nodes).items():
        rows = (await session.execute(cql.READ_SETTING, (name,))).rows
        if not rows:
            missing.append(name)
        elif rows[0][0] != expected:
            raise StoreUnusable(
                f"The keyspace {settings.keyspace!r} has {name} {rows[0][0]!r}, this program"
                f" {expected!r}.",
                remedy=_remedy(name, rows[0][0]),
            )
    return missing


def _remedy(name: str, found: str) -> str:
    if name == "serial_data_center":
        return f"Connect to the data centre {found!r}: appends are ordered there, and only there."
    if name == "serial_scope":
        return "Change the setting: two scopes must never be mixed."
    if found in cql.UPGRADES:
        return _MIGRATE
    if found.isdecimal() and int(found) > int(cql.SCHEMA_VERSION):
        return "It was made by a newer release: use that one, or one that is newer still."
    return "No release knows this version: choose another keyspace."


def _is_ours(table: str, tables: Mapping[str, Set[str]]) -> bool:
    return tables.get(table) == set(cql.COLUMNS[table].split(", "))


def _described(name: str, kind_of_value: str, kind: str) -> str:
    """A column as `cql.COLUMNS` has it."""
    return f"{name} {kind_of_value}{' static' if kind == 'static' else ''}"


def _recorded(settings: CassandraSettings, nodes: Nodes) -> dict[str, str]:
    """What all users of a keyspace agree on.

    Two data centres that each order the appends within themselves would not order those of one
    stream: so a local scope is that of one data centre.
    """
    recorded = {"schema_version": cql.SCHEMA_VERSION, "serial_scope": settings.serial_scope}
    if settings.serial_scope == "local":
        recorded["serial_data_center"] = nodes.local_data_center
    return recorded
