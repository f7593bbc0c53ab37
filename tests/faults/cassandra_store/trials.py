"""One append under a schedule of faults, and what must be true of it whatever they are.

A success is there once, in its place, from the moment it is told. What is told not to have happened
is not there, and never will be, however late what was held up is delivered. An unknown outcome is
there at most once and names its commits. The next append works in each case.
"""

from __future__ import annotations

import asyncio
import enum
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from helenus.errors import Conflict, HelenusError, Outcome, OutcomeUnknown
from helenus.store import Commit, Head
from helenus.stores.cassandra import CassandraSettings, CassandraStore, cql
from helenus.stores.cassandra.buckets import decode_token
from helenus.stores.cassandra.drivers import connect as connect_driver
from helenus.stores.cassandra.session import Rows, Session, Statement
from helenus.testing.conformance.fixtures import commit, commits, stored
from helenus.testing.histories import History, RecordingStore, violations
from tests.faults.cassandra_store.faulty_session import Fault, FaultySession

BUCKET_BYTES = 600
INLINE_BYTES_MAX = 2_000
TRIALS_AT_ONCE = 8
_SEALING = b"s" * 700
_BESIDE = b"b" * 3_000


class Situation(enum.Enum):
    """How the stream stands when the append comes, and what is appended."""

    FRESH = "the stream does not exist"
    OPEN = "its bucket is open"
    FENCED = "another has moved the fence since the head was read"
    SEALING = "the append seals its bucket"
    NEXT_BUCKET = "the last append has sealed the bucket, so the next is fresh"
    FENCED_NEXT_BUCKET = "the same, and another has moved the fence of the fresh one"
    BESIDE = "the payload is written beside the row"
    GROUP = "several commits in one append"
    TAKEN = "another has appended since the head was read"


class Told(enum.Enum):
    """What the caller learns."""

    SUCCESS = "success"
    CONFLICT = "conflict"
    NOT = "did not happen"
    UNKNOWN = "may have happened"
    CANCELLED = "cancelled"


class Moment(enum.Enum):
    """Where, around a statement, something else happens."""

    BEFORE = "before it is sent"
    AFTER = "after its answer"


class Rival(enum.Enum):
    """What another writer does meanwhile."""

    APPENDS = "appends a commit"
    SEALS = "appends one that seals the bucket"
    FENCES = "moves the fence"


class Meanwhile(msgspec.Struct, frozen=True):
    """Another writer's act, or the caller's cancellation, at one of the append's statements."""

    what: Rival | type[asyncio.CancelledError]
    statement: int
    moment: Moment = Moment.BEFORE


class Trial(msgspec.Struct, frozen=True):
    """One append.

    Attributes:
        situation: see `Situation`.
        faults: what the executions of each statement meet, in order; then nothing.
        for_ever: what every execution meets, instead.
        meanwhile: what else happens.
        late: whether what was held up is delivered after the next append, not before it.
    """

    situation: Situation
    faults: Mapping[Statement, Sequence[Fault | None]] = {}
    for_ever: Mapping[Statement, Fault] = {}
    meanwhile: tuple[Meanwhile, ...] = ()
    late: bool = False

    def __str__(self) -> str:
        names = {getattr(cql, name): name for name in dir(cql)}
        faults = [
            f"{names[statement]} {[fault and fault.name for fault in met]}"
            for statement, met in self.faults.items()
        ]
        faults += [f"{names[one]} always {fault.name}" for one, fault in self.for_ever.items()]
        acts = [f"{act.what} at {act.statement} {act.moment.name}" for act in self.meanwhile]
        release = "released last" if self.late else "released first"
        return f"{self.situation.name}: {', '.join([*faults, *acts, release])}"


class Lent:
    """A session that many stores use, and none of them closes."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def prepare(self, statements: Sequence[Statement]) -> None:
        """The first execution prepares."""

    async def execute(
        self,
        statement: Statement,
        values: Sequence[Any] = (),
        *,
        page_rows: int = 5_000,
        more: bytes | None = None,
    ) -> Rows:
        return await self._session.execute(statement, values, page_rows=page_rows, more=more)

    async def close(self) -> None:
        """Others need it."""


class Watched(FaultySession):
    """A faulty session that lets something happen around the executions it counts."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, lambda _: None)
        self.around: Callable[[int, Moment], Awaitable[None]] | None = None
        self._count = 0

    def follow(self, trial: Trial) -> None:
        """From now on meet the faults of a trial."""
        pending = {statement: list(faults) for statement, faults in trial.faults.items()}

        def plan(statement: Statement) -> Fault | None:
            if pending.get(statement):
                return pending[statement].pop(0)
            return trial.for_ever.get(statement)

        self._plan = plan

    def recover(self) -> None:
        """From now on all goes well."""
        self._plan = lambda _: None
        self.around = None

    async def execute(
        self,
        statement: Statement,
        values: Sequence[Any] = (),
        *,
        page_rows: int = 5_000,
        more: bytes | None = None,
    ) -> Rows:
        if self.around is None:
            return await super().execute(statement, values, page_rows=page_rows, more=more)
        number, self._count = self._count, self._count + 1
        await self.around(number, Moment.BEFORE)
        try:
            return await super().execute(statement, values, page_rows=page_rows, more=more)
        finally:
            await self.around(number, Moment.AFTER)


class Field:
    """A keyspace in which trials are held, over one connection.

    Attributes:
        clean: a store that meets no faults, for other writers and for looking.
    """

    def __init__(self, settings: CassandraSettings, session: Session) -> None:
        self._settings = settings
        self._session = Lent(session)
        self.clean = self.store(self._session)

    @classmethod
    @asynccontextmanager
    async def open(cls, installation: CassandraSettings) -> AsyncIterator[Field]:
        settings = msgspec.structs.replace(
            installation,
            bucket_bytes=BUCKET_BYTES,
            inline_bytes_max=INLINE_BYTES_MAX,
            settle_attempts_max=3,
        )
        session = await connect_driver(settings, settings.keyspace)
        try:
            field = cls(settings, session)
            async with field.clean:
                yield field
        finally:
            await session.close()

    def store(self, session: Session) -> CassandraStore:
        """A store on this session, still to be opened."""

        async def connect(_: CassandraSettings, __: str | None) -> Session:
            return session

        return CassandraStore(self._settings, connect=connect)

    async def hold(self, trials: Iterable[Trial]) -> list[tuple[Trial, Told]]:
        """Hold trials, some at a time, and tell how they ended.

        Raises:
            AssertionError: one of them broke the invariant; the message shows which.
        """
        admitted = asyncio.Semaphore(TRIALS_AT_ONCE)

        async def hold(trial: Trial) -> tuple[Trial, Told]:
            async with admitted:
                try:
                    return trial, await self._hold(trial)
                except Exception as error:
                    raise AssertionError(f"{trial}\n{error!r}") from error

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(hold(trial)) for trial in trials]
        return [task.result() for task in tasks]

    async def _hold(self, trial: Trial) -> Told:
        session = Watched(self._session)
        async with self.store(session) as tried:
            return await _Held(self, trial, session, tried).run()

    async def fence(self, stream: str, head: Head) -> None:
        """Move the fence, as a writer does who settles an append of its own."""
        token = decode_token(head.token)
        expected = None if token.fresh else token.position
        where = (stream, token.bucket)
        await self._session.execute(cql.FENCE, (uuid.uuid4(), *where, expected, token.fence))


class _Held:
    def __init__(
        self,
        field: Field,
        trial: Trial,
        session: Watched,
        tried: CassandraStore,
    ) -> None:
        self._field = field
        self._trial = trial
        self._session = session
        self._history = History()
        self._store = RecordingStore(tried, self._history)
        self._witness = RecordingStore(field.clean, self._history)
        self._stream = f"trial/{uuid.uuid4().hex}"

    async def run(self) -> Told:
        head = await self._prepare()
        made = _appended(self._trial.situation, head.position)
        self._session.follow(self._trial)
        if self._trial.meanwhile:
            self._session.around = self._around
        told = await self._append(made, head)
        self._session.recover()
        await self._require(told, made)
        if not self._trial.late:
            await self._session.release()
            await self._require(told, made)
        head = await self._store.head(self._stream)
        following = [commit(head.position + 1)]
        await self._store.append(self._stream, following, head)
        await self._session.release()
        final = await stored(self._witness, self._stream)
        assert final[-1:] == following, "The next append is not the last."
        assert violations(self._history, {self._stream: final}) == []
        return told

    async def _prepare(self) -> Head:
        head = Head(0)
        situation = self._trial.situation
        if situation is not Situation.FRESH:
            next_bucket = situation in (Situation.NEXT_BUCKET, Situation.FENCED_NEXT_BUCKET)
            made = [commit(1, 2, body=_SEALING if next_bucket else None)]
            head = await self._store.append(self._stream, made, head)
        if situation in (Situation.FENCED, Situation.FENCED_NEXT_BUCKET):
            await self._field.fence(self._stream, head)
        if situation is Situation.TAKEN:
            await self._rival(Rival.APPENDS)
        return head

    async def _append(self, made: list[Commit], head: Head) -> Told:
        caller = asyncio.create_task(self._store.append(self._stream, made, head))
        try:
            reached = await caller
        except asyncio.CancelledError:
            return Told.CANCELLED
        except HelenusError as error:
            return _told(error, made)
        assert reached.position == made[-1].last
        return Told.SUCCESS

    async def _require(self, told: Told, made: list[Commit]) -> None:
        there = [one for one in await stored(self._witness, self._stream) if one in made]
        if told is Told.SUCCESS:
            assert there == made, f"Told a success, and {len(there)} of {len(made)} are there."
        elif told in (Told.CONFLICT, Told.NOT):
            assert there == [], f"Told {told.value}, and it is there."
        else:
            assert there in ([], made), f"{len(there)} of {len(made)} are there."

    async def _around(self, statement: int, moment: Moment) -> None:
        for act in self._trial.meanwhile:
            if (act.statement, act.moment) != (statement, moment):
                continue
            if isinstance(act.what, Rival):
                await self._rival(act.what)
            else:
                caller = asyncio.current_task()
                assert caller is not None
                caller.cancel()
                await asyncio.sleep(0)

    async def _rival(self, act: Rival) -> None:
        head = await self._witness.head(self._stream)
        if act is Rival.FENCES:
            await self._field.fence(self._stream, head)
        else:
            body = _SEALING if act is Rival.SEALS else None
            await self._witness.append(self._stream, [commit(head.position + 1, body=body)], head)


def _told(error: HelenusError, made: list[Commit]) -> Told:
    if isinstance(error, Conflict):
        return Told.CONFLICT
    if isinstance(error, OutcomeUnknown):
        assert error.commit_ids == tuple(one.id for one in made)
        return Told.UNKNOWN
    assert error.outcome is Outcome.DID_NOT_HAPPEN, error
    return Told.NOT


def _appended(situation: Situation, after: int) -> list[Commit]:
    if situation is Situation.GROUP:
        return commits(1, 3, 2, after=after)
    body = {Situation.SEALING: _SEALING, Situation.BESIDE: _BESIDE}.get(situation)
    return [commit(after + 1, 2, body=body)]
