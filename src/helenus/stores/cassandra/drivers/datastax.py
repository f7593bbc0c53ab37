"""The session on Apache's `cassandra-driver`.

The driver answers on a thread of its own. Answers are gathered and handed to the event loop
together, so that a burst of them costs one wake-up.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any, Self

import cassandra
import cassandra.protocol
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import (
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    ResponseFuture,
)
from cassandra.cluster import Session as DriverSession
from cassandra.connection import ConnectionShutdown
from cassandra.policies import (
    ConstantSpeculativeExecutionPolicy,
    DCAwareRoundRobinPolicy,
    ExponentialReconnectionPolicy,
    FallthroughRetryPolicy,
    NoSpeculativeExecutionPolicy,
    TokenAwarePolicy,
)
from cassandra.query import PreparedStatement, tuple_factory

from helenus.stores.cassandra.drivers import explained
from helenus.stores.cassandra.session import (
    Kind,
    MaybeExecuted,
    NotExecuted,
    Rows,
    Statement,
    login_refused,
)
from helenus.stores.cassandra.settings import SPECULATIVE_EXECUTIONS_MAX, CassandraSettings
from helenus.stores.cassandra.tls import tls_context, tls_trouble

_RECONNECT_MAX_S = 5.0
# A node that is paused keeps its connections: they are given up when a heartbeat is not answered.
_HEARTBEAT_S = 2.0
_HEARTBEAT_TIMEOUT_S = 4.0
_REFUSED = (
    cassandra.InvalidRequest,
    cassandra.Unauthorized,
    cassandra.AuthenticationFailed,
    cassandra.UnsupportedOperation,
)


class DatastaxSession:
    """A connected driver. Make it with `connect`."""

    def __init__(self, cluster: Cluster, session: DriverSession) -> None:
        self._cluster = cluster
        self._session = session
        self._prepared: dict[Statement, PreparedStatement] = {}
        self._loop = asyncio.get_running_loop()
        self._answered: deque[tuple[asyncio.Future[Rows], Rows | Exception]] = deque()
        self._waking = False

    @classmethod
    async def connect(cls, settings: CassandraSettings, keyspace: str | None) -> Self:
        """Connect to the cluster.

        Raises:
            StoreUnavailable: no node answers, or none accepts these credentials.
            StoreUnusable: the keyspace does not exist.
        """
        try:
            cluster = await asyncio.to_thread(_cluster, settings)  # it looks up names
        except (cassandra.UnresolvableContactPoints, OSError) as error:
            raise await asyncio.to_thread(_connection_error, settings, error) from error
        try:
            session = await asyncio.to_thread(cluster.connect)
            if keyspace is not None:
                # Not with the connection: there, any failure is said to be the keyspace's.
                await asyncio.to_thread(session.set_keyspace, keyspace)
        except BaseException as error:
            await asyncio.to_thread(cluster.shutdown)
            if isinstance(error, Exception):
                raise await asyncio.to_thread(_connection_error, settings, error) from error
            raise
        return cls(cluster, session)

    async def prepare(self, statements: Sequence[Statement]) -> None:
        """See `Session.prepare`."""
        for statement in statements:
            try:
                prepared = await asyncio.to_thread(self._session.prepare, statement.cql)
            except Exception as error:
                raise explained.not_prepared(statement.cql, error) from error
            prepared.is_idempotent = statement.idempotent
            self._prepared[statement] = prepared

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
        bound = self._prepared[statement].bind(values)
        bound.fetch_size = page_rows
        try:
            answer = self._session.execute_async(
                bound, execution_profile=statement.kind, paging_state=more
            )
        except NoHostAvailable as error:
            raise explained.no_node(error) from error
        future: asyncio.Future[Rows] = self._loop.create_future()
        answer.add_callbacks(
            lambda rows: self._answer(future, _rows(answer, rows)),
            lambda error: self._answer(future, execution_error(statement.kind, error)),
        )
        return await future

    async def execute_schema(self, cql: str) -> None:
        """See `OwnerSession.execute_schema`."""
        first = min(self._session.get_pools(), key=lambda pool: pool.host.address).host
        try:
            await asyncio.to_thread(self._session.execute, cql, timeout=60.0, host=first)
        except (
            cassandra.RequestValidationException,
            cassandra.protocol.RequestValidationException,
        ) as error:
            raise explained.schema_refused(error) from error
        except Exception as error:
            raise explained.schema_unchanged(error) from error

    async def close(self) -> None:
        """See `Session.close`."""
        await asyncio.to_thread(self._cluster.shutdown)

    def _answer(self, future: asyncio.Future[Rows], result: Rows | Exception) -> None:
        # On the driver's thread. The deque is safe to share; a second wake-up does no harm.
        self._answered.append((future, result))
        if not self._waking:
            self._waking = True
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        self._waking = False
        while self._answered:
            future, result = self._answered.popleft()
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)


def _rows(answer: ResponseFuture, rows: Any) -> Rows:
    more = answer._paging_state if answer.has_more_pages else None
    return Rows(rows or (), more)


def execution_error(kind: Kind, error: Exception) -> NotExecuted | MaybeExecuted:
    """What the driver's error says of a statement of this kind."""
    # With paxos v1 the commit of an accepted proposal may still find too few replicas.
    unavailable = isinstance(error, cassandra.Unavailable) and kind is not Kind.CONDITIONAL
    if unavailable or isinstance(error, _REFUSED):
        return explained.refused(error)
    if isinstance(error, NoHostAvailable) and not any(
        isinstance(cause, (ConnectionShutdown, OSError, cassandra.OperationTimedOut))
        for cause in _causes_by_host(error)
    ):
        return explained.no_node(error)
    return MaybeExecuted(str(error))


def _causes_by_host(error: Exception) -> list[Exception]:
    by_host = error.errors if isinstance(error, NoHostAvailable) else {}
    return list(by_host.values()) if isinstance(by_host, dict) else []  # else it names hosts only


def _connection_error(settings: CassandraSettings, error: Exception) -> Exception:
    causes = [error, *_causes_by_host(error)]
    text = "; ".join(dict.fromkeys(str(cause) for cause in causes[1:] or causes))
    if isinstance(error, cassandra.InvalidRequest) or "does not exist" in text:
        return explained.no_keyspace(settings)
    if any(isinstance(cause, cassandra.AuthenticationFailed) for cause in causes):
        return login_refused(settings)
    if isinstance(error, cassandra.UnresolvableContactPoints):
        return explained.no_address(settings)
    return tls_trouble(settings) or explained.unreachable(settings, text)


def _cluster(settings: CassandraSettings) -> Cluster:
    local = settings.serial_scope == "local"
    serial = cassandra.ConsistencyLevel.LOCAL_SERIAL if local else cassandra.ConsistencyLevel.SERIAL
    quorum = cassandra.ConsistencyLevel.LOCAL_QUORUM if local else cassandra.ConsistencyLevel.QUORUM

    after_s = settings.speculative_execution_s
    speculation = (
        ConstantSpeculativeExecutionPolicy(after_s, SPECULATIVE_EXECUTIONS_MAX)
        if after_s
        else NoSpeculativeExecutionPolicy()
    )

    def profile(consistency: int) -> ExecutionProfile:
        return ExecutionProfile(
            load_balancing_policy=TokenAwarePolicy(
                DCAwareRoundRobinPolicy(settings.data_center or ""), shuffle_replicas=False
            ),
            retry_policy=FallthroughRetryPolicy(),
            speculative_execution_policy=speculation,
            consistency_level=consistency,
            serial_consistency_level=serial,
            request_timeout=settings.request_timeout_s,
            row_factory=tuple_factory,
        )

    profiles = {
        EXEC_PROFILE_DEFAULT: profile(quorum),
        Kind.READ: profile(quorum),
        Kind.SERIAL_READ: profile(serial),
        Kind.WRITE: profile(quorum),
        Kind.CONDITIONAL: profile(quorum),
    }
    credentials = (
        PlainTextAuthProvider(settings.username, settings.password or "")
        if settings.username is not None
        else None
    )
    return Cluster(
        contact_points=list(settings.contact_points),
        port=settings.port,
        execution_profiles=profiles,
        auth_provider=credentials,
        connect_timeout=settings.connect_timeout_s,
        # The driver's own policy waits up to ten minutes, and gives up after 64 attempts.
        reconnection_policy=ExponentialReconnectionPolicy(0.2, _RECONNECT_MAX_S, None),
        idle_heartbeat_interval=_HEARTBEAT_S,
        idle_heartbeat_timeout=_HEARTBEAT_TIMEOUT_S,
        # It checks each node's certificate against the address that it connects to.
        ssl_context=tls_context(settings.tls) if settings.tls else None,
        protocol_version=4,
        # The driver writes 4 KiB at a time: without this a larger append waits 40 ms for an ACK.
        sockopts=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        schema_metadata_enabled=False,
        token_metadata_enabled=True,
    )
