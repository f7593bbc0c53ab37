"""``helenus bench``: how fast a store is, measured in a place of its own that is removed."""

from __future__ import annotations

import os
import platform
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table

from helenus.cli.output import AsJson, answers, counting, messages, print_json, run
from helenus.cli.stores import StoreName, open_store
from helenus.errors import InvalidArgument
from helenus.measuring import Measured, MeasuringSettings, measure
from helenus.store import EventStore
from helenus.stores.cassandra_url import SCHEME

_DEFAULT = MeasuringSettings()
_SECONDS_MAX = 60.0


def bench(
    store: StoreName,
    *,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=_SECONDS_MAX, help="Of each case that count.")
    ] = _DEFAULT.seconds,
    warm_up_seconds: Annotated[
        float, typer.Option(min=0.0, max=_SECONDS_MAX, help="Of each case that do not.")
    ] = _DEFAULT.warm_up_seconds,
    in_flight: Annotated[
        list[int] | None,
        typer.Option(
            min=1, max=1_024, help="Appends at once; may be given again.", show_default="1, 32, 64"
        ),
    ] = None,
    event_bytes: Annotated[
        int, typer.Option(min=0, max=100_000, help="Of each event; they do not compress.")
    ] = _DEFAULT.event_bytes,
    events: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Of the stream that is loaded.")
    ] = _DEFAULT.history_events,
    as_json: AsJson = False,
) -> None:
    """Measure how fast a store is where this one is. This one is left alone.

    It works in a file beside it, or in a keyspace with its copies, which is removed in the end.
    """
    settings = MeasuringSettings(
        seconds=seconds,
        warm_up_seconds=warm_up_seconds,
        in_flight=tuple(in_flight or _DEFAULT.in_flight),
        event_bytes=event_bytes,
        history_events=events,
    )

    async def work() -> tuple[str, list[Measured]]:
        measured: list[Measured] = []
        with counting("Measuring") as tell:
            async with _place(store) as (where, opened):
                messages.print(f"In {where}, to be removed.", markup=False, soft_wrap=True)
                async for one in measure(opened, settings):
                    measured.append(one)
                    tell(f"{one.case}, {one.in_flight} in flight: {one.per_second:,.0f}/s")
        return type(opened).__name__, measured

    kind, measured = run(work)
    told: dict[str, Any] = {
        "store": kind,
        "helenus": version("helenus"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
        "settings": msgspec.to_builtins(settings),
        "cases": msgspec.to_builtins(measured),
    }
    if as_json:
        print_json(told)
    else:
        answers.print(_table(told, measured))


@asynccontextmanager
async def _place(name: str) -> AsyncIterator[tuple[str, EventStore]]:
    """An open store of its own, and what it is called."""
    named = open_store(name, create=True)  # refuses a wrong name; it is not entered
    if name.startswith(SCHEME):
        from helenus.stores.cassandra import CassandraStore  # noqa: PLC0415  # for this store alone
        from helenus.stores.cassandra.scratch import scratch_keyspace  # noqa: PLC0415

        assert isinstance(named, CassandraStore)
        async with scratch_keyspace(named.settings) as own, CassandraStore(own) as store:
            yield f"the keyspace {own.keyspace}", store
        return
    path = Path(name.removeprefix("sqlite:"))
    if not path.parent.is_dir():
        raise InvalidArgument(f"There is no directory {path.parent}.", remedy="Make it first.")
    scratch = path.with_name(f"{path.name}.bench-{uuid.uuid4().hex[:8]}")
    try:
        async with open_store(f"sqlite:{scratch}", create=True) as store:
            yield f"the file {scratch}", store
    finally:
        for suffix in ("", "-wal", "-shm"):
            scratch.with_name(f"{scratch.name}{suffix}").unlink(missing_ok=True)


def _table(told: dict[str, Any], measured: list[Measured]) -> Table:
    title = (
        f"{told['store']}, helenus {told['helenus']}, Python {told['python']},"
        f" {told['processors']} processors"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("case", no_wrap=True)
    for heading in ("at once", "per second", "p50 ms", "p99 ms", "max ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in measured:
        times = (f"{ms:,.2f}" for ms in (one.median_ms, one.p99_ms, one.max_ms))
        table.add_row(one.case, str(one.in_flight), f"{one.per_second:,.0f}", *times)
    return table
