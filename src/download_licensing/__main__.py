"""Runs the command line: `python -m download_licensing`."""

from download_licensing.cli import main

if __name__ == "__main__":
    main()
