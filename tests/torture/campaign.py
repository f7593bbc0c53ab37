"""A run: rounds of work under faults, each judged, and all looked at again in the end."""

from __future__ import annotations

import asyncio
import random
import re
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import get_args

import msgspec

from helenus.errors import StoreError
from helenus.store import Commit
from helenus.stores.cassandra import CassandraSettings, CassandraStore
from helenus.stores.cassandra.drivers import DriverName
from helenus.stores.cassandra.schema import migrate
from helenus.testing.cassandra import Cluster, ClusterOptions
from tests.torture.judging import Settled, Tally, judge, later, notes_stream, settled
from tests.torture.nemesis import Fault, Nemesis
from tests.torture.records import Log, Plan

DRIVERS: tuple[DriverName, ...] = get_args(DriverName)
ROOT = Path(__file__).parents[2]
READ_ATTEMPTS = 20
READERS = 16
WORKER_GRACE_S = 120.0
SERVER_TIMEOUT = "4s"
BUCKET_BYTES = (1, 150, 600, 5_000)
REQUEST_TIMEOUT_S = (1.0, 2.0, 6.0)
SPECULATIVE_EXECUTION_S = (0.0, 0.02, 0.5)

Tell = Callable[[str], None]


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is to be like.

    Attributes:
        seconds: for which rounds are begun.
        operations: after which no round is begun.
        seed: of all that is chosen.
        nodes: of the cluster, 1 or 3.
        faults: what happens to them.
        workers: processes.
        stores: of each process.
        clients: of each store.
        streams: that are busy at once.
        commanders: that send commands to a repository on each store, one after another each.
        notes: streams of commands that are busy at once.
        epoch_s: after which other streams are.
        round_s: how long a round lasts at most.
        round_operations: and after how many operations it ends at the latest.
        heap_mib: of each node.
        drivers: one of which each process has in each round.
    """

    seconds: float = 60.0
    operations: int = 1_000_000
    seed: str = ""
    nodes: int = 3
    faults: list[Fault] = []
    workers: int = 4
    stores: int = 2
    clients: int = 2
    streams: int = 6
    commanders: int = 16
    notes: int = 2
    epoch_s: float = 10.0
    round_s: float = 60.0
    round_operations: int = 200_000
    heap_mib: int = 512
    drivers: tuple[DriverName, ...] = DRIVERS


class Report(msgspec.Struct):
    """What came of a run.

    Attributes:
        seed: by which it can be begun again.
        tally: of all rounds.
        faults: how many of each kind were injected.
        violations: what cannot be true of a sound store.
    """

    seed: str
    tally: Tally
    faults: Counter[Fault]
    violations: list[str]


def run(options: Options, tell: Tell) -> Report:
    """Start a cluster, torture it, and judge."""
    cluster = Cluster(
        ClusterOptions(
            nodes=options.nodes,
            heap_mib=options.heap_mib,
            native_port=0,
            storage_port=0,
            jmx_port=0,
            # Nodes that are killed every minute never get warm: let Java compile quickly at once.
            jvm_options=("-XX:TieredStopAtLevel=1",),
            settings={
                # Short enough for the servers' own timeouts to be seen, too.
                "write_request_timeout": SERVER_TIMEOUT,
                "read_request_timeout": SERVER_TIMEOUT,
                "cas_contention_timeout": SERVER_TIMEOUT,
                "paxos_on_linearizability_violations": "log",
            },
        )
    )
    with cluster, tempfile.TemporaryDirectory() as directory:
        return asyncio.run(_Campaign(options, cluster, Path(directory), tell).run())


class _Campaign:
    def __init__(self, options: Options, cluster: Cluster, directory: Path, tell: Tell) -> None:
        self._options = options
        self._cluster = cluster
        self._directory = directory
        self._tell = tell
        self._chance = random.Random(options.seed)
        self._kept: dict[str, Settled] = {}
        self._tally = Tally()
        self._faults: Counter[Fault] = Counter()
        self._violations: list[str] = []
        self._settings = CassandraSettings(
            contact_points=cluster.contact_points,
            port=cluster.port,
            keyspace=f"torture_{uuid.uuid4().hex[:12]}",
            replication={"": options.nodes},
            inline_bytes_max=500,
        )

    async def run(self) -> Report:
        await migrate(msgspec.structs.replace(self._settings, request_timeout_s=60.0))
        ends = time.monotonic() + self._options.seconds
        number = 0
        while True:
            number += 1
            left_s = ends - time.monotonic()
            left = self._options.operations - self._tally.operations
            last = left_s <= 0 or left <= 0
            before = list(self._kept)
            if last:
                # What did not happen must not appear during further work either.
                await self._round(number, min(self._options.round_s, 5.0), 2_000, [])
            else:
                seconds = min(self._options.round_s, left_s)
                operations = min(self._options.round_operations, left)
                await self._round(number, seconds, operations, self._options.faults)
            await self._look_again(self._kept if last else before[-self._options.streams * 20 :])
            if last or self._violations:
                break
        self._violations += self._seen_by_the_nodes()
        return Report(self._options.seed, self._tally, self._faults, self._violations)

    async def _round(
        self, number: int, seconds: float, operations: int, faults: list[Fault]
    ) -> None:
        epochs = max(1, round(seconds / self._options.epoch_s))
        streams = [
            [f"{number}/{epoch}/{index}" for index in range(self._options.streams)]
            for epoch in range(epochs)
        ]
        notes = [
            [notes_stream(number, epoch, index) for index in range(self._options.notes)]
            for epoch in range(epochs)
        ]
        nemesis = Nemesis(self._cluster, faults, f"{self._options.seed}/{number}")
        injecting = asyncio.create_task(nemesis.run())
        began = time.monotonic()
        try:
            logs = await self._work(number, seconds, operations, streams, notes)
        finally:
            nemesis.stop()
            await injecting
        worked_s = time.monotonic() - began
        final = await self._read([stream for epoch in streams + notes for stream in epoch])
        tally, violations = judge(logs, final)
        self._tally.add(tally)
        self._faults += nemesis.injected
        self._violations += violations
        self._kept |= settled(logs, final)
        self._tell(
            f"Round {number}, {worked_s:.0f} s, {_faults(nemesis.injected)}: {tally};"
            f" {len(violations)} violations."
        )

    async def _work(
        self,
        number: int,
        seconds: float,
        operations: int,
        streams: list[list[str]],
        notes: list[list[str]],
    ) -> list[Log]:
        options = self._options
        now = time.monotonic_ns()
        plans = [
            Plan(
                settings=msgspec.structs.replace(
                    self._settings,
                    driver=self._chance.choice(options.drivers),
                    bucket_bytes=self._chance.choice(BUCKET_BYTES),
                    request_timeout_s=self._chance.choice(REQUEST_TIMEOUT_S),
                    speculative_execution_s=self._chance.choice(SPECULATIVE_EXECUTION_S),
                    append_attempts_max=self._chance.choice((1, 3)),
                    settle_attempts_max=self._chance.choice((1, 8)),
                ),
                seed=f"{options.seed}/{number}/{worker}",
                streams=streams,
                notes=notes,
                began=now,
                epoch_s=options.epoch_s,
                ends=now + int(seconds * 1e9),
                operations=operations // options.workers,
                stores=options.stores,
                clients=options.clients,
                commanders=options.commanders,
                log=str(self._directory / f"{worker}.log"),
            )
            for worker in range(options.workers)
        ]
        await asyncio.gather(*(self._run_worker(plan, seconds) for plan in plans))
        return [_log(plan) for plan in plans]

    async def _run_worker(self, plan: Plan, seconds: float) -> None:
        encoded = msgspec.json.encode(plan)
        process = await asyncio.create_subprocess_exec(
            # A driver that ends the process is to tell where it did so.
            *(sys.executable, "-X", "faulthandler", "-m", "tests.torture.worker"),
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(seconds + WORKER_GRACE_S):
                await process.communicate(encoded)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise RuntimeError(f"A worker ended with code {process.returncode}.")

    async def _read(self, streams: Iterable[str]) -> dict[str, list[Commit]]:
        """What streams hold, now that all is well."""
        final: dict[str, list[Commit]] = {}
        ahead = list(streams)[::-1]
        async with CassandraStore(self._settings) as store:

            async def read() -> None:
                while ahead:
                    stream = ahead.pop()
                    final[stream] = await _stored(store, stream)

            await asyncio.gather(*(read() for _ in range(READERS)))
        return final

    async def _look_again(self, streams: Iterable[str]) -> None:
        for stream, commits in (await self._read(streams)).items():
            appeared, violations = later(stream, self._kept[stream], commits)
            self._tally.unknown_there += appeared
            self._tally.unknown_later += appeared
            self._violations += violations

    def _seen_by_the_nodes(self) -> list[str]:
        """What Cassandra itself logged about its promise."""
        told = re.compile(r"^(?!.*Node configuration).*linearizab\w+ violation", re.IGNORECASE)
        return [
            f"Node {node.number} says: {line}"
            for node in self._cluster.status()
            for line in self._cluster.logs(node.number).read_text("utf-8", "replace").splitlines()
            if told.search(line)
        ]


def _log(plan: Plan) -> Log:
    return msgspec.msgpack.decode(Path(plan.log).read_bytes(), type=Log)


async def _stored(store: CassandraStore, stream: str) -> list[Commit]:
    for left in reversed(range(READ_ATTEMPTS)):
        try:
            return [commit async for page in store.read(stream) for commit in page.commits]
        except StoreError:
            if not left:
                raise
            await asyncio.sleep(1)
    raise AssertionError("It has been read, or an error was raised.")


def _faults(injected: Counter[Fault]) -> str:
    return ", ".join(f"{n} × {fault.value}" for fault, n in injected.items()) or "no faults"
