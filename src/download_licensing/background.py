"""Work that goes on beside the service: looking for something again and again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine


@contextlib.asynccontextmanager
async def in_background(work: Coroutine[object, object, None]) -> AsyncIterator[None]:
    """Let something go on while the block runs; it is cancelled at the end, and waited for."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


class Trouble:
    """What goes wrong again and again: told when it begins, and when it is something else.

    Args:
        tell: is given the error.
    """

    def __init__(self, tell: Callable[[Exception], None]) -> None:
        self._tell = tell
        self._told = ""

    def met(self, error: Exception) -> None:
        """It went wrong, with this error."""
        if str(error) != self._told:
            self._tell(error)
        self._told = str(error)

    def over(self) -> None:
        """It went well."""
        self._told = ""
