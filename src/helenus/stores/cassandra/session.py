"""What the store asks of a driver: prepared statements, pages, and honest errors."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from helenus.errors import StoreUnavailable
from helenus.stores.cassandra.settings import CassandraSettings


class Kind(enum.Enum):
    """How a statement is executed."""

    READ = enum.auto()
    """At a quorum."""
    SERIAL_READ = enum.auto()
    """After every conditional write that was acknowledged."""
    WRITE = enum.auto()
    """At a quorum, unconditionally."""
    CONDITIONAL = enum.auto()
    """Through Paxos."""


class Statement(msgspec.Struct, frozen=True):
    """A CQL statement with `?` for each value.

    Attributes:
        cql: its text.
        kind: how it is executed.
        idempotent: whether it may be executed several times, on several nodes at once: a driver
            that waits for a node asks another too. It repeats no other statement by itself.
    """

    cql: str
    kind: Kind
    idempotent: bool = True


class Rows(msgspec.Struct, frozen=True):
    """One page of an answer.

    Attributes:
        rows: tuples in the order of the columns selected.
        more: where the next page begins; None: this was the last.
    """

    rows: Sequence[tuple[Any, ...]]
    more: bytes | None = None


class NotExecuted(StoreUnavailable):
    """The statement was refused or never sent: it has had no effect and will have none."""


class MaybeExecuted(Exception):
    """Nothing says whether the statement has had its effect, or will still have it."""


def login_refused(settings: CassandraSettings) -> StoreUnavailable:
    """What to say when a cluster does not let the user of the settings in."""
    where = f"The Cassandra cluster at {', '.join(settings.contact_points)} port {settings.port}"
    if settings.username is None:
        return StoreUnavailable(f"{where} asks for a user and a password.", remedy="Set both.")
    if settings.password is None:
        return StoreUnavailable(
            f"{where} refuses user {settings.username!r}, for whom no password is set.",
            remedy="Set the password.",
        )
    return StoreUnavailable(
        f"{where} refuses user {settings.username!r} with the password that is set.",
        remedy="Check the user's name and the password.",
    )


class Session(Protocol):
    """A connected driver."""

    async def prepare(self, statements: Sequence[Statement]) -> None:
        """Prepare statements, so that executing them takes one round trip.

        Raises:
            NotExecuted: the server does not accept one.
        """

    async def execute(
        self,
        statement: Statement,
        values: Sequence[Any] = (),
        *,
        page_rows: int = 5_000,
        more: bytes | None = None,
    ) -> Rows:
        """Execute a statement and return one page of its answer.

        Raises:
            NotExecuted: it has had no effect.
            MaybeExecuted: it may have, or may still have, its effect.
        """

    async def close(self) -> None:
        """Close all connections."""


class OwnerSession(Session, Protocol):
    """A session that can also change the schema, which is the owner's business alone."""

    async def execute_schema(self, cql: str) -> None:
        """Execute a statement that changes the schema, and wait until the nodes agree on it.

        Whoever changes the schema goes to the same node while all are up, so that two who do it at
        once are put in order: two nodes might create the same table twice, each with another id.

        Raises:
            StoreUnusable: the cluster refuses the statement.
            StoreUnavailable: the cluster did not carry it out.
        """
