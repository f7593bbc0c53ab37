"""The command line of the service."""

from download_licensing.cli.main import app, main

__all__ = ["app", "main"]
