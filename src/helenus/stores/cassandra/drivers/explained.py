"""What failures of a cluster mean and say, whichever driver met them."""

from __future__ import annotations

from helenus.errors import StoreUnavailable, StoreUnusable
from helenus.stores.cassandra.session import NotExecuted
from helenus.stores.cassandra.settings import CassandraSettings


def not_prepared(cql: str, error: Exception) -> NotExecuted:
    """The server does not accept a statement."""
    return NotExecuted(f"Cassandra does not prepare {cql!r}: {error}.")


def refused(error: Exception) -> NotExecuted:
    """The server, or the driver before it, refused to execute a statement."""
    return NotExecuted(f"Cassandra refused the statement: {error}.")


def no_node(error: Exception) -> NotExecuted:
    """A statement found no node to go to."""
    return NotExecuted(f"No node of the Cassandra cluster answers: {error}.")


def schema_refused(error: Exception) -> StoreUnusable:
    """The cluster does not accept a change of the schema."""
    return StoreUnusable(f"The Cassandra cluster refuses a change of the schema: {error}.")


def schema_unchanged(error: Exception) -> StoreUnavailable:
    """The cluster did not answer a change of the schema; making it again does no harm."""
    return StoreUnavailable(f"The Cassandra cluster did not change the schema: {error}.")


def no_keyspace(settings: CassandraSettings) -> StoreUnusable:
    """The keyspace does not exist."""
    return StoreUnusable(
        f"The Cassandra keyspace {settings.keyspace!r} does not exist at {_where(settings)}.",
        remedy="Create it with `helenus cassandra migrate`.",
    )


def no_address(settings: CassandraSettings) -> StoreUnavailable:
    """No contact point is an address or leads to one."""
    return StoreUnavailable(
        f"No name among {', '.join(settings.contact_points)} leads to an address.",
        remedy="Check the contact points of the Cassandra cluster.",
    )


def unreachable(settings: CassandraSettings, text: str) -> StoreUnavailable:
    """No node answers."""
    return StoreUnavailable(
        f"The Cassandra cluster at {_where(settings)} cannot be reached: {text}."
    )


def _where(settings: CassandraSettings) -> str:
    return f"{', '.join(settings.contact_points)} port {settings.port}"
