"""Reading ahead: the next rows of a stream are asked for while the ones before are being used."""

from __future__ import annotations

import asyncio
from collections import deque

from helenus.stores.cassandra import cql
from helenus.stores.cassandra.session import Rows, Session

FIRST_PAGE_ROWS = 1_024
PAGE_ROWS_MAX = 5_000


class ReadAhead:
    """Asks for rows of one stream and hands them out in order."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked: deque[asyncio.Task[Rows]] = deque()
        self._page_rows = FIRST_PAGE_ROWS

    def ask(self, stream: str, bucket: int, first: int = 0, more: bytes | None = None) -> None:
        """Ask for rows of a bucket, from a position on if one is given; more of them come next."""
        statement, values = (
            (cql.READ_COMMITS, (stream, bucket, first))
            if first
            else (cql.READ_COMMITS_FROM_START, (stream, bucket))
        )
        reading = self._session.execute(statement, values, page_rows=self._page_rows, more=more)
        put = self._asked.append if more is None else self._asked.appendleft
        put(asyncio.ensure_future(reading))
        self._page_rows = PAGE_ROWS_MAX

    async def answer(self) -> Rows:
        """The next answer."""
        asked = self._asked.popleft()
        try:
            return await asked
        except asyncio.CancelledError:
            asked.cancel()
            raise

    def stop(self) -> None:
        """Let go of what was asked for and is not needed."""
        for asked in self._asked:
            asked.add_done_callback(_look_at)
            asked.cancel()


def _look_at(asked: asyncio.Future[Rows]) -> None:
    """See an error that is of no interest any more, so that nobody is told of it as unseen."""
    if not asked.cancelled():
        asked.exception()
