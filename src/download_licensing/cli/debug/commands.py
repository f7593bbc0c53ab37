"""The commands of `debug` about one customer's history, and why things came out as they did."""

from __future__ import annotations

from typing import Annotated

import typer

from download_licensing import settings as settings_module
from download_licensing.cli.debug import show
from download_licensing.cli.debug.answering import (
    CatalogueFile,
    Config,
    Customer,
    Store,
    moment,
    moment_in_time,
    opened,
    policy_named,
    run,
)
from download_licensing.debugging.debugger import NotedRefusals
from download_licensing.debugging.states import HEAD, Changes, Moment, StateAt
from download_licensing.debugging.timeline import ENTRIES_MAX, Timeline
from download_licensing.debugging.why import Explanation, Question
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
        async with opened(settings_module.load(config, {"store": store})) as on:
            return await on.debugger.timeline(customer, after=after, limit=limit)

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
        async with opened(settings_module.load(config, {"store": store})) as on:
            return await on.debugger.state(customer, at, of=aggregate, limit=limit)

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
        async with opened(settings_module.load(config, {"store": store})) as on:
            return await on.debugger.changes(customer, before, after, limit=limit)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        show.changes(found)


@app.command()
def refusals(
    customer: Customer,
    *,
    limit: Limit = 100,
    store: Store = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """List the latest refusals of a customer that were noted, the last one first."""

    async def work() -> NotedRefusals:
        async with opened(settings_module.load(config, {"store": store})) as on:
            return await on.debugger.refusals(customer, limit=limit)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        show.refusals(found)


@app.command()
def why(
    customer: Customer,
    *,
    device: Annotated[str | None, typer.Option(help="Of a new download.")] = None,
    title: Annotated[str | None, typer.Option(help="Of a new download.")] = None,
    license: Annotated[str | None, typer.Option(help="The licence to be extended.")] = None,
    latest: Annotated[
        int, typer.Option(min=1, help="Which noted refusal: 1 the last one, 2 the one before it.")
    ] = 1,
    position: Position = None,
    at: Annotated[
        str | None, typer.Option(help="The time of the decision, as 2026-03-01T18:30:00Z.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="A version of the policy, or a file.", metavar="VERSION|FILE")
    ] = None,
    store: Store = None,
    catalogue: CatalogueFile = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Tell why a download or an extension is refused: each rule, its numbers, and their events.

    Without a device and title, or a licence, it is about the latest refusal that was noted, exactly
    as it was decided.
    """

    async def work() -> Explanation:
        question = Question(
            device_id=device,
            title_id=title,
            license_id=license,
            position=position,
            at=None if at is None else moment_in_time(at),
        )
        settings = settings_module.load(config, {"store": store, "catalogue": catalogue})
        async with opened(settings) as on:
            by = policy_named(policy, on)
            return await on.debugger.why(customer, question, latest=latest, policy=by)

    found = run(work)
    if as_json:
        print_json(found)
    else:
        show.explanation(found)
