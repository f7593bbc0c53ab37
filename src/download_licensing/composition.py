"""The composition root: settings → store → repository → service → API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import structlog

from download_licensing.api import Api, ApiSettings, create_api
from download_licensing.catalogue import Catalogue
from download_licensing.debugging.debugger import Debugger, nothing_waits
from download_licensing.debugging.masking import Mask
from download_licensing.debugging.noting import NoteSettings, RefusalNotes
from download_licensing.debugging.versions import Published
from download_licensing.observability import Metrics, hooks, tracer_installed
from download_licensing.policies.events import PolicyBook
from download_licensing.policies.following import PublishedPolicies
from download_licensing.policies.keeping import PolicyKeeper
from download_licensing.policies.publishing import PolicyService
from download_licensing.service.licensing import AGGREGATES, LicensingService
from download_licensing.service.noted_refusals import Refusals
from download_licensing.settings import Settings, SettingsError
from download_licensing.tokens.key_files import KeyDirectory
from download_licensing.tokens.signer import TokenSigner
from helenus.observability import ObservedStore
from helenus.repository import AggregateRepository
from helenus.settings import RepositorySettings
from helenus.store import COMMIT_BYTES_MAX, EventStore
from helenus.stores.patient import PatientStore
from helenus.stores.sqlite import SqliteStore

_LARGE_COMMITS = RepositorySettings(commit_bytes_max=COMMIT_BYTES_MAX)
"""For policies: `policy_document_bytes_max` is their bound."""
_FEW_STREAMS = RepositorySettings(cache_streams_max=1_000, cache_bytes_max=16 * 1024 * 1024)
"""For refusals: they are written now and then, and read by people."""


def catalogue_of(settings: Settings) -> Catalogue:
    """The catalogue that the settings name, or the one shipped.

    Raises:
        CatalogueError: it cannot be used.
    """
    return Catalogue.load(settings.catalogue) if settings.catalogue else Catalogue.shipped()


@asynccontextmanager
async def open_api(
    settings: Settings, catalogue: Catalogue, store: EventStore | None = None
) -> AsyncIterator[Api]:
    """The whole service, closed in order at the end: what was acknowledged is on disk then.

    Args:
        settings: of the process.
        catalogue: the plans and titles in force.
        store: an open store to use in place of the settings' own.

    Raises:
        SettingsError: the data directory cannot be made, or the settings of Cassandra do not do.
        StoreUnusable: the store's file cannot be used.
        TokenKeysUnusable: the keys that sign tokens cannot be used.
        PolicyError, CommandRefused: nothing was ever published, and the policy file cannot be.
    """
    metrics = Metrics()
    if store is None:
        async with (
            store_of(settings, metrics) as opened,
            _open_api(settings, catalogue, opened, metrics) as api,
        ):
            yield api
    else:
        async with _open_api(settings, catalogue, store, metrics) as api:
            yield api


@asynccontextmanager
async def _open_api(
    settings: Settings, catalogue: Catalogue, store: EventStore, metrics: Metrics
) -> AsyncIterator[Api]:
    signer = signer_of(settings)
    observed = ObservedStore(store, tracer=tracer_installed())
    metrics.watch("store", observed.statistics)
    async with (
        AggregateRepository(observed, AGGREGATES, settings=settings.repository()) as repository,
        open_policies(settings, catalogue, store) as keeper,
        AggregateRepository(observed, [Refusals], settings=_FEW_STREAMS) as refusals,
        _noting(settings, refusals, metrics) as notes,
    ):
        metrics.watch("repository", repository.statistics)
        metrics.watch("policies", keeper.statistics)
        licensing = LicensingService(
            repository,
            catalogue,
            policies=keeper.policies,
            signer=signer,
            hooks=[*hooks(metrics), *([] if notes is None else [notes.hook])],
            observers=[] if notes is None else [notes.observe],
        )
        debugger = Debugger(
            store=observed,
            customers=repository,
            refusals=refusals,
            policies=Published(keeper.policies),
            catalogue=catalogue,
            mask=mask_of(settings),
            noting=nothing_waits if notes is None else notes.write_of,
        )
        async with licensing.following_withdrawals(poll_s=settings.withdrawals_poll_s):
            yield create_api(
                licensing,
                store,
                metrics,
                signer,
                policies=keeper,
                debugger=debugger,
                settings=_api_settings(settings),
            )


@asynccontextmanager
async def open_policies(
    settings: Settings, catalogue: Catalogue, store: EventStore
) -> AsyncIterator[PolicyKeeper]:
    """The policies published in a store, kept up to date in the block.

    Their repository is one of their own, so that what is told about customers' stays theirs.

    Raises:
        PolicyError, CommandRefused: nothing was ever published, and the file cannot be.
    """
    async with AggregateRepository(store, [PolicyBook], settings=_LARGE_COMMITS) as repository:
        keeper = PolicyKeeper(
            PublishedPolicies(repository),
            PolicyService(repository, lead_s=settings.policy_lead_s),
            catalogue,
            file=settings.policy,
            document_bytes_max=settings.policy_document_bytes_max,
            poll_s=settings.policy_poll_s,
        )
        await keeper.start()
        async with keeper.running():
            yield keeper


@asynccontextmanager
async def _noting(
    settings: Settings, refusals: AggregateRepository, metrics: Metrics
) -> AsyncIterator[RefusalNotes | None]:
    """What notes refusals around each command; None where the settings say so."""
    if not settings.refusals_noted:
        yield None
        return
    notes = RefusalNotes(refusals, _note_settings(settings))
    metrics.watch("refusals", notes.statistics)
    async with notes.running():
        yield notes


def signer_of(settings: Settings) -> TokenSigner:
    """Signs by the keys that the settings name, or by those of the data directory.

    Only there a first key is made, if there is none: a directory that was named and is empty is a
    mistake, and a key of its own would make tokens that no other process verifies.

    Raises:
        TokenKeysUnusable: the keys cannot be used.
    """
    directory = KeyDirectory(settings.token_keys_path)
    made = settings.token_keys_directory is None and directory.found()
    if made and settings.on_cassandra:
        structlog.get_logger("download_licensing").warning(
            "token keys made for this process: give all processes on the store the same",
            directory=str(directory.path),
            setting="token_keys_directory",
        )
    return TokenSigner(
        directory, issuer=settings.token_issuer, refresh_s=settings.token_keys_refresh_s
    )


def store_of(settings: Settings, metrics: Metrics) -> AbstractAsyncContextManager[EventStore]:
    """The store that the settings name, not yet open, watched by the metrics.

    Raises:
        SettingsError: the data directory cannot be made, or the settings of Cassandra do not do.
    """
    if not settings.on_cassandra:
        file = SqliteStore(_prepared(settings), settings.sqlite())
        metrics.watch("sqlite", file.statistics)
        return file
    cluster = settings.cassandra()
    from helenus.stores.cassandra import CassandraStore, drivers  # noqa: PLC0415  # if it is used

    # A driver tells of every attempt to connect, with its stack; we tell why there is no store.
    drivers.silence()
    store = CassandraStore(cluster)
    patient = PatientStore(lambda: store)
    metrics.watch("cassandra", store.statistics)
    metrics.watch("opening", patient.statistics)
    return patient


def _prepared(settings: Settings) -> str:
    if settings.store is None:
        try:
            settings.data_directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(
                f"The data directory {settings.data_directory} cannot be made: {error.strerror}."
                " Name another one (data_directory), or a file (--store)."
            ) from None
    return str(settings.store_path)


def mask_of(settings: Settings) -> Mask | None:
    """Gives the pseudonyms in bundles; None: each bundle has its own."""
    key = settings.bundle_key
    return None if key is None else Mask(key.get_secret_value().encode())


def _note_settings(settings: Settings) -> NoteSettings:
    return NoteSettings(
        interval_s=settings.refusals_note_interval_s,
        waiting_max=settings.refusals_waiting_max,
        per_day_max=settings.refusals_per_day_max,
    )


def _api_settings(settings: Settings) -> ApiSettings:
    return ApiSettings(
        rehearsal=settings.rehearsal,
        access_log=settings.access_log,
        requests_in_flight_max=settings.requests_in_flight_max,
        request_body_bytes_max=settings.request_body_bytes_max,
        retry_after_s=settings.retry_after_s,
        readiness_timeout_s=settings.readiness_timeout_ms / 1_000,
        key_set_max_age_s=settings.key_set_max_age_s,
    )
