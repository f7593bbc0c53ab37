"""How the commands of `debug` reach the store, and how they end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from download_licensing import settings as settings_module
from download_licensing.debugging.errors import Unanswerable
from download_licensing.debugging.states import Moment
from download_licensing.domain.ids import ID_PATTERN
from download_licensing.domain.refusals import AccountNotFound, Refusal
from download_licensing.domain.times import utc
from download_licensing.service.licensing import AGGREGATES
from download_licensing.settings import Settings, SettingsError
from helenus.cli import output
from helenus.errors import InvalidArgument
from helenus.repository import AggregateRepository
from helenus.settings import RepositorySettings
from helenus.stores.cassandra_url import FORM
from helenus.stores.sqlite import SqliteStore
from helenus.transfer import SourceStore

T = TypeVar("T")

EXIT_CODES = {
    0: "done",
    1: "anything else",
    2: "wrong arguments or settings, or a file or store that is not there",
    3: "the store does not answer; run it again",
    10: "the store cannot be used: damaged, newer, not ours, or its driver is missing",
    15: "there is no such customer",
    16: "stored bytes cannot be read",
    17: "the history cannot answer: a position behind its end, a time before its first event",
    130: "interrupted",
}
"""What each exit code of the commands of `debug` means."""

UNUSABLE = 2
NO_CUSTOMER = 15
UNANSWERABLE = 17


def _customer_id(text: str) -> str:
    if not re.match(ID_PATTERN, text):
        raise typer.BadParameter(f"{text!r} is no customer's id.")
    return text


Customer = Annotated[
    str,
    typer.Argument(
        metavar="CUSTOMER", help="The customer's id.", show_default=False, callback=_customer_id
    ),
]
Store = Annotated[
    str | None,
    typer.Option(
        help=f"The store's file, or {FORM}. Default: as the service has it.", metavar="PATH|URL"
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(help="A TOML file of settings.", envvar=settings_module.CONFIG_VARIABLE),
]


def run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's work; whatever goes wrong ends with a sentence and its exit code."""

    async def told() -> T:
        try:
            return await work()
        except SettingsError as error:
            output.fail(str(error), UNUSABLE)
        except AccountNotFound as error:
            output.fail(error.detail, NO_CUSTOMER)
        except Refusal as error:
            output.fail(str(error), UNANSWERABLE if isinstance(error, Unanswerable) else 1)

    return output.run(told)


@asynccontextmanager
async def histories(settings: Settings) -> AsyncIterator[AggregateRepository]:
    """The customers' streams in the store of the settings; looking takes no snapshot."""
    async with (
        store_of(settings) as store,
        AggregateRepository(
            store, AGGREGATES, settings=RepositorySettings(snapshot_events=0)
        ) as repository,
    ):
        yield repository


def store_of(settings: Settings) -> AbstractAsyncContextManager[SourceStore]:
    """The store of the settings, to be entered; it has to be there already.

    Raises:
        InvalidArgument: there is no such file.
        SettingsError: the settings of Cassandra do not do.
    """
    if settings.on_cassandra:
        cluster = settings.cassandra()
        from helenus.stores.cassandra import CassandraStore, drivers  # noqa: PLC0415  # if used

        drivers.silence()
        return CassandraStore(cluster)
    if not settings.store_path.is_file():
        raise InvalidArgument(
            f"There is no file {settings.store_path}.", remedy="Name the store: --store PATH|URL."
        )
    return SqliteStore(settings.store_path, settings.sqlite())


def moment(position: int | None, time: str | None) -> Moment:
    """What the options for a moment say.

    Raises:
        InvalidArgument: it is no time, or both were given.
    """
    if position is not None and time is not None:
        raise InvalidArgument("Give a position or a time, not both.")
    return Moment(position=position, time=None if time is None else moment_in_time(time))


def moment_in_time(text: str) -> datetime:
    """A time as it is written on the command line.

    Raises:
        InvalidArgument: it is no time, has no zone, or lies outside the calendar.
    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidArgument(
            f"{text!r} is no time.", remedy="Write 2026-03-01T18:30:00Z."
        ) from None
    return utc(read, "The time")
