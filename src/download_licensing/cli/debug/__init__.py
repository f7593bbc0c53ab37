"""`debug`: what happened to one customer, how things stood, and why."""

from download_licensing.cli.debug.bundles import bundle, replay
from download_licensing.cli.debug.commands import app
from download_licensing.cli.debug.judging import what_if, what_if_all

app.command(name="what-if")(what_if)
app.command(name="what-if-all")(what_if_all)
app.command()(bundle)
app.command()(replay)

__all__ = ["app"]
