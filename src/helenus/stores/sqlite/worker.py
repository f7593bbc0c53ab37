"""A thread that serves an event loop in batches.

All jobs that wait are handed over together and come back together, so that a thread costs two
hand-overs a batch, not a job, and a batch of writes can share one transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from helenus.errors import Overloaded, StoreClosed

J = TypeVar("J")
R = TypeVar("R")


class BatchingThread(Generic[J, R]):
    """Runs jobs of one kind on a thread of its own, in the order they were submitted.

    Args:
        name: of the thread.
        run: takes a batch and returns, for each job in order, its result or its exception.
        batch_jobs_max: most jobs in one batch.
        waiting_jobs_max: most jobs that may wait; a further one is refused.

    Attributes:
        jobs: how many were handed to the thread.
        batches: how many batches they made.
        refused: how many were refused because too many waited.
    """

    def __init__(
        self,
        name: str,
        run: Callable[[list[J]], list[R | BaseException]],
        *,
        batch_jobs_max: int,
        waiting_jobs_max: int,
    ) -> None:
        self._run = run
        self._batch_jobs_max = batch_jobs_max
        self._waiting_jobs_max = waiting_jobs_max
        self._waiting: deque[tuple[J, asyncio.Future[R]]] = deque()
        self._inbox: queue.SimpleQueue[list[tuple[J, asyncio.Future[R]]] | None] = (
            queue.SimpleQueue()
        )
        self._loop = asyncio.get_running_loop()
        self._idle = asyncio.Event()
        self._idle.set()
        self._busy = False
        self.jobs = self.batches = self.refused = 0
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    @property
    def load(self) -> int:
        """How many jobs wait, and one more if any runs."""
        return len(self._waiting) + self._busy

    def submit(self, job: J) -> asyncio.Future[R]:
        """Queue a job.

        A job whose future is cancelled while it waits is not run.

        Raises:
            StoreClosed: the thread has been closed.
            Overloaded: too many jobs wait.
        """
        if self._closed:
            raise StoreClosed("The SQLite store is closed.")
        if len(self._waiting) >= self._waiting_jobs_max:
            self.refused += 1
            raise Overloaded(f"{len(self._waiting):,} operations already wait for the store.")
        future: asyncio.Future[R] = self._loop.create_future()
        self._waiting.append((job, future))
        if self._idle.is_set():
            self._idle.clear()
            # At the end of this turn of the loop, so that all it submits travels together.
            self._loop.call_soon(self._hand_over)
        return future

    async def close(self) -> None:
        """Run what waits, then end the thread."""
        self._closed = True
        await self._idle.wait()
        self._inbox.put(None)
        await asyncio.to_thread(self._thread.join)

    def _hand_over(self) -> None:
        batch: list[tuple[J, asyncio.Future[R]]] = []
        while self._waiting and len(batch) < self._batch_jobs_max:
            job, future = self._waiting.popleft()
            if not future.cancelled():
                batch.append((job, future))
        self._busy = bool(batch)
        if batch:
            self.jobs += len(batch)
            self.batches += 1
            self._inbox.put(batch)
        else:
            self._idle.set()

    def _serve(self) -> None:
        while (batch := self._inbox.get()) is not None:
            try:
                results = self._run([job for job, _ in batch])
            except BaseException as error:  # noqa: BLE001  # the loop must always be answered
                results = [error] * len(batch)
            with contextlib.suppress(RuntimeError):  # the loop was closed without closing us
                self._loop.call_soon_threadsafe(self._deliver, batch, results)

    def _deliver(
        self, batch: list[tuple[J, asyncio.Future[R]]], results: list[R | BaseException]
    ) -> None:
        self._hand_over()
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
