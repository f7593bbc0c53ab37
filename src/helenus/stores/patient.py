"""A store that may not be there yet: it is opened in the background, over and over until it is."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import ClassVar, Self

import msgspec

from helenus.clock import Clock, SystemClock
from helenus.errors import StoreClosed, StoreError, StoreUnavailable
from helenus.store import EventStore
from helenus.stores.wrapping import StoreWrapper

logger = logging.getLogger(__name__)


class PatientStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """How opening the store has gone since it was entered.

    Attributes:
        open: 1 if the store is open, else 0.
        attempts: to open it.
    """

    gauges: ClassVar[frozenset[str]] = frozenset({"open"})

    open: int
    attempts: int


class PatientStore(StoreWrapper):
    """Hands everything on to another store, once that is open. Use it as an async context manager.

    A program that starts with it starts whether or not its database is there. Until it is, every
    operation raises `StoreUnavailable` with the reason: nothing was written. A store that has been
    opened mends its own connections.

    Args:
        make: makes the store, not yet entered, anew for each attempt.
        patience_s: how long entering waits for the first attempt.
        backoff_s: longest wait before the second attempt; it doubles with each.
        backoff_max_s: longest wait before any attempt.
        clock: waits.
    """

    def __init__(
        self,
        make: Callable[[], AbstractAsyncContextManager[EventStore]],
        *,
        patience_s: float = 2.0,
        backoff_s: float = 0.25,
        backoff_max_s: float = 5.0,
        clock: Clock | None = None,
    ) -> None:
        self._make = make
        self._patience_s = patience_s
        self._backoff_s = backoff_s
        self._backoff_max_s = backoff_max_s
        self._clock = clock or SystemClock()
        self._store: EventStore | None = None
        self._manager: AbstractAsyncContextManager[EventStore] | None = None
        self._opening: asyncio.Task[None] | None = None
        self._attempts = 0
        self._reason = StoreUnavailable("The store is being opened.")

    async def __aenter__(self) -> Self:
        attempted = asyncio.Event()
        self._opening = asyncio.get_running_loop().create_task(self._open(attempted))
        try:
            async with asyncio.timeout(self._patience_s):
                await attempted.wait()
        except TimeoutError:
            pass
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await asyncio.wait([opening])
        manager, self._manager, self._store = self._manager, None, None
        if manager is not None:
            await manager.__aexit__(None, None, None)

    def statistics(self) -> PatientStatistics:
        """Whether the store is open, and how often that was tried."""
        return PatientStatistics(open=int(self._store is not None), attempts=self._attempts)

    @property
    def wrapped(self) -> EventStore:
        """The store behind.

        Raises:
            StoreUnavailable: it is not open yet; with the reason.
            StoreClosed: it is not being opened.
        """
        if self._store is not None:
            return self._store
        if self._opening is None:
            raise StoreClosed("The store is not open.")
        # A new one each time: an error that is raised gathers the frames it passes.
        raise StoreUnavailable(self._reason.args[0], remedy=self._reason.remedy)

    async def _open(self, attempted: asyncio.Event) -> None:
        longest = self._backoff_s
        while not await self._attempt():
            attempted.set()
            await self._clock.sleep(random.uniform(longest / 2, longest))  # jitter, not a secret
            longest = min(longest * 2, self._backoff_max_s)
        attempted.set()

    async def _attempt(self) -> bool:
        self._attempts += 1
        try:
            manager = self._make()
            self._store = await manager.__aenter__()
            self._manager = manager
        except StoreError as error:
            self._failed(StoreUnavailable(error.args[0], remedy=error.remedy))
            return False
        except Exception as error:  # noqa: BLE001  # whatever it is, it may be mended by others
            self._failed(StoreUnavailable(f"The store cannot be opened: {error!r}."))
            return False
        logger.info("the store is open")
        return True

    def _failed(self, reason: StoreUnavailable) -> None:
        if str(reason) != str(self._reason):
            logger.error("the store is not open, and will be tried again: %s", reason)
        self._reason = reason
