"""``helenus events``: which there are, and what some of them hold; and ``helenus stats``."""

from __future__ import annotations

import heapq
from typing import Annotated, Any

import typer

from helenus.cli.output import AsJson, counting, print_json, print_line, run
from helenus.cli.stores import StoreName, open_store
from helenus.cli.walking import commits, names
from helenus.events import from_microseconds
from helenus.raw import raw_events

app = typer.Typer(no_args_is_help=True, help="Which events there are, and what some hold.")

Prefix = Annotated[str, typer.Option(help="Only streams whose names begin with it.")]


@app.command(name="names")
def event_names(store: StoreName, prefix: Prefix = "", as_json: AsJson = False) -> None:
    """Count the events of each name and version. It reads every commit."""

    async def work() -> dict[str, int]:
        counts: dict[str, int] = {}
        with counting("Counting") as tell:
            async with open_store(store) as opened:
                async for stream in names(opened, prefix):
                    async for commit in commits(opened, stream):
                        for kind in commit.kinds:
                            counts[kind] = counts.get(kind, 0) + 1
                    tell(stream)
        return dict(sorted(counts.items()))

    counts = run(work)
    if as_json:
        print_json({"events": counts})
        return
    for kind, count in counts.items():
        print_line(f"{count:>12,}  {kind}")


@app.command()
def sample(
    store: StoreName,
    name: Annotated[str, typer.Argument(help="Of the event.", show_default=False)],
    count: Annotated[int, typer.Option(min=1, help="How many.")] = 3,
    prefix: Prefix = "",
    as_json: AsJson = False,
) -> None:
    """Show the first events of a name that are met, as they are stored. With --json, one to a line.

    It ends with the streams at the latest.
    """

    async def work() -> list[tuple[str, dict[str, Any]]]:
        found: list[tuple[str, dict[str, Any]]] = []
        async with open_store(store) as opened:
            async for stream in names(opened, prefix):
                async for commit in commits(opened, stream):
                    if not any(kind.partition("@")[0] == name for kind in commit.kinds):
                        continue
                    for event in raw_events(stream, commit):
                        if event.name == name:
                            shown = {
                                "stream": stream,
                                "position": event.position,
                                "version": event.version,
                                "recorded_at": from_microseconds(commit.recorded_at_us),
                                "data": event.data,
                            }
                            found.append((stream, shown))
                            if len(found) == count:
                                return found
        return found

    for _, shown in run(work):
        if as_json:
            print_json(shown)
        else:
            print_line(
                f"{shown['stream']}  position {shown['position']}  version {shown['version']}"
                f"  {shown['data']}"
            )


def stats(
    store: StoreName,
    prefix: Prefix = "",
    top: Annotated[int, typer.Option(min=0, help="How many of the longest streams to name.")] = 5,
    as_json: AsJson = False,
) -> None:
    """Count streams, commits, events and payload, and name the longest streams.

    It reads every commit.
    """

    async def work() -> dict[str, Any]:
        streams = all_commits = all_events = payload_bytes = snapshots = 0
        longest: list[tuple[int, str]] = []
        with counting("Counting") as tell:
            async with open_store(store) as opened:
                async for stream in names(opened, prefix):
                    streams += 1
                    events = 0
                    async for commit in commits(opened, stream):
                        all_commits += 1
                        events = commit.last
                        all_events += commit.last - commit.first + 1
                        payload_bytes += commit.size_bytes
                    snapshots += await opened.load_snapshot(stream) is not None
                    heapq.heappush(longest, (events, stream))
                    while len(longest) > top:
                        heapq.heappop(longest)
                    tell(f"{streams:,} streams, {all_commits:,} commits")
        return {
            "streams": streams,
            "commits": all_commits,
            "events": all_events,
            "payload_bytes": payload_bytes,
            "snapshots": snapshots,
            "longest": [
                {"stream": stream, "head": head} for head, stream in sorted(longest, reverse=True)
            ],
        }

    counted = run(work)
    if as_json:
        print_json(counted)
        return
    for name in ("streams", "commits", "events", "payload_bytes", "snapshots"):
        print_line(f"{counted[name]:>16,}  {name.replace('_', ' ')}")
    for one in counted["longest"]:
        print_line(f"{one['head']:>16,}  {one['stream']}")
