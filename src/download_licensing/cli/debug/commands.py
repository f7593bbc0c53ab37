"""The commands of `debug` that tell a history: `timeline`, `state` and `changes`."""

from __future__ import annotations

from typing import Annotated

import typer

from download_licensing import settings as settings_module
from download_licensing.cli.debug import show
from download_licensing.cli.debug.answering import (
    Config,
    Customer,
    Store,
    histories,
    moment,
    run,
)
from download_licensing.debugging import states
from download_licensing.debugging.states import HEAD, Changes, Moment, StateAt
from download_licensing.debugging.timeline import ENTRIES_MAX, Timeline
from download_licensing.debugging.timeline import timeline as page_of
from helenus.cli.output import AsJson, print_json

app = typer.Typer(
    name="debug",
    no_args_is_help=True,
    help="What happened to a customer, how things stood, and why. Nothing is written.",
)

Limit = Annotated[int, typer.Option(min=1, max=ENTRIES_MAX, help="Most of each kind.")]
Position = Annotated[int | None, typer.Option(min=0, help="A position in the history.")]
Time = Annotated[str | None, typer.Option(help="A time with its zone, as 2026-03-01T18:30:00Z.")]


@app.command()
def timeline(
    customer: Customer,
    *,
    after: Annotated[int, typer.Option(min=0, help="Go on after this position.")] = 0,
    limit: Limit = 1_000,
    store: Store = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell what happened to a customer, a sentence for each event."""

    async def work() -> Timeline:
        async with histories(settings_module.load(config, {"store": store})) as repository:
            return await page_of(repository, customer, after=after, limit=limit)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        show.timeline(found)


@app.command()
def state(
    customer: Customer,
    *,
    position: Position = None,
    time: Time = None,
    aggregate: Annotated[
        str | None, typer.Option(help="Only aggregates of this type, such as license.")
    ] = None,
    limit: Limit = 1_000,
    store: Store = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Show how things stood at a position or a time; without either, how they stand.

    A time is one of the service's clock: what was recorded up to then counts.
    """

    async def work() -> StateAt:
        at = moment(position, time)
        async with histories(settings_module.load(config, {"store": store})) as repository:
            return await states.state_at(repository, customer, at, of=aggregate, limit=limit)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        show.state(found)


@app.command()
def changes(
    customer: Customer,
    *,
    from_position: Position = None,
    from_time: Time = None,
    to_position: Position = None,
    to_time: Time = None,
    limit: Limit = 1_000,
    store: Store = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell what happened between two moments, and what came of it.

    Without a first moment from before the first event on, without a second one up to the head.
    """

    async def work() -> Changes:
        before, after = moment(from_position, from_time), moment(to_position, to_time)
        if before == HEAD:
            before = Moment(position=0)
        async with histories(settings_module.load(config, {"store": store})) as repository:
            return await states.changes(repository, customer, before, after, limit=limit)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        show.changes(found)
