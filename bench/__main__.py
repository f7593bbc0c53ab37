"""``python -m bench [embedded] [http]``: run the measurements and print them."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import embedded, http
from bench.harness import print_environment, print_rows


def main() -> None:
    """Parse the arguments and measure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="embedded, http (default: both)")
    parser.add_argument("--runs", type=int, default=5, help="runs of each case (default: 5)")
    parser.add_argument(
        "--directory", type=Path, default=Path(), help="where scratch files go (default: here)"
    )
    arguments = parser.parse_args()
    cases = arguments.cases or ["embedded", "http"]
    if unknown := set(cases) - {"embedded", "http"}:
        parser.error(f"unknown case {', '.join(sorted(unknown))}; choose from embedded, http")
    print_environment(arguments.runs)
    if "embedded" in cases:
        print_rows("The embedded store", embedded.run(arguments.directory, arguments.runs))
    if "http" in cases:
        print_rows("The service over HTTP", http.run(arguments.directory, arguments.runs))


main()
