"""``python -m bench [embedded] [http] [cassandra]``: run the measurements and print them."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import cassandra, embedded, http
from bench.harness import print_environment, print_rows

CASES = {
    "embedded": ("The embedded store", embedded.run),
    "http": ("The service over HTTP", http.run),
    "cassandra": ("The Cassandra store, one node", cassandra.run),
}


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "cases", nargs="*", metavar="CASE", help=f"{', '.join(CASES)} (default: all)"
    )
    parser.add_argument("--runs", type=int, default=5, help="runs of each case (default: 5)")
    parser.add_argument(
        "--directory", type=Path, default=Path(), help="where scratch files go (default: here)"
    )
    arguments = parser.parse_args()
    if unknown := sorted(set(arguments.cases) - CASES.keys()):
        parser.error(f"unknown case {', '.join(unknown)}; choose from {', '.join(CASES)}")
    print_environment(arguments.runs)
    for name in arguments.cases or CASES:
        title, run = CASES[name]
        print_rows(title, run(arguments.directory, arguments.runs))


main()
