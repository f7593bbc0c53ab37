"""Makes nodes fail, one at a time, and heals them; a majority is never away for long."""

from __future__ import annotations

import asyncio
import enum
import os
import random
import shutil
import subprocess
import sys
from collections import Counter

from helenus.testing.cassandra import Cluster

CALM_S = (0.5, 3.0)
PAUSED_S = (0.5, 8.0)
CUT_S = (1.0, 8.0)
DEAD_S = (0.0, 4.0)
INSIDE = "HELENUS_TORTURE_INSIDE"
"""Set in the environment of a run that is in a network of its own."""


class Fault(enum.Enum):
    """What can happen to nodes."""

    KILL = "kill"
    PAUSE = "pause"
    PARTITION = "partition"


class Nemesis:
    """Injects faults into a cluster until it is told to stop.

    Args:
        cluster: the cluster, which must be up.
        faults: the kinds it may choose from.
        seed: of its choices.
    """

    def __init__(self, cluster: Cluster, faults: list[Fault], seed: str) -> None:
        self._cluster = cluster
        self._faults = faults
        self._chance = random.Random(seed)
        self._stop = asyncio.Event()
        self.injected: Counter[Fault] = Counter()

    async def run(self) -> None:
        """One fault after another, each healed, and the cluster whole, before the next."""
        while self._faults and not self._stop.is_set():
            await self._wait(CALM_S)
            if self._stop.is_set():
                return
            fault = self._chance.choice(self._faults)
            self.injected[fault] += 1
            match fault:
                case Fault.KILL:
                    await self._kill()
                case Fault.PAUSE:
                    await self._pause()
                case Fault.PARTITION:
                    await self._partition()

    def stop(self) -> None:
        """Have `run` return as soon as what is wrong has been healed."""
        self._stop.set()

    async def _kill(self) -> None:
        node = self._node()
        await asyncio.to_thread(self._cluster.kill, node)
        await self._wait(DEAD_S)
        await asyncio.to_thread(self._cluster.start_node, node)
        await asyncio.to_thread(self._cluster.wait_until_whole)

    async def _pause(self) -> None:
        node = self._node()
        await asyncio.to_thread(self._cluster.pause, node)
        try:
            await self._wait(PAUSED_S)
        finally:
            self._cluster.resume(node)
        await asyncio.to_thread(self._cluster.wait_until_ready, node)
        await asyncio.to_thread(self._cluster.wait_until_whole)

    async def _partition(self) -> None:
        one, other = self._chance.sample(self._cluster.contact_points, 2)
        port = self._cluster.options.storage_port
        await asyncio.to_thread(_cut, "add", one, other, port)
        try:
            await self._wait(CUT_S)
        finally:
            await asyncio.to_thread(_cut, "del", one, other, port)
        await asyncio.to_thread(self._cluster.wait_until_whole)

    def _node(self) -> int:
        return self._chance.randint(1, self._cluster.options.nodes)

    async def _wait(self, between_s: tuple[float, float]) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), self._chance.uniform(*between_s))
        except TimeoutError:
            return


def _cut(how: str, one: str, other: str, port: int) -> None:
    """Drop what two nodes send each other ("add"), or no longer ("del"). Clients reach both."""
    for source, target in ((one, other), (other, one)):
        for end in ("sport", "dport"):
            rule = ["ip", "rule", how, "pref", "50", "from", source, "to", target]
            traffic = ["ipproto", "tcp", end, str(port), "blackhole"]
            subprocess.run([*rule, *traffic], check=True)


def network_of_its_own(arguments: list[str]) -> None:
    """Start this program again in a network of its own, where nodes can be cut off, if need be.

    There the kernel looks up routes in an order that lets rules come before local addresses.
    """
    if os.environ.get(INSIDE):
        return
    for command in ("unshare", "ip"):
        if shutil.which(command) is None:
            sys.exit(f"Partitions need the command {command}.")
    setup = (
        'ip link set lo up && ip rule add pref 100 lookup local && ip rule del pref 0 && exec "$@"'
    )
    inside = ["unshare", "-rn", "sh", "-ec", setup, "sh", sys.executable, "-m", "tests.torture"]
    os.execvpe(inside[0], [*inside, *arguments], {**os.environ, INSIDE: "1"})
