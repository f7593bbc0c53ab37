"""`debug`: what happened to one customer, how things stood, and why."""

from download_licensing.cli.debug.commands import app

__all__ = ["app"]
