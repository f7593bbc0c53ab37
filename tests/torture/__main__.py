"""``python -m tests.torture``: torture a cluster and print the verdict."""

from __future__ import annotations

import argparse
import secrets
import sys

import msgspec

from helenus.stores.cassandra.drivers import DriverName
from tests.torture.campaign import DRIVERS, Options, run
from tests.torture.nemesis import Fault, network_of_its_own

VIOLATIONS_SHOWN = 50
REASONS_SHOWN = 8


def main(arguments: list[str]) -> int:
    """Run, print, and return the exit code: 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="for so long (60)")
    parser.add_argument("--operations", type=int, default=1_000_000_000, help="or so many")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="of all choices (random)")
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=3, help="(3)")
    parser.add_argument(
        "--faults", default="kill,pause", help="of kill, pause, partition; or none (kill,pause)"
    )
    parser.add_argument("--workers", type=int, default=4, help="processes (4)")
    parser.add_argument("--stores", type=int, default=2, help="of each process (2)")
    parser.add_argument("--clients", type=int, default=2, help="of each store (2)")
    parser.add_argument("--commanders", type=int, default=16, help="on each store (16)")
    parser.add_argument("--streams", type=int, default=6, help="busy at once (6)")
    parser.add_argument("--round-seconds", type=float, default=60.0, help="(60)")
    parser.add_argument(
        "--drivers", default=",".join(DRIVERS), help="each process has one of (both)"
    )
    given = parser.parse_args(arguments)
    try:
        faults = [] if given.faults == "none" else [Fault(f) for f in given.faults.split(",")]
        drivers = msgspec.convert(given.drivers.split(","), tuple[DriverName, ...])
    except ValueError as error:
        parser.error(str(error))
    if Fault.PARTITION in faults:
        network_of_its_own([*arguments, "--seed", given.seed])
    _print(f"Seed {given.seed}, {given.nodes} node(s), {given.workers} processes.")
    report = run(
        Options(
            seconds=given.seconds,
            operations=given.operations,
            seed=given.seed,
            nodes=given.nodes,
            faults=faults,
            workers=given.workers,
            stores=given.stores,
            clients=given.clients,
            commanders=given.commanders,
            streams=given.streams,
            round_s=given.round_seconds,
            drivers=drivers,
        ),
        _print,
    )
    injected = ", ".join(f"{n} × {fault.value}" for fault, n in report.faults.items())
    _print(f"Seed {report.seed}. {report.tally}. Faults: {injected or 'none'}.")
    for reason, count in report.tally.reasons.most_common(REASONS_SHOWN):
        _print(f"  {count:,} × {reason}")
    for violation in report.violations[:VIOLATIONS_SHOWN]:
        _print(f"  {violation}")
    if report.violations:
        _print(f"VIOLATED: {len(report.violations)} times.")
        return 1
    _print("Sound: nothing lost, doubled, reordered or missing; nothing appeared that had not.")
    return 0


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
