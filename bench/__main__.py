"""``python -m bench [CASE ...]``: run the measurements and print them."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import get_args

from bench import (
    cassandra,
    drivers,
    embedded,
    flame,
    http,
    imports,
    memory,
    observed,
    open_loop,
    policy,
    sync,
    tokens,
    what_if,
)
from bench.harness import print_environment, print_rows
from helenus.stores.cassandra.drivers import DriverName

CASES = {
    "imports": ("Starting up", imports.run),
    "embedded": ("The embedded store", embedded.run),
    "observed": ("Observability", observed.run),
    "policy": ("Deciding by a policy", policy.run),
    "tokens": ("Licence tokens", tokens.run),
    "sync": ("All that a device did offline, in one request", sync.run),
    "what-if": ("What another policy would have said", what_if.run),
    "http": ("The service over HTTP", http.run),
    "open-loop": ("Latency under a constant arrival rate", open_loop.run),
    "drivers": ("The drivers of the Cassandra store, one node", drivers.run),
}
_ALL = (*CASES, "memory", "cassandra")
_ASKED_FOR = ("flame",)
"""Cases that are no measurement: done only when they are named."""


def main() -> None:
    """Parse the arguments and measure."""
    arguments = _parse()
    # Ended from outside, it still ends the servers and clusters that it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    print_environment(arguments.runs)
    for name in arguments.cases or _ALL:
        if name == "cassandra":
            _measure_cassandra(arguments)
        elif name == "flame":
            flame.run(arguments.directory)
        elif name == "memory":
            print_rows("Memory, once", memory.run(arguments.directory, arguments.memory_size))
        else:
            title, run = CASES[name]
            print_rows(title, run(arguments.directory, arguments.runs))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "cases",
        nargs="*",
        metavar="CASE",
        help=f"{', '.join(_ALL)} (default: all these), {', '.join(_ASKED_FOR)}",
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each case (default: 5)")
    parser.add_argument(
        "--directory", type=Path, default=Path(), help="where scratch files go (default: here)"
    )
    parser.add_argument(
        "--memory-size",
        type=int,
        default=1_000_000,
        help="streams, and events of one stream, of the case memory (default: 1,000,000)",
    )
    _add_cassandra(parser.add_argument_group("cassandra"))
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.cases) - {*_ALL, *_ASKED_FOR}):
        parser.error(f"unknown case {', '.join(unknown)}; choose from {', '.join(_ALL)}")
    return arguments


def _add_cassandra(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--nodes",
        type=int,
        choices=(1, 3),
        action="append",
        help="of the cluster that is started, each with a copy of all (default: 1, then 3)",
    )
    group.add_argument(
        "--only",
        choices=tuple(cassandra.CASES),
        action="append",
        help="a single case; may be given several times (default: all)",
    )
    group.add_argument(
        "--driver",
        choices=get_args(DriverName),
        help="of the store and of what it is compared with (default: the store's)",
    )
    defaults = cassandra.Options()
    group.add_argument(
        "--seconds",
        type=float,
        default=defaults.seconds,
        help=f"of each run (default: {defaults.seconds:g})",
    )
    group.add_argument(
        "--warm-up-seconds",
        type=float,
        default=defaults.warm_up_seconds,
        help=f"that a new cluster is given (default: {defaults.warm_up_seconds:g})",
    )
    group.add_argument(
        "--events-max",
        type=int,
        default=defaults.events_max,
        help=f"longest history that is built (default: {defaults.events_max:,})",
    )


def _measure_cassandra(arguments: argparse.Namespace) -> None:
    options = cassandra.Options(
        runs=arguments.runs,
        seconds=arguments.seconds,
        warm_up_seconds=arguments.warm_up_seconds,
        events_max=arguments.events_max,
        cases=tuple(arguments.only or cassandra.CASES),
        driver=arguments.driver,
    )
    failed = cassandra.run(arguments.directory, options, arguments.nodes or (1, 3))
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


main()
