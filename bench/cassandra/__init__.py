"""The Cassandra store on one node and on three, against the raw driver."""

from __future__ import annotations

import asyncio
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from bench.cassandra import appends, bulk, cold, disk, hot, reading
from bench.cassandra.context import Bench, Options, opened
from bench.harness import Row, console, print_rows, print_side_by_side
from helenus.testing.cassandra import Cluster, ClusterOptions

__all__ = ["CASES", "Options", "run"]

CASES: dict[str, Callable[[Bench], Awaitable[list[Row]]]] = {
    "appends": appends.run,
    "hot": hot.run,
    "cold": cold.run,
    "reading": reading.run,
    "bulk": bulk.run,
    "disk": disk.run,  # stops a node, so it comes last
}
_CASE_SECONDS_MAX = 1_200.0
_HEAP_MIB = 1_024


def run(directory: Path, options: Options, nodes: Sequence[int]) -> list[str]:
    """Measure on a cluster of each size in turn, started for it, and print each case as it ends.

    A case that fails is told of, and the others go on.

    Returns:
        The cases that failed.
    """
    tables: dict[str, list[Row]] = {}
    failed: list[str] = []
    for count in nodes:
        title = "one node" if count == 1 else f"{count} nodes, {count} copies"
        title += f", {options.driver}" if options.driver else ""
        tables[title] = _measure(directory, options, count, title, failed)
    if len(tables) > 1:
        print_side_by_side("The Cassandra store, side by side", tables)
    return failed


def _measure(
    directory: Path,
    options: Options,
    nodes: int,
    title: str,
    failed: list[str],
) -> list[Row]:
    wanted = ClusterOptions(
        nodes=nodes, native_port=0, storage_port=0, jmx_port=0, heap_mib=_HEAP_MIB
    )
    with tempfile.TemporaryDirectory(prefix="bench-cassandra-", dir=directory) as folder:
        cluster = Cluster(wanted, directory=Path(folder) / "cluster")
        try:
            cluster.start()
            return asyncio.run(_cases(cluster, options, title, failed))
        finally:
            cluster.delete()


async def _cases(cluster: Cluster, options: Options, title: str, failed: list[str]) -> list[Row]:
    found: list[Row] = []
    async with opened(cluster, options) as bench:
        for name in (name for name in CASES if name in options.cases):
            try:
                async with asyncio.timeout(_CASE_SECONDS_MAX):
                    rows = await CASES[name](bench)
            except Exception:  # noqa: BLE001  # the cases before and after it keep their figures
                console.print(traceback.format_exc(), markup=False)
                failed.append(f"{name} on {title}")
                continue
            print_rows(f"The Cassandra store, {title}: {name}", rows)
            found += rows
    return found
