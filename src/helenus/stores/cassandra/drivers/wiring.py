"""The sockets by which `acsylla` wakes the event loop, which it opens and never closes.

Each of its clusters has two pairs. Left alone, a program that tries again and again to connect to a
cluster that is away runs out of file descriptors within hours.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from typing import Any

import acsylla

_TURNS_MAX = 20


class WiredCluster:
    """A cluster whose sockets are closed when it has served its time.

    Give neither the cluster nor a session a name that outlives the use: a traceback would keep it.

    Args:
        options: of `acsylla.create_cluster`.
    """

    def __init__(self, **options: Any) -> None:
        self.cluster: acsylla.Cluster = acsylla.create_cluster(
            # Nothing is to write to the logger's pair. What matters is raised, not logged.
            log_level="disabled",
            **options,
        )
        self._references = sys.getrefcount(self.cluster)

    async def release(self) -> bool:
        """Close the sockets, unless a session is left whose threads might write to them.

        A session refers to its cluster and joins its threads when it is freed. So without a further
        reference there is no thread, and no number of a closed descriptor that it could write to
        when that has long become another file's.

        Returns:
            Whether they are closed.
        """
        for _ in range(_TURNS_MAX):  # whoever waited for a statement is told in these, and lets go
            if sys.getrefcount(self.cluster) <= self._references:
                break
            await asyncio.sleep(0)
        else:
            return False
        loop = asyncio.get_running_loop()
        for owner in (self.cluster, self.cluster.get_logger()):
            for each in gc.get_referents(owner):
                if isinstance(each, socket.socket):
                    loop.remove_reader(each)
                    each.close()
        return True
