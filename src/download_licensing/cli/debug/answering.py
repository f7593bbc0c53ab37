"""How the commands of `debug` reach the store, and how they end."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import typer

from download_licensing import settings as settings_module
from download_licensing.catalogue import Catalogue
from download_licensing.composition import catalogue_of, mask_of
from download_licensing.debugging.debugger import Debugger
from download_licensing.debugging.errors import BundleRefused, UnknownPolicyVersion
from download_licensing.debugging.states import Moment
from download_licensing.debugging.versions import Published, shipped
from download_licensing.documents import DocumentError
from download_licensing.domain.ids import ID_PATTERN
from download_licensing.domain.policy import Policy
from download_licensing.domain.refusals import AccountNotFound, Refusal
from download_licensing.domain.times import EARLIEST, utc
from download_licensing.policies.events import PolicyBook
from download_licensing.policies.following import PublishedPolicies
from download_licensing.policies.reading import load_policy
from download_licensing.service.licensing import AGGREGATES
from download_licensing.service.noted_refusals import Refusals
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
    2: "wrong arguments, settings, catalogue or policy file, or a file or store that is not there",
    3: "the store does not answer; run it again",
    10: "the store cannot be used: damaged, newer, not ours, or its driver is missing",
    12: "the bundle cannot be read: it is none, cut, changed, or of another version",
    14: "a decision of the bundle comes out differently",
    15: "there is no such customer",
    16: "stored bytes cannot be read",
    17: "the history cannot answer: a position behind its end, a time before its first event, no"
    " such licence, title or refusal",
    18: "there is no such policy",
    130: "interrupted",
}
"""What each exit code of the commands of `debug` means."""

UNUSABLE = 2
BUNDLE_UNUSABLE = 12
DIFFERS = 14
NO_CUSTOMER = 15
UNANSWERABLE = 17
NO_POLICY = 18


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
CatalogueFile = Annotated[
    Path | None, typer.Option(help="YAML file of plans and titles. Default: as the service has it.")
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
        except (SettingsError, DocumentError) as error:
            output.fail(str(error), UNUSABLE)
        except UnknownPolicyVersion as error:
            output.fail(str(error), NO_POLICY)
        except AccountNotFound as error:
            output.fail(error.detail, NO_CUSTOMER)
        except BundleRefused as error:
            output.fail(str(error), BUNDLE_UNUSABLE)
        except Refusal as error:
            output.fail(str(error), UNANSWERABLE)

    return output.run(told)


class Opened(NamedTuple):
    """A store, and what answers questions about it."""

    store: SourceStore
    debugger: Debugger
    catalogue: Catalogue


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Opened]:
    """The store of the settings, to be asked; looking takes no snapshot."""
    catalogue = catalogue_of(settings)
    looking = RepositorySettings(snapshot_events=0)
    async with (
        store_of(settings) as store,
        AggregateRepository(store, AGGREGATES, settings=looking) as customers,
        AggregateRepository(store, [Refusals], settings=looking) as refusals,
        AggregateRepository(store, [PolicyBook], settings=looking) as book,
    ):
        published = PublishedPolicies(book)
        await published.refresh()
        debugger = Debugger(
            store=store,
            customers=customers,
            refusals=refusals,
            policies=Published(published) if published.position else shipped(),
            catalogue=catalogue,
            mask=mask_of(settings),
        )
        yield Opened(store, debugger, catalogue)


def policy_named(text: str | None, on: Opened) -> Policy | None:
    """The policy that an option names: a file of a document, or a version of the store's.

    Raises:
        UnknownPolicyVersion: there is neither.
        PolicyError: the file is no policy.
    """
    if text is None:
        return None
    path = Path(text)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        return load_policy(path, on.catalogue).policy(EARLIEST)
    return on.debugger.policies.named(text)


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
