"""`policy`: for those who write policies. Nothing takes effect but by `publish`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from download_licensing import settings as settings_module
from download_licensing.catalogue import Catalogue
from download_licensing.cli import policy_show as show
from download_licensing.cli.debug.answering import (
    CatalogueFile,
    Config,
    Store,
    moment_in_time,
    store_of,
)
from download_licensing.composition import catalogue_of
from download_licensing.composition import store_of as made_store_of
from download_licensing.debugging.comparing import Comparing, counted
from download_licensing.documents import DocumentError, near_miss
from download_licensing.domain.policy import NoPolicyInForce
from download_licensing.domain.times import EARLIEST
from download_licensing.observability import Metrics
from download_licensing.policies.countries import country_codes
from download_licensing.policies.differences import compare
from download_licensing.policies.document import PolicyDocument, PolicyError
from download_licensing.policies.events import PolicyBook, PublishedVersion
from download_licensing.policies.explaining import explain as explain_policy
from download_licensing.policies.following import PublishedPolicies
from download_licensing.policies.publishing import (
    PolicyService,
    Publication,
    PublishPolicy,
    WithdrawPolicy,
)
from download_licensing.policies.reading import load_policy, read_policy
from download_licensing.policies.schema import schema_text
from download_licensing.policies.shipped import shipped_policy
from download_licensing.settings import Settings, SettingsError
from helenus.cli import output
from helenus.cli.output import AsJson
from helenus.errors import CommandRefused, InvalidArgument
from helenus.repository import AggregateRepository
from helenus.service import CommandContext
from helenus.store import EventStore

EXIT_CODES = {
    0: "done; of `diff`: nothing differs",
    1: "anything else",
    2: "wrong arguments, a policy, catalogue or setting that cannot be used, a file or store that"
    " is not there",
    3: "the store does not answer; run it again",
    10: "the store cannot be used: damaged, newer, not ours, or its driver is missing",
    14: "`diff`: the policies differ",
    16: "stored bytes cannot be read",
    19: "the policy was not published or withdrawn: another was first, or its date or version"
    " cannot be",
    130: "interrupted",
}
"""What each exit code of the commands of `policy` means."""

UNUSABLE = 2
DIFFERENT = output.FOUND
REFUSED = 19
SHIPPED = "shipped"
DAYS_MAX = 3_650
ACTOR = "policy-command"

app = typer.Typer(
    help="Check, compare, explain and publish policies.",
    no_args_is_help=True,
    epilog="Exit codes: " + "; ".join(f"{code} {text}" for code, text in EXIT_CODES.items()) + ".",
)

T = TypeVar("T")

_NAMED = "a file, a version published in the store, or `shipped`"
Policy = Annotated[
    str | None,
    typer.Argument(
        metavar="[POLICY]",
        help=f"{_NAMED[0].upper()}{_NAMED[1:]}. Default: the one in force.",
        show_default=False,
    ),
]
File = Annotated[Path, typer.Argument(help="A YAML file.", show_default=False)]
Version = Annotated[str, typer.Argument(help="A version that was published.", show_default=False)]


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Argument(help="A YAML file. Default: the policy shipped.")
    ] = None,
    *,
    catalogue: CatalogueFile = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a policy can be published, and list all that is to correct."""

    async def work() -> PolicyDocument | PolicyError:
        settings = _settings(config, catalogue=catalogue)
        try:
            return _shipped_or(file, settings, catalogue_of(settings))
        except PolicyError as error:
            if as_json:
                return error
            raise

    found = _run(work)
    if isinstance(found, PolicyError):
        output.print_json(show.unsound(found))
        raise typer.Exit(UNUSABLE)
    if as_json:
        output.print_json(show.sound(found))
    else:
        show.checked(found)


@app.command()
def schema() -> None:
    """Write the JSON Schema of policies: editors complete and check a file by it."""
    typer.echo(schema_text(), nl=False)


@app.command()
def explain(
    policy: Policy = None,
    *,
    plan: Annotated[str, typer.Option(help="The customer's plan.", show_default=False)],
    title: Annotated[str | None, typer.Option(help="A title. Default: whichever.")] = None,
    country: Annotated[
        str, typer.Option(help="The account's country, as DE. Default: not known.")
    ] = "",
    at: Annotated[
        str | None,
        typer.Option(help="When, as 2026-03-01T18:30:00Z, of what is published. Default: now."),
    ] = None,
    store: Store = None,
    catalogue: CatalogueFile = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say which rule holds for a plan, title and country, and which line of the policy says so."""

    async def work() -> show.Explanation:
        settings = _settings(config, store=store, catalogue=catalogue)
        held = catalogue_of(settings)
        _require("plan", plan, held.plans)
        if title is not None:
            _require("title", title, held.titles)
        if country:
            _require("country", country, country_codes())
        moment = _now() if at is None else moment_in_time(at)
        document = await _document(policy, settings, held, moment)
        explained = explain_policy(
            document,
            document.policy(EARLIEST),
            plan,
            None if title is None else held.titles[title],
            country,
        )
        return show.Explanation(
            version=document.version, source=document.source, rules=tuple(explained)
        )

    found = _run(work)
    if as_json:
        output.print_json(found)
    else:
        show.explanation(found)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help=f"{_NAMED}.", show_default=False)],
    after: Annotated[str, typer.Argument(help=f"{_NAMED}.", show_default=False)],
    *,
    days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=DAYS_MAX,
            help="Judge the decisions of so many last days by both, on the histories in the store.",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=0, max=10_000, help="Most decisions that are told.")
    ] = 20,
    store: Store = None,
    catalogue: CatalogueFile = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Say what changed between two policies, for whom, and which decisions come out otherwise."""

    async def work() -> show.Comparison:
        settings = _settings(config, store=store, catalogue=catalogue)
        held = catalogue_of(settings)
        now = _now()
        one, other = [await _document(name, settings, held, now) for name in (before, after)]
        decisions = None
        if days is not None:
            since = now - timedelta(days=days)
            async with store_of(settings) as opened:
                comparing = Comparing(
                    opened,
                    one.policy(EARLIEST),
                    other.policy(EARLIEST),
                    held.titles,
                    since=since,
                    told_max=limit,
                )
                with output.counting("Judging") as told:
                    await comparing.population(opened, progress=lambda t: told(counted(t)))
            decisions = comparing.tally
        return show.Comparison(document=compare(one, other, held), days=days, decisions=decisions)

    found = _run(work)
    if as_json:
        output.print_json(found)
    else:
        show.comparison(found)
    if found.differs:
        raise typer.Exit(DIFFERENT)


@app.command()
def publish(
    file: File,
    *,
    expect: Annotated[
        str | None,
        typer.Option(
            help="Publish only if this is the last version. Default: the one that is now."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check all that can be, and publish nothing.")
    ] = False,
    store: Store = None,
    catalogue: CatalogueFile = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Publish a policy: it holds from its date on, for every process on the store."""

    async def work() -> show.Published:
        settings = _settings(config, store=store, catalogue=catalogue)
        held = catalogue_of(settings)
        document = _loaded(file, settings, held)
        async with _publishing(settings) as service:
            last = _last(await service.versions())
            expected = last if expect is None else expect
            changes = 0
            if last:
                old = (await service.text_of(last)).document.encode()
                changes = len(compare(read_policy(old, last, bytes_max=len(old)), document).changes)
            context = CommandContext(at=_now(), actor=ACTOR)
            command = PublishPolicy.of(document, expected)
            publication: Publication = (
                await service.preview(command, context)
                if dry_run
                else await service.execute(command, context)
            )
        return show.Published(publication=publication, after=last, changes=changes, dry_run=dry_run)

    found = _run(work)
    if as_json:
        output.print_json(found)
    else:
        show.published(found)


@app.command()
def withdraw(
    version: Version, *, store: Store = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Take a version back before it takes effect."""

    async def work() -> PublishedVersion:
        async with _publishing(_settings(config, store=store)) as service:
            withdrawn: PublishedVersion = await service.execute(
                WithdrawPolicy(version=version), CommandContext(at=_now(), actor=ACTOR)
            )
        return withdrawn

    found = show.listed(_run(work))
    if as_json:
        output.print_json(found)
    else:
        output.print_line(f"{found.version} was withdrawn and never holds.")


@app.command()
def history(*, store: Store = None, config: Config = None, as_json: AsJson = False) -> None:
    """List every version that was published, and when each one holds."""

    async def work() -> list[PublishedVersion]:
        settings = _settings(config, store=store)
        async with store_of(settings) as opened, _service(settings, opened) as service:
            return await service.versions()

    found = show.history_of(_run(work), _now())
    if as_json:
        output.print_json(found)
    else:
        show.history(found)


@app.command(name="show")
def show_text(
    policy: Policy = None,
    *,
    store: Store = None,
    catalogue: CatalogueFile = None,
    config: Config = None,
) -> None:
    """Write the text of a policy, as it was published."""

    async def work() -> str:
        settings = _settings(config, store=store, catalogue=catalogue)
        document = await _document(policy, settings, catalogue_of(settings), _now())
        return document.text

    typer.echo(_run(work), nl=False)


def _now() -> datetime:
    return datetime.now(UTC)


def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's work; whatever goes wrong ends with a sentence and its exit code."""

    async def told() -> T:
        try:
            return await work()
        except (SettingsError, DocumentError, NoPolicyInForce) as error:
            output.fail(str(error), UNUSABLE)
        except CommandRefused as error:
            output.fail(str(error), REFUSED)

    return output.run(told)


def _settings(config: Path | None, **given: Any) -> Settings:
    return settings_module.load(config, given)


def _loaded(file: Path, settings: Settings, catalogue: Catalogue) -> PolicyDocument:
    return load_policy(file, catalogue, bytes_max=settings.policy_document_bytes_max)


def _shipped_or(file: Path | None, settings: Settings, catalogue: Catalogue) -> PolicyDocument:
    return shipped_policy(catalogue) if file is None else _loaded(file, settings, catalogue)


async def _document(
    name: str | None, settings: Settings, catalogue: Catalogue, at: datetime
) -> PolicyDocument:
    """The policy that an argument names.

    Raises:
        InvalidArgument: there is none.
        PolicyError: the file is no policy.
        NoPolicyInForce: nothing was published.
    """
    if name == SHIPPED:
        return shipped_policy(catalogue)
    if name is not None and (file := _file(name)) is not None:
        return _loaded(file, settings, catalogue)
    async with (
        store_of(settings) as opened,
        AggregateRepository(opened, [PolicyBook]) as repository,
    ):
        published = PublishedPolicies(repository)
        if not await published.refresh():
            raise InvalidArgument(
                "No policy was published in this store.",
                remedy=f"Name {_NAMED}, or start the service once.",
            )
        if name is None:
            return published.held_at(at).document()
        held = published.named(name)
        if held is None:
            hint = near_miss(name, [known.version for known in published.held]).strip()
            raise InvalidArgument(
                f"There is no file {name!r}, and no version of this name was published.",
                remedy=hint or "See `download-licensing policy history`.",
            )
        return held.document()


def _file(name: str) -> Path | None:
    """The file that an argument names, by its ending if it is not there."""
    path = Path(name)
    return path if path.is_file() or path.suffix in {".yaml", ".yml"} else None


@asynccontextmanager
async def _publishing(settings: Settings) -> AsyncIterator[PolicyService]:
    """Publishes into the store, which is made if it is a file that is not there."""
    store: AbstractAsyncContextManager[EventStore] = (
        store_of(settings) if settings.on_cassandra else made_store_of(settings, Metrics())
    )
    async with store as opened, _service(settings, opened) as service:
        yield service


@asynccontextmanager
async def _service(settings: Settings, store: EventStore) -> AsyncIterator[PolicyService]:
    async with AggregateRepository(store, [PolicyBook]) as repository:
        yield PolicyService(repository, lead_s=settings.policy_lead_s)


def _last(versions: list[PublishedVersion]) -> str:
    standing = [known.version for known in versions if known.withdrawn_at is None]
    return standing[-1] if standing else ""


def _require(what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        hint = near_miss(name, known).strip() or f"Use a {what} of the catalogue."
        raise InvalidArgument(f"There is no {what} {name!r}.", remedy=hint)
