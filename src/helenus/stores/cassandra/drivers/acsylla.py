"""The session on `acsylla`, which is asyncio on the C++ driver.

It costs a fraction of the processor time of `cassandra-driver` and has its own thread for the
connections. It repeats a statement by itself only before it was sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from typing import Any, Self

import acsylla
from acsylla import Consistency, errors

from helenus.errors import StoreClosed, StoreUnusable
from helenus.stores.cassandra import cql
from helenus.stores.cassandra.drivers import explained
from helenus.stores.cassandra.drivers.wiring import WiredCluster
from helenus.stores.cassandra.session import (
    Kind,
    MaybeExecuted,
    NotExecuted,
    Rows,
    Statement,
    login_refused,
)
from helenus.stores.cassandra.settings import (
    SPECULATIVE_EXECUTIONS_MAX,
    CassandraSettings,
    TlsSettings,
)
from helenus.stores.cassandra.tls import tls_context, tls_trouble

_RECONNECT_BASE_MS = 200
_RECONNECT_MAX_MS = 5_000
# A node that is paused keeps its connections: it leaves when it misses heartbeats for so long.
_HEARTBEAT_S = 2
_IDLE_TIMEOUT_S = 6
_SCHEMA_TIMEOUT_S = 60.0
_LINGER_S = 0.05
# The C++ driver's flags. acsylla's own name for the second has the value of the first: with it, a
# certificate of any address would do.
_VERIFY_AUTHORITY = 1
_VERIFY_ADDRESS = 2

_REFUSED = (
    errors.CassErrorServerInvalidQuery,
    errors.CassErrorServerSyntaxError,
    errors.CassErrorServerUnauthorized,
    errors.CassErrorServerBadCredentials,
    errors.CassErrorServerConfigError,
    errors.CassErrorServerAlreadyExists,
    # Before it was sent:
    errors.CassErrorLibRequestQueueFull,
    errors.CassErrorLibNoAvailableIoThread,
    errors.CassErrorLibMessageEncode,
    errors.CassErrorLibParameterUnset,
)
_SCHEMA_REFUSED = (
    errors.CassErrorServerInvalidQuery,
    errors.CassErrorServerSyntaxError,
    errors.CassErrorServerUnauthorized,
    errors.CassErrorServerConfigError,
    errors.CassErrorServerAlreadyExists,
)

# The driver does not tell a column's type, but the schema does.
_UUID_COLUMNS = {"host_id"} | {
    column.split()[0]
    for columns in cql.COLUMNS.values()
    for column in columns.split(", ")
    if column.split()[1] in {"uuid", "timeuuid"}
}


class AcsyllaSession:
    """A connected driver. Make it with `connect`."""

    def __init__(
        self, wired: WiredCluster, session: acsylla.Session, settings: CassandraSettings
    ) -> None:
        self._wired = wired
        self._session: acsylla.Session | None = session
        self._settings = settings
        self._prepared: dict[Statement, acsylla.PreparedStatement] = {}
        self._uuids_known: dict[tuple[Statement, int], list[int]] = {}

    @classmethod
    async def connect(cls, settings: CassandraSettings, keyspace: str | None) -> Self:
        """Connect to the cluster.

        Raises:
            StoreUnavailable: no node answers, or none accepts these credentials.
            StoreUnusable: the keyspace does not exist, or TLS cannot be set up.
        """
        tls = await asyncio.to_thread(_tls, settings.tls) if settings.tls else None
        wired = _cluster(settings)
        try:
            if tls is not None:
                _encrypt(wired, tls)
            # The local data centre is always named: the driver would go round all of them, and a
            # coordinator elsewhere would take another `LOCAL_SERIAL` than ours for an append.
            wired.cluster.set_load_balance_dc_aware(
                settings.data_center or await _data_center(wired)
            )
            session = await _connected(wired, keyspace)
        except BaseException as error:
            await wired.release()
            if isinstance(error, errors.CassException):
                raise await _connection_error(settings, error) from error
            raise
        return cls(wired, session, settings)

    async def prepare(self, statements: Sequence[Statement]) -> None:
        """See `Session.prepare`."""
        session = self._open()
        local = self._settings.serial_scope == "local"
        serial = Consistency.LOCAL_SERIAL if local else Consistency.SERIAL
        quorum = Consistency.LOCAL_QUORUM if local else Consistency.QUORUM
        for statement in statements:
            try:
                self._prepared[statement] = await session.create_prepared(
                    statement.cql,
                    timeout=self._settings.request_timeout_s,
                    consistency=serial if statement.kind is Kind.SERIAL_READ else quorum,
                    serial_consistency=serial,
                )
            except errors.CassException as error:
                raise explained.not_prepared(statement.cql, error) from error

    async def execute(
        self,
        statement: Statement,
        values: Sequence[Any] = (),
        *,
        page_rows: int = 5_000,
        more: bytes | None = None,
    ) -> Rows:
        """See `Session.execute`."""
        if statement not in self._prepared:
            await self.prepare([statement])
        page = {"page_size": page_rows, "page_state": more}
        try:
            # No names for these: a traceback that someone keeps would keep them, and the session.
            answer = await self._open().execute(self._bound(statement, values, page))
        except errors.CassException as error:
            raise execution_error(statement.kind, error) from error
        rows = [row.as_tuple() for row in answer]
        for column in self._uuids(statement, answer) if rows else ():
            rows = [_with_uuid(row, column) for row in rows]
        return Rows(rows, answer.page_state() if answer.has_more_pages() else None)

    def _bound(
        self, statement: Statement, values: Sequence[Any], page: dict[str, Any]
    ) -> acsylla.Statement:
        bound = self._prepared[statement].bind(tuple(values), **page)
        bound.set_is_idempotent(statement.idempotent)
        return bound

    def _uuids(self, statement: Statement, answer: acsylla.Result) -> Sequence[int]:
        """The columns of an answer that are UUIDs, of which the driver makes texts.

        A refused conditional statement has more columns than one that was applied.
        """
        key = (statement, answer.column_count())
        if key not in self._uuids_known:
            names = enumerate(answer.columns_names())
            self._uuids_known[key] = [index for index, name in names if name in _UUID_COLUMNS]
        return self._uuids_known[key]

    async def execute_schema(self, cql: str) -> None:
        """See `OwnerSession.execute_schema`."""
        try:
            for address in await self._addresses():
                try:
                    await self._at(address, cql)
                except errors.CassErrorLibNoHostsAvailable:
                    continue  # it was not sent: the node is down, or has another address for us
                return
            await self._at(None, cql)
        except _SCHEMA_REFUSED as error:
            raise explained.schema_refused(error) from error
        except errors.CassException as error:
            raise explained.schema_unchanged(error) from error

    async def close(self) -> None:
        """See `Session.close`."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
            # The C++ driver ends the process if a session is freed while it prepares statements on
            # a node that has just come up (CASSCPP-3). Closed, it is at the end of that in no time.
            await asyncio.sleep(_LINGER_S)
            self._prepared.clear()  # each refers to the session
            del session
            await self._wired.release()

    async def _addresses(self) -> list[str]:
        """Of all nodes, in the same order for all."""
        ((asked,),) = await self._at(None, "SELECT rpc_address FROM system.local")
        others = "SELECT rpc_address FROM system.peers"
        try:
            peers = await self._at(asked, others)
        except errors.CassErrorLibNoHostsAvailable:  # we know it by another address
            peers = await self._at(None, others)
        return sorted({asked, *(address for (address,) in peers if address)})

    def _open(self) -> acsylla.Session:
        if self._session is None:
            raise StoreClosed("The session with Cassandra is closed.")
        return self._session

    async def _at(self, address: str | None, cql: str) -> list[tuple[Any, ...]]:
        """Execute a statement at a node, or at any; at the consistency of system tables."""
        statement = acsylla.create_statement(cql, timeout=_SCHEMA_TIMEOUT_S)
        if address is not None:
            statement.set_host(address, self._settings.port)
        return [row.as_tuple() for row in await self._open().execute(statement)]


def _with_uuid(row: tuple[Any, ...], column: int) -> tuple[Any, ...]:
    value = row[column]
    return row if value is None else (*row[:column], uuid.UUID(value), *row[column + 1 :])


def execution_error(kind: Kind, error: Exception) -> NotExecuted | MaybeExecuted:
    """What the driver's error says of a statement of this kind."""
    # With paxos v1 the commit of an accepted proposal may still find too few replicas.
    unavailable = (
        isinstance(error, errors.CassErrorServerUnavailable) and kind is not Kind.CONDITIONAL
    )
    if unavailable or isinstance(error, _REFUSED):
        return explained.refused(error)
    # A connection that breaks after a statement was written to it is a timeout, not this.
    if isinstance(error, errors.CassErrorLibNoHostsAvailable):
        return explained.no_node(error)
    return MaybeExecuted(_text(error))


async def _connection_error(settings: CassandraSettings, error: Exception) -> Exception:
    text = _text(error)
    if isinstance(error, errors.CassErrorLibUnableToSetKeyspace) and "does not exist" in text:
        return explained.no_keyspace(settings)
    if isinstance(error, errors.CassErrorServerBadCredentials):
        return login_refused(settings)
    if not await _any_resolves(settings.contact_points):
        return explained.no_address(settings)
    trouble = await asyncio.to_thread(tls_trouble, settings)
    return trouble or explained.unreachable(settings, text)


async def _any_resolves(names: Sequence[str]) -> bool:
    for name in names:
        try:
            await asyncio.get_running_loop().getaddrinfo(name, None)
        except OSError:
            continue
        return True
    return False


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__


async def _connected(wired: WiredCluster, keyspace: str | None = None) -> acsylla.Session:
    """A session that is connected.

    The driver halts the whole process, for good, where a session is freed that is still connecting.
    So whoever is cancelled waits for it: no longer than the driver tries to connect.
    """
    connecting = asyncio.ensure_future(wired.cluster.create_session(keyspace=keyspace))
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        while not connecting.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([connecting])
        if connecting.exception() is None:
            await connecting.result().close()
        raise
    finally:
        del connecting  # it refers to the session


async def _data_center(wired: WiredCluster) -> str:
    """That of the first node that answers."""
    session = await _connected(wired)
    try:
        statement = acsylla.create_statement("SELECT data_center FROM system.local")
        ((name,),) = [row.as_tuple() for row in await session.execute(statement)]
        return str(name)
    finally:
        await session.close()
        del session


def _cluster(settings: CassandraSettings) -> WiredCluster:
    after_s = settings.speculative_execution_s
    speculation = (
        acsylla.SpeculativeExecutionPolicy(
            constant_delay_ms=max(1, round(after_s * 1_000)),
            max_speculative_executions=SPECULATIVE_EXECUTIONS_MAX,
        )
        if after_s
        else None
    )
    credentials = (
        {"username": settings.username, "password": settings.password or ""}
        if settings.username is not None
        else {}
    )
    return WiredCluster(
        contact_points=list(settings.contact_points),
        port=settings.port,
        protocol_version=4,
        connect_timeout=settings.connect_timeout_s,
        request_timeout=settings.request_timeout_s,
        resolve_timeout=settings.connect_timeout_s,
        retry_policy="fallthrough",
        speculative_execution_policy=speculation,
        token_aware_routing=True,
        token_aware_routing_shuffle_replicas=False,
        exponential_reconnect_base_delay_ms=_RECONNECT_BASE_MS,
        exponential_reconnect_max_delay_ms=_RECONNECT_MAX_MS,
        heartbeat_interval_sec=_HEARTBEAT_S,
        idle_timeout_sec=_IDLE_TIMEOUT_S,
        tcp_nodelay=True,
        coalesce_delay_us=0,  # a statement of an idle process is not to wait for company
        **credentials,
    )


def _encrypt(wired: WiredCluster, tls: dict[str, Any]) -> None:
    try:
        wired.cluster.set_ssl(True, **tls)
    except errors.CassException as error:
        raise StoreUnusable(
            f"TLS cannot be set up: {_text(error)}.", remedy="Check the certificates and the key."
        ) from error


def _tls(tls: TlsSettings) -> dict[str, Any]:
    tls_context(tls)  # its errors name the file; the driver's do not
    own = tls.certificate.read_text() if tls.certificate else None
    verify = _VERIFY_AUTHORITY | (_VERIFY_ADDRESS if tls.check_hostname else 0)
    return {
        "trusted_cert": tls.authority.read_text(),
        "cert": own,
        "private_key": tls.key.read_text() if tls.key else own,
        "verify_flags": verify,
    }
