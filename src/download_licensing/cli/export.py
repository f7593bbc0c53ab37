"""`export`: every recorded event of a store's file, as JSON lines."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated

import msgspec
import typer

from download_licensing.service.history import HistoryEvent, history_event
from download_licensing.service.licensing import STORED_AGGREGATES
from helenus.codec import Codec
from helenus.errors import InvalidArgument, StoreUnusable
from helenus.events import Event, RecordedEvent
from helenus.store import FeedEntry
from helenus.stores.sqlite import SqliteStore


class ExportedEvent(HistoryEvent, frozen=True, kw_only=True):
    """A recorded event and the stream that holds it."""

    stream: str


def export(
    store: Annotated[Path, typer.Option(help="The store's file.")],
    output: Annotated[
        Path | None, typer.Option(help="File to write; by default standard output.")
    ] = None,
) -> None:
    """Write every recorded event as one line of JSON, in the order of the store's feed.

    The service may run meanwhile; what it records after the last line is not in the output.
    """
    if not store.exists():
        raise StoreUnusable(f"There is no file {store}.", remedy="Name the file of a store.")
    with destination(output) as file:
        written = asyncio.run(_export(store, file))
    if output is not None:
        typer.echo(f"{output}: {written:,} events.", err=True)


async def _export(path: Path, destination: IO[bytes]) -> int:
    codec = Codec(STORED_AGGREGATES)
    encoder = msgspec.json.Encoder()
    written = 0
    async with SqliteStore(path) as store:
        async for entries in store.feed():
            events = list(_events(codec, entries))
            destination.write(encoder.encode_lines(events))
            written += len(events)
    return written


def _events(codec: Codec, entries: list[FeedEntry]) -> Iterator[ExportedEvent]:
    for entry in entries:
        for recorded in codec.recorded(entry.stream, [entry.commit]):
            yield _exported(recorded)


def _exported(recorded: RecordedEvent[Event]) -> ExportedEvent:
    fields = msgspec.structs.asdict(history_event(recorded))
    return ExportedEvent(stream=recorded.stream, **fields)


@contextlib.contextmanager
def destination(output: Path | None) -> Iterator[IO[bytes]]:
    """Standard output, or a file that appears whole or not at all."""
    if output is None:
        try:
            yield sys.stdout.buffer
            sys.stdout.flush()
        except BrokenPipeError:
            # Whoever read it has enough, such as `head`; nothing more can be flushed at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    _require_writable(output)
    with tempfile.NamedTemporaryFile(
        dir=output.parent, prefix=f".{output.name}.", delete=False
    ) as file:
        try:
            yield file
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(output)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _require_writable(output: Path) -> None:
    """Say what is wrong with the file that was named, not with the temporary one beside it."""
    if output.is_dir():
        raise InvalidArgument(f"{output} is a directory.", remedy="Name a file to write.")
    if not output.parent.is_dir():
        raise InvalidArgument(
            f"There is no directory {output.parent}.", remedy="Make it, or name another file."
        )
