"""Runs the command line: ``helenus``, or ``python -m helenus``.

Of its modules only the framework's are imported before `main` runs: the others take longer, and
Ctrl+C may come meanwhile.
"""

from __future__ import annotations

import os
import signal
import sys

INTERRUPTED = 130
"""What a shell tells of a program that SIGINT ended."""


def main() -> None:
    """Run the command line; Ctrl+C ends it without a word, also while it is still imported."""
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # else it is ignored
    if heard:
        signal.signal(signal.SIGINT, _end)
    from helenus.cli import main as run  # noqa: PLC0415  # see above

    try:
        if heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _end(_number: int, _frame: object) -> None:
    """Nothing was begun, so nothing is tidied up: modules that are half imported can crash then."""
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
