"""``helenus streams``: which there are, and what is in one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
import typer

from helenus.aggregates import Aggregate
from helenus.cli.aggregates import AggregatesName, load_aggregates
from helenus.cli.output import FOUND, AsJson, NoSuchStream, print_json, print_line, run
from helenus.cli.stores import StoreName, open_store
from helenus.cli.walking import commits
from helenus.errors import InvalidArgument
from helenus.events import from_microseconds
from helenus.raw import RawEvent, raw_events, raw_meta
from helenus.repository import AggregateRepository
from helenus.settings import RepositorySettings
from helenus.state import StreamView
from helenus.store import Commit

app = typer.Typer(no_args_is_help=True, help="Which streams there are, and what is in one.")

Stream = Annotated[str, typer.Argument(help="Its name.", show_default=False)]


@app.command(name="list")
def list_streams(
    store: StoreName,
    prefix: Annotated[str, typer.Option(help="Only names that begin with it.")] = "",
    after: Annotated[str, typer.Option(help="A cursor, to go on from.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Most names to list.")] = 1_000,
    as_json: AsJson = False,
) -> None:
    """List names, in the store's order. With --json also the cursor to go on from."""

    async def work() -> tuple[list[str], str]:
        names: list[str] = []
        cursor = after
        async with open_store(store) as opened:
            while len(names) < limit:
                # Pages are taken whole: their cursor stands behind their last name.
                room = min(limit - len(names), 1_000)
                pages = opened.streams(prefix=prefix, after=cursor, page_streams=room)
                if (page := await anext(aiter(pages), None)) is None:
                    break
                names += page.streams
                cursor = page.cursor
        return names, cursor

    names, cursor = run(work)
    if as_json:
        print_json({"streams": names, "cursor": cursor})
        return
    for name in names:
        print_line(name)


@app.command()
def find(
    store: StoreName,
    text: Annotated[str, typer.Argument(help="Part of the name.", show_default=False)],
    limit: Annotated[int, typer.Option(min=1, help="Most names to list.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List names that contain a text. It looks at every name there is."""

    async def work() -> list[str]:
        found: list[str] = []
        async with open_store(store) as opened:
            async for page in opened.streams():
                found += [name for name in page.streams if text in name]
                if len(found) >= limit:
                    break
        return found[:limit]

    names = run(work)
    if as_json:
        print_json({"streams": names})
        return
    for name in names:
        print_line(name)


@app.command()
def show(
    store: StoreName,
    stream: Stream,
    after: Annotated[int, typer.Option(min=0, help="A position; only events after it.")] = 0,
    upto: Annotated[
        int | None, typer.Option(min=1, help="Only events up to this position.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the events of a stream as they are stored. With --json, one to a line."""

    async def work() -> None:
        if upto is not None and upto <= after:
            raise InvalidArgument(f"--upto {upto} is not behind --after {after}.")
        async with open_store(store) as opened:
            async for page in opened.read(stream, after=after, upto=upto):
                if not page.head.position:
                    raise NoSuchStream(f"There is no stream {stream!r}.")
                for commit in page.commits:
                    for event in raw_events(stream, commit):
                        if after < event.position and (upto is None or event.position <= upto):
                            _print(stream, commit, event, as_json)

    run(work)


@app.command()
def state(
    store: StoreName,
    stream: Stream,
    *,
    aggregates: AggregatesName = None,
    at_position: Annotated[
        int | None, typer.Option(min=0, help="A position.", show_default="the head")
    ] = None,
    at_time: Annotated[
        str | None, typer.Option(help="A time with its zone, as 2026-03-01T18:30:00Z.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the aggregates of a stream at its head, at a position or at a time."""

    async def work() -> StreamView:
        types = load_aggregates(aggregates)
        if not types:
            raise InvalidArgument("A state is of aggregates.", remedy="Name them: --aggregates.")
        async with open_store(store) as opened:
            if not (await opened.head(stream)).position:
                raise NoSuchStream(f"There is no stream {stream!r}.")
            # Looking takes no snapshot.
            settings = RepositorySettings(snapshot_events=0)
            async with AggregateRepository(opened, types, settings=settings) as repository:
                return await repository.load(
                    stream, at_position=at_position, at_time=_time(at_time)
                )

    view = run(work)
    held = [
        {"type": one.aggregate_name, "id": one.id, "state": _fields(one)}
        for one_type in load_aggregates(aggregates)
        for one in view.all(one_type)
    ]
    if as_json:
        print_json({"stream": stream, "position": view.position, "aggregates": held})
        return
    print_line(f"{stream} at position {view.position}")
    for one in held:
        print_line(f"  {one['type']} {one['id']}  {_text(one['state'])}")


def _fields(aggregate: Aggregate) -> dict[str, Any]:
    """All fields, those with their default value too."""
    return {
        field.name: msgspec.to_builtins(getattr(aggregate, field.name))
        for field in msgspec.structs.fields(aggregate)
    }


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(
            f"{text!r} is no time.", remedy="Write 2026-03-01T18:30:00Z."
        ) from None


@app.command()
def diff(
    store: StoreName,
    stream: Stream,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="Another store.")],
    as_json: AsJson = False,
) -> None:
    """Tell where a stream is another one in another store. Exits with 14 where it is."""

    async def work() -> dict[str, Any]:
        async with open_store(store) as one, open_store(other) as two:
            heads = [(await each.head(stream)).position for each in (one, two)]
            if not any(heads):
                raise NoSuchStream(f"There is no stream {stream!r} in either store.")
            theirs = commits(two, stream)
            same = 0
            async for commit in commits(one, stream):
                if commit != await anext(theirs, None):
                    break
                same = commit.last
            return {"stream": stream, "heads": heads, "same_upto": same}

    told = run(work)
    differs = told["same_upto"] != max(told["heads"])
    if as_json:
        print_json(told)
    elif differs:
        print_line(
            f"{stream}: the same up to position {told['same_upto']};"
            f" the heads are {told['heads'][0]} and {told['heads'][1]}."
        )
    else:
        print_line(f"{stream}: the same, up to position {told['same_upto']}.")
    if differs:
        raise typer.Exit(FOUND)


def _print(stream: str, commit: Commit, event: RawEvent, as_json: bool) -> None:
    recorded_at = from_microseconds(commit.recorded_at_us)
    if as_json:
        meta = raw_meta(stream, commit)
        print_json(
            {
                "stream": stream,
                **msgspec.structs.asdict(event),
                "commit_id": commit.id,
                "recorded_at": recorded_at,
                "command_id": meta.command_id,
                "actor": meta.actor,
                "correlation_id": meta.correlation_id,
                "causation_id": meta.causation_id,
            }
        )
        return
    data: dict[str, Any] = event.data
    fields = " ".join(f"{name}={_text(value)}" for name, value in data.items())
    version = f" v{event.version}" if event.version > 1 else ""
    print_line(
        f"{event.position:>6}  {recorded_at:%Y-%m-%d %H:%M:%S.%f}  {event.name}{version}"
        f"  {event.aggregate_type} {event.aggregate_id}  {fields}".rstrip()
    )


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
